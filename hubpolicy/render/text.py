# SPDX-License-Identifier: Apache-2.0
"""The report for people: what, why, on which bytes, and the next command to type."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.domain.finding import Severity
from hubpolicy.render.escape import terminal
from hubpolicy.render.repositories import places, told_apart, where
from hubpolicy.render.text_audit import audit_lines

if TYPE_CHECKING:
    from hubpolicy.domain.evaluation import SideBound
    from hubpolicy.domain.finding import Finding
    from hubpolicy.render.report import MeasurementRow, Report

_MARKS = {Severity.ERROR: "✗", Severity.WARNING: "!", Severity.INFO: "·", Severity.OFF: "·"}
_LOUD = Severity.WARNING
_SEVERAL = 2
_COLORS = {"✗": "31", "!": "33", "·": "2", "✓": "32"}


def render(report: Report, *, color: bool = False, verbose: bool = False) -> str:
    """Lines ending in a newline. ``verbose`` also prints passed details and INFO findings."""
    report = told_apart(report)
    lines = [terminal(report.title)]
    lines += _rows(report)
    lines += [line for row in report.measurements for line in _measurement(row, color=color)]
    lines += audit_lines(report, lambda mark: _paint(mark, color=color), verbose=verbose)
    shown = [(f, p) for p, f in enumerate(report.findings) if verbose or f.severity >= _LOUD]
    found_at = _found_at(report)
    for finding, place in sorted(shown, key=lambda pair: -pair[0].severity):
        lines += _finding(finding, found_at.get(place, ""), color=color)
    if report.waived:
        waived = ", ".join(sorted({finding.rule for finding in report.waived}))
        lines.append(f"  {len(report.waived)} waived: {waived}")
    lines += _closing(report, color=color)
    return "\n".join(map(_no_command, lines)) + "\n"


def _no_command(line: str) -> str:
    """A workflow runner obeys a line that begins with ``::``, white space aside."""
    return line.replace(":", r"\x3a", 1) if line.lstrip().startswith("::") else line


def _rows(report: Report) -> list[str]:
    rows = list(report.rows)
    if not rows:
        return []
    name_width = max(len(terminal(row.name)) for row in rows) + 2
    text_width = max((len(terminal(row.text)) for row in rows if row.remark), default=0) + 2
    lines = []
    for row in rows:
        line = f"  {terminal(row.name):<{name_width}}"
        line += (
            f"{terminal(row.text):<{text_width}}{terminal(row.remark)}"
            if row.remark
            else (terminal(row.text))
        )
        lines.append(line.rstrip())
    return lines


def _measurement(row: MeasurementRow, *, color: bool) -> list[str]:
    mark = _paint("✓" if row.holds else "✗", color=color)
    relation = "<=" if row.passed else ">"
    imputed = f" ({row.imputed} imputed)" if row.imputed else ""
    first = (
        f"  {mark} {terminal(row.suite)}  {terminal(row.metric)}: {row.hits} of {row.prompts} "
        f"prompts{imputed}, upper bound {row.upper_bound} {relation} {row.limit}  "
        f"[{terminal(row.scorer)}, tier {terminal(row.tier)}]"
    )
    return [first, *map(_side, row.beside)]


def _side(side: SideBound) -> str:
    limit = f" {'<=' if side.passed else '>'} {side.limit}" if side.limit else ", not limited"
    return f"      {terminal(side.what)}: upper bound {side.bound}{limit}"


def _found_at(report: Report) -> dict[int, str]:
    """Place of a finding to its repositories, where there are several to tell apart."""
    if len({row.repo for row in report.refs}) < _SEVERAL:
        return {}
    return {place: f"  in {where(refs)}" for place, refs in places(report).items()}


def _finding(finding: Finding, found_at: str, *, color: bool) -> list[str]:
    mark = _paint(_MARKS[finding.severity], color=color)
    spot = found_at
    if finding.location is not None:
        place = finding.location
        spot += f"  {place.path}" + (f":{place.line}:{place.column or 1}" if place.line else "")
    lines = [f"{mark} {finding.rule} {terminal(finding.message)}{terminal(spot)}"]
    if finding.severity is Severity.ERROR:
        fix = f"fix: {terminal(finding.fix)}    " if finding.fix else ""
        lines.append(f"    {fix}explain: hubpolicy rule {finding.rule}")
    elif finding.fix:
        lines.append(f"    fix: {terminal(finding.fix)}")
    return lines


def _closing(report: Report, *, color: bool) -> list[str]:
    lines = []
    mark = "✓" if report.verdict == "passed" else "✗"
    if report.outcome:
        mark = "!" if report.verdict == "inconclusive" else "·"
    trust = "  (trust: solo, one person holds every key)" if report.solo else ""
    lines.append(f"{_paint(mark, color=color)} {terminal(report.outcome or report.verdict)}{trust}")
    if report.closing:
        lines += [terminal(line) for line in report.closing.split("\n")]
    return lines


def _paint(mark: str, *, color: bool) -> str:
    return f"\x1b[{_COLORS[mark]}m{mark}\x1b[0m" if color else mark
