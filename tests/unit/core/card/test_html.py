# SPDX-License-Identifier: Apache-2.0
"""Raw HTML: what a reader sees."""

from __future__ import annotations

import time

import pytest

from hubpolicy.core.card.html import HtmlAddress, HtmlHeading, addresses, headings, visible


@pytest.mark.parametrize(
    ("html", "seen"),
    [
        ("<b>one</b> two", "one two"),
        ("one<!-- two -->three", "one three"),
        ("one<!-- two", "one"),
        ("<script>one</script>two", "two"),
        ("<STYLE type=x>one</style >two", "two"),
        ("<script>one", ""),
        ("a < b and c > d", "a < b and c > d"),
        ("<img alt='one' src=two>", ""),
    ],
)
def test_visible_text(html: str, seen: str) -> None:
    assert " ".join(visible(html).split()) == seen


def test_headings_know_their_level_and_line() -> None:
    html = "<div>\n<h1 class='x'>A <i>b</i></h1>\n<!-- <h2>no</h2> -->\n<H3>c</H3></div>"
    assert headings(html) == (HtmlHeading(1, "A  b", 1), HtmlHeading(3, "c", 3))


def test_headings_that_never_close_are_none() -> None:
    assert headings("<h1>one <h2>two") == ()


def test_addresses_know_what_they_are() -> None:
    html = "<a href=\"one\">x</a>\n<img src='two'>\n<!-- <a href='no'> -->"
    assert addresses(html) == (HtmlAddress("one", 0, False), HtmlAddress("two", 1, True))


@pytest.mark.parametrize(
    "html",
    ["<!--" * 50_000, "<h1>" * 50_000, "<" * 200_000, 'href="' * 40_000, "<script>" * 30_000],
)
def test_hostile_html_takes_linear_time(html: str) -> None:
    begin = time.process_time()
    visible(html), headings(html), addresses(html)
    assert time.process_time() - begin < 3


def test_of_many_addresses_each_has_its_line() -> None:
    html = "".join(f'<a href="{line}">x</a><img src="{line}">\n' for line in range(50))
    assert [int(each.target) for each in addresses(html)] == [
        each.lines for each in addresses(html)
    ]
    assert len(addresses(html)) == 100
