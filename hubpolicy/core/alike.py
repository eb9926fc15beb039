# SPDX-License-Identifier: Apache-2.0
"""Several refusals for one reason as one finding that names the places.

A release that somebody signed under another trust root holds as many unknown signatures as it has
lines: that is one thing to be told. On the hook's path: standard library only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.core.lines import named

if TYPE_CHECKING:
    from hubpolicy.domain.finding import Finding

_UNPROVEN = "HP302"
"""Signatures that do not hold. Of other rules each line counts: which is a copy, or revoked."""


def together(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """Findings that differ in nothing but their place become the first of them, with a count."""
    groups: dict[tuple[object, ...], list[Finding]] = {}
    for finding in findings:
        told = _without_place(finding)
        # What does not end in its place says itself which file it is about.
        alone = finding.rule != _UNPROVEN or told == finding.message
        own = (finding.location,) if alone else ()
        key = (finding.rule, finding.severity, told, finding.fix, finding.effect, *own)
        groups.setdefault(key, []).append(finding)
    return tuple(_one(group) for group in groups.values())


def _one(group: list[Finding]) -> Finding:
    first = group[0]
    if len(group) == 1:
        return first
    told = _without_place(first)
    places = named(tuple(_place(finding) for finding in group))
    return first._replace(message=f"{told}, in {len(group)} places: {places}")


def _without_place(finding: Finding) -> str:
    return finding.message.removesuffix(f", in {_place(finding)}")


def _place(finding: Finding) -> str:
    if finding.location is None:
        return ""
    path, line = finding.location.path, finding.location.line
    return f"{path} line {line}" if line else path
