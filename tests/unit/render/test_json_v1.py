# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given

from hubpolicy.core.strictjson import parse
from hubpolicy.render.json_v1 import render
from hubpolicy.render.report import ManifestSummary, Report
from tests.unit.render.hostile import (
    REPORTS,
    SCHEMA,
    VALIDATOR,
    assert_harmless,
    commands,
    whole,
)


@given(REPORTS)
def test_every_document_is_what_the_schema_says_and_harmless(report: Report) -> None:
    text = render(report)
    assert text.isascii()
    assert_harmless(text)
    assert not commands(text)
    document = json.loads(text)
    VALIDATOR.validate(document)
    told = [whole(finding.message) for finding in report.findings]
    assert [finding["message"] for finding in document["findings"]] == told
    assert [r["text"] for r in document["rows"]] == [whole(row.text) for row in report.rows]
    # No lone surrogate, no key twice: readers that are strict take it too.
    assert parse(text.encode(), what="the report") == document


def test_the_schema_is_one_and_describes_itself() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    documented = SCHEMA["properties"].keys() - {"schema_version", "command"}
    assert all("description" in SCHEMA["properties"][name] for name in documented)


GOOD: dict[str, Any] = json.loads(
    render(Report("check", "t", "passed", 0, manifest=ManifestSummary("a" * 64, 1, 2)))
)


@pytest.mark.parametrize(
    "change",
    [
        {"verdict": "ok"},
        {"exit_code": 1},
        {"verdict": "failed"},
        {"verdict": "inconclusive", "exit_code": 0},
        {"exit_code": 6},
        {"trust": "me"},
        {"schema_version": "2"},
        {"findings": [{"rule": "HP101"}]},
        {"manifest": {"dirHash": "A" * 64, "files": 1, "bytes": 1}},
        {"refs": [{}]},
        {"closing": None},
    ],
)
def test_the_schema_refuses_what_no_report_says(change: dict[str, Any]) -> None:
    VALIDATOR.validate(GOOD)
    assert not VALIDATOR.is_valid({**GOOD, **change})


@pytest.mark.parametrize(("solo", "trust"), [(True, "solo"), (False, "team"), (None, "none")])
def test_trust_is_in_every_document(solo: bool | None, trust: str) -> None:
    document = json.loads(render(Report("check", "t", "passed", 0, solo=solo)))
    assert document["trust"] == trust
    assert "manifest" not in document
