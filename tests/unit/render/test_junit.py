# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest
from hypothesis import given

from hubpolicy.domain.finding import Finding, Severity
from hubpolicy.render.escape import terminal
from hubpolicy.render.junit import render
from hubpolicy.render.report import Report
from tests.unit.render.audits import MAIN, MIXED
from tests.unit.render.hostile import REPORTS, assert_harmless, commands


@given(REPORTS)
def test_any_text_gives_valid_xml_that_says_it(report: Report) -> None:
    text = render(report)
    assert_harmless(text)
    assert not commands(text)
    suite = ET.fromstring(text)
    cases = suite.findall("testcase")
    about = 1 + len(report.findings) + len(report.waived)
    every = about + len(report.refs) + len(report.exposures)
    assert len(cases) == every == int(suite.attrib["tests"])
    shown = [case[0].get("message") for case in cases[1:about] if len(case)]
    expected = [f.message for f in report.findings if f.severity is Severity.ERROR]
    expected += [finding.message for finding in report.waived]
    assert shown == [terminal(message) for message in expected]
    for tag in ("failure", "error", "skipped"):
        plural = {"failure": "failures", "error": "errors", "skipped": "skipped"}[tag]
        assert int(suite.attrib[plural]) == len(suite.findall(f"testcase/{tag}"))


@pytest.mark.parametrize(
    ("verdict", "tag"), [("passed", None), ("failed", "failure"), ("inconclusive", "error")]
)
def test_the_verdict_is_a_case_of_its_own(verdict: str, tag: str | None) -> None:
    suite = ET.fromstring(render(Report("check", "t", verdict, 3, solo=True)))  # type: ignore[arg-type]
    case = suite.find("testcase")
    assert case is not None
    assert [child.tag for child in case] == ([tag] if tag else [])
    trust = suite.find("properties/property")
    assert trust is not None
    assert trust.attrib == {"name": "trust", "value": "solo"}


def test_pending_and_inconclusive_are_errors_and_bad_is_a_failure() -> None:
    findings = tuple(
        Finding("HP320", Severity.ERROR, "m", effect=effect)
        for effect in ("failed", "inconclusive", "pending")
    )
    suite = ET.fromstring(render(Report("verify", "t", "failed", 1, findings)))
    assert (suite.attrib["failures"], suite.attrib["errors"]) == ("2", "2")


def test_every_ref_and_every_time_in_public_is_a_case() -> None:
    suite = ET.fromstring(render(MIXED))
    cases = {
        (case.get("classname"), case.get("name")): [child.tag for child in case]
        for case in suite.findall("testcase")
    }
    assert cases["acme/good", MAIN] == cases["acme/old", MAIN] == ["system-out"]
    assert cases["acme/bad", "refs/pr/1"] == ["failure", "system-out"]
    assert cases["acme/gone", "(all refs)"] == ["error", "system-out"]  # nobody knows
    exposure = ("acme/bad", f"exposure of {MAIN} {MIXED.exposures[0].oid[:12]}")
    assert cases[exposure] == ["failure"]
    assert cases["findings", f"HP201 acme/bad: {MAIN}"] == ["failure"]
    assert (suite.get("failures"), suite.get("errors")) == ("6", "1")
    said = suite.find("system-out")
    assert said is not None
    assert "acme/good: signed 2026-06-01T09:00:00Z, rita (releaser)" in (said.text or "")
    assert "(another key)" in (said.text or "")
