# SPDX-License-Identifier: Apache-2.0
"""HP511: bytes that are to leave, or a name to be taken, before there is evidence about them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.core.lines import named
from hubpolicy.domain.finding import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Sequence

ID = "HP511"
TITLE = "evidence comes before the bytes"
SEVERITY = Severity.ERROR


def check(repo: str, missing: Sequence[str], fix: str) -> tuple[Finding, ...]:
    """One finding for what no release is known to hold; none where nothing is missing."""
    if not missing:
        return ()
    message = (
        f"{named(tuple(missing))}: no release for {repo} is known here that holds this and passes"
    )
    return (Finding(ID, SEVERITY, message, None, fix, "inconclusive"),)
