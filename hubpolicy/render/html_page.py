# SPDX-License-Identifier: Apache-2.0
"""One self-contained HTML page: no network, no script, readable in light, dark and on paper.

Every text is hostile. What the template prints is made visible (control and bidirectional
characters), cut to a length, and escaped by jinja2; the page's policy forbids everything but its
own style sheet. Nothing is printed with ``|safe``.

The page of an audit also has one script of our own, which sorts and searches its table. Its policy
names the digest of that very text, so nothing else runs; without it everything can be read.
"""

from __future__ import annotations

from base64 import b64encode
from functools import cache
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from hubpolicy import __version__
from hubpolicy.domain.finding import Severity
from hubpolicy.render import html_audit, html_plot, html_words
from hubpolicy.render.counted import count
from hubpolicy.render.escape import terminal
from hubpolicy.render.repositories import MARKS, finding_place, told_apart

if TYPE_CHECKING:
    from jinja2 import Environment, Template

    from hubpolicy.render.report import Report

LONGEST = 4000
"""Characters of one text on the page."""

MOST = 500
"""Rows of one table; what is left out is counted."""

MOST_SLICES = 80
"""Groups or languages drawn of one suite."""

MOST_LINES = 120
"""Lines of one sample's text."""

_ORDER = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.INFO: 2, Severity.OFF: 3}


def render(report: Report) -> str:
    """The page, ending in a newline. Every line begins with markup, never with foreign text."""
    if report.command == "audit":
        return _audit(report)
    findings = sorted(report.findings, key=lambda finding: _ORDER[finding.severity])
    text = _template("page.html.j2").render(
        report=report,
        findings=findings,
        errors=sum(finding.severity is Severity.ERROR for finding in findings),
        version=__version__,
        place=finding_place,
    )
    return text.rstrip("\n") + "\n"


def _audit(report: Report) -> str:
    report = told_apart(report)
    text = _template("audit.html.j2").render(
        report=report,
        page=html_audit.page(report),
        meanings=html_audit.MEANINGS,
        first=html_audit.FIRST,
        version=__version__,
        place=finding_place,
        script_digest=_script_digest(),
    )
    return text.rstrip("\n") + "\n"


@cache
def _script_digest() -> str:
    """``sha256-…`` of what stands between the tags (Content Security Policy 3, §6.7.3.2)."""
    script = _template("audit.js").render()
    return "sha256-" + b64encode(sha256(script.encode()).digest()).decode()


@cache
def _template(name: str) -> Template:
    return _environment().get_template(name)


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("hubpolicy", "assets/html"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_harmless,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {
        "count": count,
        "words": html_words,
        "marks": MARKS,
        "interval": html_plot.interval,
        "bars": html_plot.bars,
        "most": MOST,
        "most_slices": MOST_SLICES,
        "limit_at": html_plot.LIMIT_AT,
    }
    environment.filters |= {"lines": _lines}
    return environment


def _harmless(value: Any) -> Any:
    """What stands between ``{{`` and ``}}``: cut, and visible. Markup of our own macros stays."""
    if not isinstance(value, str) or hasattr(value, "__html__"):
        return value
    if len(value) > LONGEST:
        value = f"{value[:LONGEST]} … ({len(value) - LONGEST:,} more characters)"
    return terminal(value)


def _lines(text: str) -> list[str]:
    """Lines of a model's answer; they are the only line breaks that are shown as such."""
    lines = text.split("\n")
    left = len(lines) - MOST_LINES
    return lines if left <= 0 else [*lines[:MOST_LINES], f"… ({left:,} more lines)"]
