# SPDX-License-Identifier: Apache-2.0
"""SARIF 2.1.0 (OASIS), for code-scanning views. Waived findings stay, as suppressed results."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from hubpolicy import __version__
from hubpolicy.domain.finding import Severity
from hubpolicy.render.escape import in_json

if TYPE_CHECKING:
    from hubpolicy.domain.finding import Finding
    from hubpolicy.render.report import Report

_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}


def render(report: Report) -> str:
    """One run with one result per finding."""
    every = (*report.findings, *report.waived)
    rules = sorted({finding.rule for finding in every})
    results = [_result(finding, rules, waived=False) for finding in report.findings]
    results += [_result(finding, rules, waived=True) for finding in report.waived]
    run = {
        "tool": {
            "driver": {
                "name": "hubpolicy",
                "version": __version__,
                "rules": [{"id": rule, "name": rule} for rule in rules],
            }
        },
        "invocations": [
            {
                "executionSuccessful": report.verdict != "inconclusive",
                "exitCode": int(report.exit_code),
            }
        ],
        "results": results,
        "properties": {"verdict": report.verdict, "trust": report.trust},
    }
    document = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [run],
    }
    return in_json(json.dumps(document, indent=2)) + "\n"


def _result(finding: Finding, rules: list[str], *, waived: bool) -> dict[str, Any]:
    text = finding.message + (f" Fix: {finding.fix}" if finding.fix else "")
    place = finding.location
    path = place.path if place else "README.md"
    physical: dict[str, Any] = {"artifactLocation": {"uri": quote(path, errors="backslashreplace")}}
    if place is not None and place.line:
        physical["region"] = {"startLine": place.line, "startColumn": place.column or 1}
    result: dict[str, Any] = {
        "ruleId": finding.rule,
        "ruleIndex": rules.index(finding.rule),
        "level": _LEVELS.get(finding.severity, "none"),
        "message": {"text": text},
        "locations": [{"physicalLocation": physical}],
    }
    if waived:
        result["suppressions"] = [{"kind": "external", "status": "accepted"}]
    return result
