# SPDX-License-Identifier: Apache-2.0
"""HP205: the tie between what was tested and these bytes is too loose."""

from __future__ import annotations

from hubpolicy.domain.finding import Finding, Severity

ID = "HP205"
TITLE = "the tie between what was tested and these bytes is tight enough"
SEVERITY = Severity.ERROR

HIGHEST = 4


def check(level: int, min_level: int) -> tuple[Finding, ...]:
    """A finding if the level is under ``min_level``, or is none that exists (0 to 4)."""
    if min_level <= level <= HIGHEST and level >= 0:
        return ()
    message = f"got binding level {level}, expected {min_level} to {HIGHEST}"
    fix = "let hubpolicy itself load the folder: hubpolicy test PATH"
    return (Finding(ID, SEVERITY, message, fix=fix, effect="inconclusive"),)
