# SPDX-License-Identifier: Apache-2.0
"""Several refusals for one reason as one finding that names the places.

A release that somebody signed under another trust root, or with a key that was revoked since, holds
as many signatures that do not count as it has lines: that is one thing to be told. Every line is
named. On the hook's path: standard library only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.core.lines import named

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hubpolicy.domain.finding import Finding

_WHO = frozenset({"HP302", "HP303", "HP701"})
"""Whose signature it is: nobody's, of another role, revoked. Of other rules each line counts."""
_MOST = 8


def together(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """Findings that differ in nothing but their place become the first of them, with a count."""
    groups: dict[tuple[object, ...], list[Finding]] = {}
    for finding in findings:
        told = _without_place(finding)
        # What does not end in its place says itself which file it is about.
        alone = finding.rule not in _WHO or told == finding.message
        own = (finding.location,) if alone else ()
        key = (finding.rule, finding.severity, told, finding.fix, finding.effect, *own)
        groups.setdefault(key, []).append(finding)
    return tuple(_one(group) for group in groups.values())


def _one(group: list[Finding]) -> Finding:
    first = group[0]
    if len(group) == 1:
        return first
    told = _without_place(first)
    places = named(tuple(_lines(group)), _MOST)
    return first._replace(message=f"{told}, in {len(group)} places: {places}")


def _lines(group: list[Finding]) -> Iterator[str]:
    """Files in their order, each with its lines: ``a lines 1-3, 7``."""
    files: dict[str, list[int]] = {}
    for place in (finding.location for finding in group):
        if place is not None:
            files.setdefault(place.path, []).append(place.line)
    for path, lines in files.items():
        shown = ", ".join(_runs(sorted(line for line in lines if line)))
        yield f"{path} line{'s' if len(lines) > 1 else ''} {shown}" if shown else path


def _runs(lines: list[int]) -> Iterator[str]:
    """Neighbours as ``first-last``."""
    for place, line in enumerate(lines):
        if place and line == lines[place - 1] + 1:
            continue
        last = next(n for n in range(place, len(lines)) if lines[n + 1 : n + 2] != [lines[n] + 1])
        yield f"{line}-{lines[last]}" if last > place else str(line)


def _without_place(finding: Finding) -> str:
    return finding.message.removesuffix(f", in {_place(finding)}")


def _place(finding: Finding) -> str:
    if finding.location is None:
        return ""
    path, line = finding.location.path, finding.location.line
    return f"{path} line {line}" if line else path
