# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from urllib.parse import unquote

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
