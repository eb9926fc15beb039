# SPDX-License-Identifier: Apache-2.0
"""HP416: files were others at the end of a test than at its beginning."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.domain.finding import Severity
from hubpolicy.errors import VerificationError

if TYPE_CHECKING:
    from collections.abc import Sequence

ID = "HP416"
TITLE = "the files stay what they are while they are tested"
SEVERITY = Severity.ERROR
FIX = "leave the folder alone, then: hubpolicy test PATH"

_SHOWN = 3


def changed(paths: Sequence[str], where: str = "") -> VerificationError:
    """The error that ends a run in which these files changed; ``where``: on which machine."""
    names = ", ".join(paths[:_SHOWN]) + (", ..." if len(paths) > _SHOWN else "")
    spot = f" {where}" if where else ""
    message = f"{len(paths)} files changed{spot} while they were tested: {names}"
    return VerificationError(message, hint=FIX, rule=ID)
