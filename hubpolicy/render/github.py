# SPDX-License-Identifier: Apache-2.0
"""GitHub workflow commands: annotations on the lines of the card."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.domain.finding import Severity
from hubpolicy.render.escape import terminal

if TYPE_CHECKING:
    from hubpolicy.domain.finding import Finding
    from hubpolicy.render.report import Report

_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}


def render(report: Report) -> str:
    """One command per finding, and a closing line that says the verdict."""
    lines = [_command(finding) for finding in report.findings if finding.severity in _COMMANDS]
    command = "notice" if report.verdict == "passed" else "error"
    verdict = f"{_data(report.outcome or report.verdict)} (trust: {report.trust})"
    lines.append(f"::{command} title=hubpolicy::{_data(report.title)}: {verdict}")
    return "\n".join(lines) + "\n"


def _command(finding: Finding) -> str:
    properties = {"title": finding.rule}
    if finding.location is not None:
        properties["file"] = finding.location.path
        if finding.location.line:
            properties["line"] = str(finding.location.line)
            properties["col"] = str(finding.location.column or 1)
    text = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    fix = f" Fix: {finding.fix}" if finding.fix else ""
    return f"::{_COMMANDS[finding.severity]} {text}::{_data(finding.message + fix)}"


def _data(text: str) -> str:
    """The escapes of workflow commands: no text can start a command of its own."""
    percent = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return terminal(percent)


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
