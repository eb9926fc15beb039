# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from urllib.parse import unquote

from hypothesis import given

from hubpolicy.domain.finding import Finding, Location, Severity
from hubpolicy.render.github import render
from hubpolicy.render.report import Report
from hubpolicy.render.repositories import elsewhere
from tests.unit.render.audits import MAIN, MIXED
from tests.unit.render.hostile import REPORTS, assert_harmless, commands


def parsed(line: str) -> tuple[str, dict[str, str], str]:
    """A command as the runner reads it: up to the second ``::``, properties at commas."""
    head, _, data = line.removeprefix("::").partition("::")
    name, _, properties = head.partition(" ")
    pairs = (part.split("=", 1) for part in properties.split(",") if part)
    return name, {key: unquote(value) for key, value in pairs}, unquote(data)


@given(REPORTS)
def test_one_command_per_finding_and_no_other(report: Report) -> None:
    text = render(report)
    assert_harmless(text)
    lines = commands(text)
    plain = [line for line in text.split("\n")[:-1] if line not in lines]
    assert all(line.startswith("- ") for line in plain)
    assert len(plain) == len(report.refs) + len(report.signings)
    loud = [f for f in report.findings if f.severity is not Severity.OFF]
    groups = 2 * (bool(report.refs) + bool(report.signings))
    alone = len(elsewhere(report)) + len(report.exposures)
    assert len(lines) == len(loud) + alone + groups + 1
    for line, finding in zip(lines, loud, strict=False):
        name, properties, _ = parsed(line)
        assert name in {"error", "warning", "notice"}
        assert set(properties) <= {"title", "file", "line", "col"}
        assert properties["title"] == finding.rule
    name, properties, data = parsed(lines[-1])
    assert (name == "notice") == (report.verdict == "passed")
    said = f": {report.verdict} (trust: {report.trust})"
    assert said + "\n" in data if report.closing else data.endswith(said)


def test_an_annotation_stands_on_its_line() -> None:
    finding = Finding(
        "HP110", Severity.ERROR, "100 % no", Location("a,b:c.md", 3, 0), "do, it: now"
    )
    line = render(Report("check", "t", "failed", 1, (finding,))).split("\n")[0]
    assert line == (
        "::error title=HP110,file=a%2Cb%3Ac.md,line=3,col=1::100 %25 no Fix: do, it: now"
    )


def test_the_last_line_says_what_the_exit_code_would_have_been() -> None:
    spared = MIXED._replace(exit_code=0, closing="1 MODIFIED\nwould block: exit code 1 100 %")
    *_, last = render(spared).splitlines()
    assert last.endswith("failed (trust: team)%0A1 MODIFIED%0Awould block: exit code 1 100 %25")


def test_an_audit_annotates_what_is_wrong_and_prints_the_rest() -> None:
    lines = render(MIXED).split("\n")
    bad = MIXED.exposures[0].oid[:12]
    span = f"{bad} from 2026-05-01T00:00:00Z to 2026-05-09T00:00:00Z (repo.visibility by mallory)"
    changed = "acme/bad: refs/pr/1: config.json:3: config.json is not what was released"
    assert lines[:4] == [
        f"::error title=HP201::acme/bad: {MAIN}: not tested yet Fix: hubpolicy test PATH",
        f"::error title=HP308::{changed}",  # no file here is marked: it is another repository's
        "::error title=UNREADABLE::acme/gone: (all refs): got 500 from the hub",
        f"::error title=public without a release::acme/bad: {MAIN}: {span}",
    ]
    assert lines[4] == "::group::refs"
    assert f"- acme/old {MAIN} STALE {MIXED.refs[5].oid[:12]} held under acme/release 6" in lines
    assert any(line.startswith("- acme/good: signed 2026-06-01") for line in lines)
    assert lines[-2] == "::error title=hubpolicy::hubpolicy audit acme: failed (trust: team)"
