# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from markdown_it import MarkdownIt

from hubpolicy.domain.finding import Finding, Location, Severity
from hubpolicy.render.escape import markdown, terminal
from hubpolicy.render.markdown import render
from hubpolicy.render.report import Report
from tests.unit.render.audits import CHANGED, MAIN, MIXED, audit, ref
from tests.unit.render.hostile import REPORTS, TEXT, assert_harmless, commands

PARSER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


def cells(text: str) -> list[str]:
    """The plain text of every table cell; anything but plain text in one is an error."""
    found = []
    tokens = PARSER.parse(text)
    for before, token in itertools.pairwise(tokens):
        if before.type in {"td_open", "th_open", "heading_open"}:
            children = token.children or []
            markup = {child.content for child in children if child.type == "html_inline"}
            texts = [child for child in children if child.type != "html_inline"]
            assert markup <= {"<span>", "</span>"}, token.content
            assert {child.type for child in texts} <= {"text", "text_special"}, token.content
            found.append("".join(child.content for child in texts))
    return found


@given(REPORTS)
def test_no_cell_holds_anything_but_its_text(report: Report) -> None:
    text = render(report._replace(closing=""))
    assert_harmless(text)
    assert not commands(text)
    shown = cells(text)
    blocks = {token.type for token in PARSER.parse(text)}
    assert not blocks & {"html_block", "fence", "code_block", "blockquote_open", "list_item_open"}
    widths = ((report.rows, 2), (report.measurements, 6), (report.refs, 6), (report.findings, 5),
              (report.exposures, 6), (report.signings, 7))  # fmt: skip
    assert len(shown) == 1 + sum(width * (len(rows) + 1) for rows, width in widths if rows)


@given(TEXT)
def test_a_message_is_read_as_it_was_written(message: str) -> None:
    report = Report("check", "t", "failed", 1, (Finding("HP101", Severity.ERROR, message),))
    shown = cells(render(report))[-2]
    # White space at the ends of a cell is the table's.
    assert shown.split() == terminal(message).split()


@pytest.mark.parametrize(("text", "shown"), [
    ("@everyone", "<span>@</span>everyone"),
    ("see @acme/team", "see <span>@</span>acme/team"),
    ("a\\@x", "a\\\\<span>@</span>x"),
    ("acme/m@refs p_any@2", r"acme/m\@refs p\_any\@2"),  # no names: a letter stands before
    ("#12 acme/m#3 GH-4", "<span>#</span>12 acme/m<span>#</span>3 GH<span>-</span>4"),
    ("# title", r"\# title"),
    ("$x$ \\$", "<span>$</span>x<span>$</span> \\\\<span>$</span>"),
])  # fmt: skip
def test_github_calls_nobody_links_no_issue_and_reads_no_mathematics(text: str, shown: str) -> None:
    assert markdown(text) == shown


@given(TEXT)
def test_github_makes_no_link_of_an_address(message: str) -> None:
    report = Report("check", "t", "failed", 1, (Finding("HP101", Severity.ERROR, message),))
    text = render(report).lower()
    assert "http://" not in text
    assert "https://" not in text
    assert "www." not in text


def test_the_title_says_verdict_code_and_trust() -> None:
    finding = Finding("HP110", Severity.ERROR, "m", Location("README.md", 3, 1), "add it")
    report = Report("check", "hubpolicy check m", "failed", 1, (finding,), (finding,), solo=True)
    text = render(report)
    assert text.startswith("## hubpolicy check m\n\n❌ **failed** (exit code 1), trust: solo\n")
    assert cells(text)[-5:] == ["HP110", "error", "README.md:3", "m", "add it"]
    assert "1 waived." in text


def test_a_wide_audit_is_bounded_the_worst_first_and_counted() -> None:
    rows = [ref(f"acme/m{n}", MAIN, ("ATTESTED", "MODIFIED")[n % 2], 0) for n in range(4000)]
    report = audit([*rows, ref("acme/last", MAIN, "REVOKED")], findings=(CHANGED,) * 1500)
    text = render(report)
    assert "2,000 refs that are attested are not listed." in text
    assert "1,001 more: see the JSON report." in text
    assert "500 more: see the JSON report." in text
    first = next(line for line in text.split("\n") if line.startswith("| acme/"))
    assert "REVOKED" in first
    assert len(text) < 700_000


def test_signatures_and_times_in_public_are_tables() -> None:
    shown = cells(render(MIXED))
    assert shown.count("acme/good") == 2 + 2
    for said in ("another key", "rita (releaser)", "acme/release 7", "repo.visibility by mallory"):
        assert said in shown, said
    assert "acme/bad: refs/pr/1 config.json:3" in shown  # a finding has its repository
