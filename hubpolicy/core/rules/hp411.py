# SPDX-License-Identifier: Apache-2.0
"""HP411: a file or folder that cannot be read, so that its bytes are not known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.domain.finding import Finding, Location, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable

ID = "HP411"
TITLE = "every file can be read"
SEVERITY = Severity.ERROR


def check(failures: Iterable[tuple[str, str]]) -> tuple[Finding, ...]:
    """One finding per (path, reason)."""
    return tuple(_finding(path, reason) for path, reason in failures)


def _finding(path: str, reason: str) -> Finding:
    message = f"{path} cannot be read ({reason}), so it cannot be judged"
    fix = f"make {path!r} readable, or remove it"
    return Finding(ID, SEVERITY, message, Location(path), fix, "inconclusive")
