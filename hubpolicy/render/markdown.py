# SPDX-License-Identifier: Apache-2.0
"""A Markdown summary, for pull requests and job summaries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.render.escape import markdown as _text
from hubpolicy.render.markdown_runs import run_tables

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hubpolicy.domain.finding import Finding
    from hubpolicy.render.report import Report

_MARKS = {"passed": "✅", "failed": "❌", "inconclusive": "❌"}


def render(report: Report) -> str:
    """Title, verdict, then a table each for rows, suites, refs and findings that exist."""
    verdict = f"**{_text(report.outcome or report.verdict)}** (exit code {report.exit_code})"
    mark = "▫️" if report.outcome else _MARKS[report.verdict]
    lines = [
        f"## {_text(report.title)}",
        "",
        f"{mark} {verdict}, trust: {report.trust}",
        "",
    ]
    rows = [(row.name, f"{row.text} {row.remark}".strip()) for row in report.rows]
    lines += _table(("what", "answer"), rows)
    suites = [
        (
            m.suite,
            m.metric,
            f"{m.hits}/{m.prompts}",
            m.upper_bound,
            m.limit,
            f"{m.scorer} ({m.tier})",
        )
        for m in report.measurements
    ]
    suites += [
        (m.suite, f"{m.metric} {s.what}", "", s.bound, s.limit or "none", f"{m.scorer} ({m.tier})")
        for m in report.measurements
        for s in m.beside
    ]
    lines += _table(("suite", "metric", "hits", "upper bound", "limit", "scorer"), suites)
    for run in report.runs:
        for head, cells in run_tables(run):
            lines += _table(head, cells)
    refs = [(r.repo, r.ref, r.status, r.oid[:12], r.detail) for r in report.refs]
    lines += _table(("repository", "ref", "verdict", "commit", "detail"), refs)
    findings = [
        (
            f.rule,
            f.severity.word,
            _place(f),
            f.message,
            f.fix,
        )
        for f in report.findings
    ]
    lines += _table(("rule", "severity", "where", "message", "fix"), findings)
    if report.waived:
        lines += [f"{len(report.waived)} waived.", ""]
    return "\n".join(lines)


def _place(finding: Finding) -> str:
    place = finding.location
    if place is None:
        return ""
    return f"{place.path}:{place.line}" if place.line else place.path


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> list[str]:
    if not rows:
        return []
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    lines += ["| " + " | ".join(_text(cell) for cell in row) + " |" for row in rows]
    return [*lines, ""]
