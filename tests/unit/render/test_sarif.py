# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from urllib.parse import unquote

import pytest
from hypothesis import given

from hubpolicy.domain.finding import Finding, Location, Severity
from hubpolicy.render.escape import terminal
from hubpolicy.render.report import Report
from hubpolicy.render.sarif import MOST_PLACES, render
from tests.sarif import SCHEMA, VALIDATOR, assert_sarif
from tests.unit.render.audits import CHANGED, MAIN, MIXED, audit, ref
from tests.unit.render.hostile import REPORTS, assert_harmless, commands


@given(REPORTS)
def test_one_run_with_one_result_per_finding(report: Report) -> None:
    text = render(report)
    assert_harmless(text)
    assert not commands(text)
    document = assert_sarif(text)
    (run,) = document["runs"]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    every = (*report.findings, *report.waived)
    assert [result["ruleId"] for result in run["results"]] == [finding.rule for finding in every]
    known = [result["partialFingerprints"]["hubpolicyFinding/v1"] for result in run["results"]]
    assert len(set(known)) == len(every)
    for result, finding in zip(run["results"], every, strict=True):
        assert rules[result["ruleIndex"]] == result["ruleId"]
        assert terminal(finding.message).replace("](", "] (") in result["message"]["text"]
        assert result["level"] in {"none", "note", "warning", "error"}
        (place,) = result["locations"]
        uri = place["physicalLocation"]["artifactLocation"]["uri"]
        assert uri.isascii()
        assert not set(uri) & set(' <>"{}|\\^`')
        assert uri.endswith("/") or finding.location is not None, "a directory where it is no file"
        region = place["physicalLocation"].get("region", {"startLine": 1, "startColumn": 1})
        assert region["startLine"] >= 1
        assert region["startColumn"] >= 1


def marks(*findings: Finding) -> list[dict[str, str]]:
    """The fingerprints of a report's results."""
    document = json.loads(render(Report("verify", "t", "failed", 1, findings=findings)))
    return [result["partialFingerprints"] for result in document["runs"][0]["results"]]


def rude(message: str, *, rule: str = "HP203", path: str = "README.md", line: int = 0) -> Finding:
    return Finding(rule, Severity.ERROR, message, Location(path, line) if path else None)


SAME = [
    ("got p_any@2 <= 0.843769, expected <= 0.05", "got p_any@2 <= 0.9, expected <= 0.05"),
    ("240 of 300 prompts hit", "7 of 1,300 prompts hit"),
    ("signed 2026-11-23T05:45:44Z, too long ago", "signed 2027-01-01, too long ago"),
]
OTHER = [
    (rude("a"), rude("b")),
    (rude("a"), rude("a", rule="HP204")),
    (rude("a"), rude("a", path="b/README.md")),
    (rude("a"), rude("a", path="")),
    (
        rude("model-00001-of-00003.safetensors is new"),
        rude("model-00002-of-00003.safetensors is new"),
    ),
    (rude("v1.5/a.bin is a pickle"), rude("v1.6/a.bin is a pickle")),
    (rude("suite TX-1 failed"), rude("suite TX-2 failed")),
    (rude("no evidence for the weights 97633291"), rude("no evidence for the weights 0c873427")),
    (rude("no evidence for 976332917af1"), rude("no evidence for 0c8734275630")),
]


@pytest.mark.parametrize(("now", "later"), SAME)
def test_a_finding_is_the_same_with_other_figures_and_at_another_line(now: str, later: str) -> None:
    assert marks(rude(now)) == marks(rude(later))
    ((at_line,), (moved,)) = marks(rude(now, line=3)), marks(rude(later, line=9))
    assert at_line == moved
    assert list(at_line) == ["hubpolicyFinding/v1"], "code scanning hashes the line itself"


@pytest.mark.parametrize(("one", "other"), OTHER)
def test_other_findings_are_others(one: Finding, other: Finding) -> None:
    first, second = marks(one, other)
    assert first.keys() == second.keys() == {"hubpolicyFinding/v1", "primaryLocationLineHash"}
    assert first["hubpolicyFinding/v1"] != second["hubpolicyFinding/v1"]
    assert marks(other, one) == [second, first], "their order is nothing to them"


def test_findings_that_are_alike_are_counted() -> None:
    found = [mark["hubpolicyFinding/v1"] for mark in marks(rude("a"), rude("a"), rude("b"))]
    assert [mark.partition(":")[2] for mark in found] == ["1", "2", "1"]
    assert len(set(found)) == 3


def test_an_audit_s_finding_is_the_same_with_another_ref_and_of_another_repository_is_not() -> None:
    """The refs that it is found in are not what it is."""
    rows = [ref("acme/a", MAIN, "BAD", 0), ref("acme/a", "refs/pr/1", "BAD", 0),
            ref("acme/b", MAIN, "BAD", 0)]  # fmt: skip
    documents = [json.loads(render(audit([row], findings=(rude("a"),)))) for row in rows]
    one, moved, other = (each["runs"][0]["results"][0] for each in documents)
    assert one["partialFingerprints"] == moved["partialFingerprints"]
    assert one["partialFingerprints"] != other["partialFingerprints"]


