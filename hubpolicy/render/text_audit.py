# SPDX-License-Identifier: Apache-2.0
"""An audit in lines: refs, who signed, and what was public, repository by repository."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hubpolicy.render.escape import terminal
from hubpolicy.render.repositories import MARKS, repositories, tone

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Paint = Callable[[str], str]

    from hubpolicy.render.report import ExposureRow, RefRow, Report, SigningRow

_ENDS_IN_RULE = re.compile(r"\bHP[1-9][0-9]{2}$")

NEWEST = 3
"""Release lines shown of a repository unless all are asked for; what stands out is always shown."""


def audit_lines(report: Report, paint: Paint, *, verbose: bool) -> list[str]:
    """Each repository with its refs, its newest release lines, and its exposures.

    ``paint`` colours a mark. Columns are as wide as their widest cell in the whole report.
    """
    refs = [_ref_cells(row) for row in report.refs]
    signed = [_signing_cells(row) for row in report.signings]
    exposed = [_exposure_cells(row) for row in report.exposures]
    widths = [_widths(rows) for rows in (refs, signed, exposed)]
    lines = []
    for one in repositories(report):
        lines.append(f"  {terminal(one.name)}")
        lines += [
            f"    {paint(MARKS[tone(row.status)])} {_aligned(_ref_cells(row), widths[0])}"
            for row in one.refs
        ]
        lines += _signings(one.signings, widths[1], paint, verbose=verbose)
        lines += [
            f"    {paint('✗')} {_aligned(_exposure_cells(row), widths[2])}" for row in one.exposures
        ]
    return lines


def signing_line(row: SigningRow) -> str:
    """One release line in a line of plain text, its repository first. Not made harmless."""
    remark = f" ({row.remark})" if row.remark else ""
    return f"{row.repo}: " + ", ".join(filter(None, _signing_texts(row)[:-1])) + remark


def _ref_cells(row: RefRow) -> tuple[str, ...]:
    rules = ", ".join(rule for rule in row.rules if rule not in row.detail)
    between = ", " if _ENDS_IN_RULE.search(row.detail) else "; "
    said = between.join(filter(None, (row.detail, rules)))
    return _shown(row.ref, row.status, row.oid[:12], said)


def _signing_cells(row: SigningRow) -> tuple[str, ...]:
    return _shown(*_signing_texts(row))


def _signing_texts(row: SigningRow) -> tuple[str, ...]:
    identity, version, sha256 = row.policy
    policy = f"{identity} {version}" if version else identity or sha256[:12]
    return (
        f"signed {row.time}{'' if row.proof else ' (self-declared)'}",
        f"{row.principal} ({row.role})",
        f"key {row.keyid[:12]}",
        f"policy {policy}",
        ", ".join(row.refs) or "no ref any more",
        row.remark,
    )


def _exposure_cells(row: ExposureRow) -> tuple[str, ...]:
    return _shown(f"public {row.since} to {row.until or 'now'}", row.ref, row.oid[:12], row.source)


def _signings(
    rows: Sequence[SigningRow], widths: list[int], paint: Paint, *, verbose: bool
) -> list[str]:
    newest = len(rows) if verbose else NEWEST
    shown = [row for at, row in enumerate(rows) if row.remark or at >= len(rows) - newest]
    lines = [
        f"    {paint('!' if row.remark else '·')} {_aligned(_signing_cells(row), widths)}"
        for row in shown
    ]
    if len(shown) < len(rows):
        left = len(rows) - len(shown)
        lines.append(f"      and {left} older release line{'s'[: left > 1]}: -v shows all")
    return lines


def _shown(*cells: str) -> tuple[str, ...]:
    return tuple(map(terminal, cells))


def _widths(rows: Sequence[tuple[str, ...]]) -> list[int]:
    return [max(map(len, column)) for column in zip(*rows, strict=True)]


def _aligned(cells: tuple[str, ...], widths: list[int]) -> str:
    padded = (f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True))
    return "  ".join(padded).rstrip()
