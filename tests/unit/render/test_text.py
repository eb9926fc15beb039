# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
from hypothesis import given

from hubpolicy.domain.finding import Finding, Location, Severity
from hubpolicy.render.report import MeasurementRow, RefRow, Report, Row
from hubpolicy.render.text import render
from hubpolicy.render.text_audit import NEWEST
from tests.golden.samples import sha
from tests.unit.render.audits import MIXED, audit, ref, signed
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


AUDIT = """\
hubpolicy audit acme
  acme/good
    ✓ refs/heads/main  ATTESTED    {0}
    ✓ refs/tags/v1     ATTESTED    {1}
    · signed 2026-03-01T09:00:00Z (self-declared)  rita (releaser)  key {key}  \
policy acme/release 7  no ref any more
    ! signed 2026-06-01T09:00:00Z                  rita (releaser)  key {two}  \
policy acme/release 7  refs/heads/main  another key
  acme/bad
    ✗ refs/heads/main  UNATTESTED  {2}  no release line; HP201
    ✗ refs/pr/1        MODIFIED    {3}  HP308
    ✗ public 2026-05-01T00:00:00Z to 2026-05-09T00:00:00Z  refs/heads/main  {bad}  \
repo.visibility by mallory
  acme/gone
    ✗ (all refs)       UNREADABLE                got 500 from the hub
  acme/old
    ! refs/heads/main  STALE       {5}  held under acme/release 6
    · signed 2026-01-15T09:00:00Z (self-declared)  rita (releaser)  key {key}  \
policy acme/release 7  refs/heads/main
  acme/first
    · refs/heads/main  BASELINE    {6}
✗ HP201 not tested yet  in acme/bad: refs/heads/main
    fix: hubpolicy test PATH    explain: hubpolicy rule HP201
✗ HP308 config.json is not what was released  in acme/bad: refs/pr/1  config.json:3:7
    explain: hubpolicy rule HP308
✗ failed
"""


def test_an_audit_is_told_repository_by_repository() -> None:
    oids = [row.oid[:12] for row in MIXED.refs]
    told = AUDIT.format(
        *oids, key=sha("one")[:12], two=sha("two")[:12], bad=MIXED.exposures[0].oid[:12]
    )
    assert render(MIXED) == told


@pytest.mark.parametrize(
    ("detail", "rules", "said"),
    [
        ("no release line; HP203", "HP203 HP301", "no release line; HP203, HP301"),
        ("HP308 config.json", "HP121 HP308", "HP308 config.json; HP121"),
        ("", "HP201", "HP201"),
        ("fine", "", "fine"),
    ],
)
def test_rules_are_told_once(detail: str, rules: str, said: str) -> None:
    line = render(audit([ref("acme/m", "main", detail=detail, rules=rules)])).split("\n")[2]
    assert line.split("  ")[-1] == said


def test_of_many_releases_the_newest_are_shown_and_those_that_stand_out() -> None:
    days = [f"2026-01-{day:02}T00:00:00Z" for day in range(1, 11)]
    lines = tuple(signed("acme/m", day, remark="another key" * (day == days[1])) for day in days)
    report = audit([ref("acme/m")], "passed", signings=lines)
    shown = [line for line in render(report).split("\n") if "signed 2026" in line]
    assert [line.split()[2] for line in shown] == [days[1], *days[-NEWEST:]]
    assert "and 6 older release lines: -v shows all" in render(report)
    assert render(report, verbose=True).count("signed 2026") == len(days)
