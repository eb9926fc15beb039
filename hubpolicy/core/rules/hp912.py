# SPDX-License-Identifier: Apache-2.0
"""HP912: an upload guard that somebody enabled, and that does not judge."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.domain.finding import Finding, Severity

if TYPE_CHECKING:
    from hubpolicy.domain.surroundings import UploadGuard

ID = "HP912"
TITLE = "the upload guard of this environment is whole where it is enabled"
SEVERITY = Severity.ERROR


def check(guard: UploadGuard) -> tuple[Finding, ...]:
    """Nobody has to enable it; who did relies on it."""
    if not guard.problem:
        return ()
    message = f"{guard.problem}, in {guard.where}"
    return (Finding(ID, SEVERITY, message, None, "hubpolicy guard status; hubpolicy guard enable"),)
