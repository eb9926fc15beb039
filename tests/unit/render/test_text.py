# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
from hypothesis import given

from hubpolicy.domain.finding import Finding, Location, Severity
from hubpolicy.render.report import MeasurementRow, RefRow, Report, Row
from hubpolicy.render.text import render
from tests.unit.render.hostile import REPORTS, assert_harmless, commands

FAILED = Report("verify", "hubpolicy verify ./m", "failed", 1, solo=True)


@given(REPORTS)
def test_hostile_text_is_harmless_and_stays_in_its_line(report: Report) -> None:
    text = render(report, verbose=True)
    assert_harmless(text)
    assert len(commands(text)) == len(commands(render(report._replace(rows=(), refs=()))))
    assert report.verdict in text


def test_only_our_own_colours_reach_the_terminal() -> None:
    finding = Finding("HP101", Severity.ERROR, "\x1b[2J")
    text = render(FAILED._replace(findings=(finding,)), color=True)
    assert text.count("\x1b") == 4  # two marks, painted and reset
    assert "\\x1b[2J" in text


def test_a_blocked_screen_says_what_why_where_and_what_to_type() -> None:
    finding = Finding("HP110", Severity.ERROR, "no licence", Location("README.md", 3, 2), "add one")
    lines = render(FAILED._replace(findings=(finding,), closing="Nothing was pushed.")).split("\n")
    assert lines == [
        "hubpolicy verify ./m",
        "✗ HP110 no licence  README.md:3:2",
        "    fix: add one    explain: hubpolicy rule HP110",
        "✗ failed  (trust: solo, one person holds every key)",
        "Nothing was pushed.",
        "",
    ]


@pytest.mark.parametrize(("verbose", "shown"), [(False, False), (True, True)])
def test_information_is_for_those_who_ask(verbose: bool, shown: bool) -> None:
    report = FAILED._replace(findings=(Finding("HP113", Severity.INFO, "by the way"),))
    assert ("by the way" in render(report, verbose=verbose)) == shown


def test_errors_come_first_and_waived_ones_are_counted() -> None:
    report = FAILED._replace(
        findings=(
            Finding("HP113", Severity.WARNING, "later"),
            Finding("HP101", Severity.ERROR, "first"),
        ),
        waived=(Finding("HP203", Severity.ERROR, "rude"),) * 2,
    )
    text = render(report)
    assert text.index("first") < text.index("later")
    assert "2 waived: HP203" in text
    assert "rude" not in text


def test_columns_are_aligned_also_where_text_grows_by_escaping() -> None:
    rows = (Row("a", "1", "x"), Row("long\x1b", "two", "y"), Row("b", "without remark"))
    lines = render(FAILED._replace(rows=rows)).split("\n")[1:4]
    assert lines == ["  a         1    x", "  long\\x1b  two  y", "  b         without remark"]


def test_suites_and_refs_are_shown_with_what_decides() -> None:
    row = MeasurementRow(
        "TX-1", "p_any@5", 600, 3, 1, "0.0129", "0.02", True, "screen-en", "screen", "ab" * 32
    )
    refs = (
        RefRow("acme/m", "refs/heads/main", "c" * 40, "ATTESTED", "by ada"),
        RefRow("acme/m", "refs/pr/1", "d" * 40, "MODIFIED", "HP308"),
    )
    text = render(FAILED._replace(measurements=(row, row._replace(passed=False)), refs=refs))
    assert "✓ TX-1  p_any@5: 3 of 600 prompts (1 imputed), upper bound 0.0129 <= 0.02" in text
    assert "✗ TX-1" in text
    assert "upper bound 0.0129 > 0.02  [screen-en, tier screen]" in text
    assert "  acme/m\n    ✓ refs/heads/main  ATTESTED  cccccccccccc  by ada\n" in text
    assert "    ✗ refs/pr/1        MODIFIED  dddddddddddd  HP308\n" in text


@pytest.mark.parametrize(("solo", "words"), [(True, "trust: solo"), (False, ""), (None, "")])
def test_solo_is_said_in_every_report(solo: bool | None, words: str) -> None:
    text = render(Report("check", "t", "passed", 0, solo=solo))
    assert words in text
    assert ("solo" in text) == bool(solo)