def test_waived_findings_stay_as_suppressed_results() -> None:
    finding = Finding("HP203", Severity.ERROR, "rude", Location("a b/README.md", 4, 0))
    report = Report("verify", "t", "passed", 0, waived=(finding,), solo=True)
    (run,) = json.loads(render(report))["runs"]
    (result,) = run["results"]
    assert result["suppressions"] == [{"kind": "external", "status": "accepted"}]
    place = result["locations"][0]["physicalLocation"]
    assert unquote(place["artifactLocation"]["uri"]) == "a b/README.md"
    assert place["region"] == {"startLine": 4, "startColumn": 1}
    assert run["properties"] == {"verdict": "passed", "trust": "solo"}


def test_what_was_not_evaluated_did_not_run_successfully() -> None:
    for verdict, code, ran in (("passed", 0, True), ("failed", 1, True), ("inconclusive", 3, False),
                               ("failed", 4, False)):  # fmt: skip
        report = Report("verify", "t", verdict, code)  # type: ignore[arg-type]
        (call,) = json.loads(render(report))["runs"][0]["invocations"]
        assert call == {"executionSuccessful": ran, "exitCode": code}


def test_what_could_not_be_read_did_not_run_successfully_whatever_else_failed() -> None:
    bad, unread = ref("acme/a", status="MODIFIED"), ref("acme/b", status="UNREADABLE")
    for report, ran in (
        (audit([bad]), True),
        (audit([bad, unread]), False),
        (audit([bad, unread], exit_code=0), False),  # --exit-zero
        (audit([bad], other_codes=(4,)), False),
    ):
        (call,) = json.loads(render(report))["runs"][0]["invocations"]
        assert call["executionSuccessful"] is ran


def test_a_result_names_its_refs_and_no_bad_ref_is_left_untold() -> None:
    (run,) = assert_sarif(render(MIXED))["runs"]
    told = {
        result["ruleId"]: [
            place["fullyQualifiedName"] for place in result["locations"][0]["logicalLocations"]
        ]
        for result in run["results"]
    }
    assert told == {"HP201": [f"acme/bad@{MAIN}"], "HP308": ["acme/bad@refs/pr/1"]}
    assert run["results"][0]["message"]["text"].startswith(f"In acme/bad: {MAIN}: not tested yet")
    uris = [
        result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        for result in run["results"]
    ]
    assert uris == ["acme/bad/", "acme/bad/config.json"]
    (note,) = run["invocations"][0]["toolExecutionNotifications"]
    assert note["level"] == "error"
    assert note["message"]["text"] == "UNREADABLE: got 500 from the hub"
    properties = run["properties"]
    assert [row["status"] for row in properties["refs"]] == [row.status for row in MIXED.refs]
    assert [row["remark"] for row in properties["signings"]] == ["", "another key", ""]
    assert [row["repo"] for row in properties["exposures"]] == ["acme/bad"]


def test_a_finding_of_many_refs_names_the_first_and_counts_them() -> None:
    rows = [ref(f"acme/m{n}", MAIN, "MODIFIED", 0) for n in range(MOST_PLACES + 50)]
    (run,) = assert_sarif(render(audit(rows, findings=(CHANGED,))))["runs"]
    (result,) = run["results"]
    assert len(result["locations"][0]["logicalLocations"]) == MOST_PLACES
    assert result["properties"] == {"refs": MOST_PLACES + 50}
    assert "In acme/m0, acme/m1, acme/m2 and 147 more: " in result["message"]["text"]


def test_the_schema_of_the_standard_refuses_what_is_none() -> None:
    VALIDATOR.check_schema(SCHEMA)
    document = json.loads(render(MIXED))
    (run,) = document["runs"]
    artifact = run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]
    for part, key, value in (
        (document, "version", "2.0.0"),
        (run, "tool", {}),
        (run["results"][0], "level", "fatal"),
        (run["results"][0], "anything", 1),
        (artifact, "uri", "a b"),
        (artifact, "uri", "a%2"),
    ):
        kept = part.get(key)
        part[key] = value
        assert not VALIDATOR.is_valid(document), (key, value)
        if kept is None:
            del part[key]
        else:
            part[key] = kept
    assert VALIDATOR.is_valid(document)


def test_a_rule_says_what_it_asks_for_and_where_to_read_more() -> None:
    finding = Finding("HP201", Severity.WARNING, "not run")
    (run,) = assert_sarif(render(Report("verify", "t", "failed", 1, findings=(finding,))))["runs"]
    (rule,) = run["tool"]["driver"]["rules"]
    title = "the required toxicity test was run on these bytes"
    assert rule == {
        "id": "HP201",
        "name": "HP201",
        "shortDescription": {"text": title},
        "fullDescription": {"text": title},
        "help": {"text": "Why, and what to do: hubpolicy rule HP201"},
    }
