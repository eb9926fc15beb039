# SPDX-License-Identifier: Apache-2.0
"""JUnit XML: one test case per finding, ref or suite, for dashboards that count tests."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.sax.saxutils import escape, quoteattr

from hubpolicy.domain.finding import Severity
from hubpolicy.render.escape import terminal

if TYPE_CHECKING:
    from hubpolicy.domain.finding import Finding
    from hubpolicy.render.report import Report


def render(report: Report) -> str:
    """A report without findings still holds one case: the verdict."""
    cases = [_verdict(report)]
    cases += [_case(finding) for finding in report.findings]
    cases += [
        f"  <testcase classname={_attr('waived')} name={_attr(f.rule)}>"
        f"<skipped message={_attr(f.message)}/></testcase>"
        for f in report.waived
    ]
    failures = sum("<failure" in case for case in cases)
    errors = sum("<error" in case for case in cases)
    head = (
        f'<testsuite name={_attr("hubpolicy " + report.command)} tests="{len(cases)}" '
        f'failures="{failures}" errors="{errors}" skipped="{len(report.waived)}">'
    )
    trust = f'  <properties><property name="trust" value={_attr(report.trust)}/></properties>'
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', head, trust, *cases, "</testsuite>", ""]
    return "\n".join(lines)


def _verdict(report: Report) -> str:
    tags = {"passed": "", "failed": "failure", "inconclusive": "error"}
    tag = tags[report.verdict]
    inside = f"<{tag} message={_attr(report.verdict)}/>" if tag else ""
    return (
        f"  <testcase classname={_attr(report.command)} name={_attr('verdict')}>{inside}</testcase>"
    )


def _case(finding: Finding) -> str:
    place = f"{finding.location.path}:{finding.location.line}" if finding.location else ""
    name = f"{finding.rule} {place}".strip()
    inside = ""
    if finding.severity is Severity.ERROR:
        tag = "failure" if finding.effect == "failed" else "error"
        inside = f"<{tag} message={_attr(finding.message)}>{escape(terminal(finding.fix))}</{tag}>"
    return f"  <testcase classname={_attr('findings')} name={_attr(name)}>{inside}</testcase>"


def _attr(text: str) -> str:
    return quoteattr(terminal(text))
