# SPDX-License-Identifier: Apache-2.0
"""GitHub workflow commands: annotations on the lines of the card.

Of an audit also one per exposure, and per ref that no finding tells of. Everything else of it is
plain text in groups that open on a click.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.domain.finding import Severity
from hubpolicy.render.escape import terminal
from hubpolicy.render.repositories import elsewhere, finding_place, places, told_apart, where
from hubpolicy.render.text_audit import signing_line

if TYPE_CHECKING:
    from hubpolicy.domain.finding import Finding
    from hubpolicy.render.report import ExposureRow, RefRow, Report

_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}


def render(report: Report) -> str:
    """One command per finding, and a last one that says the verdict and what follows from it."""
    report = told_apart(report)
    found_at = places(report)
    lines = [
        _command(finding, found_at.get(place, ()))
        for place, finding in enumerate(report.findings)
        if finding.severity in _COMMANDS
    ]
    lines += [_error(row, row.status, row.detail) for row in elsewhere(report)]
    lines += [_error(row, "public without a release", _span(row)) for row in report.exposures]
    lines += _group("refs", [_ref(row) for row in report.refs])
    lines += _group("signatures", [signing_line(row) for row in report.signings])
    command = "notice" if report.verdict == "passed" else "error"
    verdict = f"{_data(report.outcome or report.verdict)} (trust: {report.trust})"
    closing = _data(f"\n{report.closing}") if report.closing else ""
    lines.append(f"::{command} title=hubpolicy::{_data(report.title)}: {verdict}{closing}")
    return "\n".join(lines) + "\n"


def _command(finding: Finding, refs: tuple[RefRow, ...]) -> str:
    """Of an audit the file is another repository's: it is told, and no line here is marked."""
    properties = {"title": finding.rule}
    if finding.location is not None and not refs:
        properties["file"] = finding.location.path
        if finding.location.line:
            properties["line"] = str(finding.location.line)
            properties["col"] = str(finding.location.column or 1)
    text = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    spots = (where(refs), finding_place(finding)) if refs else ()
    told = ": ".join((*filter(None, spots), finding.message))
    fix = f" Fix: {finding.fix}" if finding.fix else ""
    return f"::{_COMMANDS[finding.severity]} {text}::{_data(told + fix)}"


def _error(row: RefRow | ExposureRow, title: str, text: str) -> str:
    return f"::error title={_property(title)}::{_data(f'{row.repo}: {row.ref}: {text}')}"


def _span(row: ExposureRow) -> str:
    return f"{row.oid[:12]} from {row.since} to {row.until or 'now'} ({row.source})"


def _ref(row: RefRow) -> str:
    rules = f" [{', '.join(row.rules)}]" if row.rules else ""
    return f"{row.repo} {row.ref} {row.status} {row.oid[:12]}{rules} {row.detail}".rstrip()


def _group(title: str, texts: list[str]) -> list[str]:
    """Lines that begin with a bullet: no text of theirs comes first, so none is a command."""
    if not texts:
        return []
    return [f"::group::{title}", *(f"- {terminal(text)}" for text in texts), "::endgroup::"]


def _data(text: str) -> str:
    """The escapes of workflow commands: no text can start a command of its own."""
    percent = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return terminal(percent)


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
