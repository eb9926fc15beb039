# SPDX-License-Identifier: Apache-2.0
"""HP115: links lead somewhere."""

from __future__ import annotations

import pytest

from tests.unit.core.card.cards import TRANSFORMERS, found, judge, with_metadata

FACTS = TRANSFORMERS._replace(paths=TRANSFORMERS.paths | {"docs/a b.pdf", "img/x.png"})


def card(text: str) -> str:
    return with_metadata().replace("# Tern", f"# Tern\n\n{text}")


@pytest.mark.parametrize(
    "text",
    [
        "[a](https://example.org)",
        "[a](docs/a%20b.pdf)",
        "[a](<docs/a b.pdf>)",
        "![a](./img/x.png?raw=true)",
        "[a](docs)",
        "[a](#uses)",
        "[a](/acme/other)",
        "<img src='img/x.png'>",
        "`[a](nowhere)`",
        "<!-- [a](nowhere) -->",
        "anna@acme.example",
    ],
)
def test_links_that_lead_somewhere_pass(text: str) -> None:
    assert judge(card(text), FACTS).findings == ()


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("[a](nowhere.md)", "10:5 warning the link `nowhere.md` leads to no file of the release"),
        ("![a](img/y.png)", "10:6 warning the image `img/y.png` leads to no file of the release"),
        ("x <img src='y.png'>", "10:13 warning the image `y.png` leads to no file of the release"),
        ("[a](../x.png)", "10:5 warning the link `../x.png` leads to no file of the release"),
        ("[a](/home/x/y)", "10:5 warning the link `/home/x/y` leads to the author's own machine"),
        (
            "http://localhost:1/x",
            "10:1 warning the link `http://localhost:1/x` leads to the author's own machine",
        ),
        (
            "[a](javascript:x)",
            "10:5 warning the link `javascript:x` is no address that the Hub shows",
        ),
    ],
)
def test_links_that_lead_nowhere_are_warnings(text: str, finding: str) -> None:
    assert found(card(text), "HP115", FACTS) == [finding]


def test_the_same_link_twice_is_two_places() -> None:
    assert len(found(card("[a](x.md)\n\n[b](x.md)"), "HP115")) == 2
