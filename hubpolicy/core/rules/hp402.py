# SPDX-License-Identifier: Apache-2.0
"""HP402: an entry that is not a plain file, so that its bytes are not in the release."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.core.rules.hp401 import printable
from hubpolicy.domain.finding import Finding, Location, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable

ID = "HP402"
TITLE = "every entry is a plain file"
SEVERITY = Severity.ERROR

PLAIN_MODES = ("100644", "100755")
_REASONS = {
    "120000": ("is a symbolic link", "replace the link by the file it points to"),
    "160000": ("is a submodule (gitlink)", "copy the submodule's files in, or remove it"),
}
_FIX = "remove it, or make it a plain file"


def refuse_mode(mode: str) -> str | None:
    """Why a git tree entry of this mode (six octal digits) is refused, or None for plain files."""
    if mode in PLAIN_MODES:
        return None
    known = _REASONS.get(mode)
    return known[0] if known else f"has mode {mode!r}"


def check(entries: Iterable[tuple[bytes, str]]) -> tuple[Finding, ...]:
    """One finding per (path, mode) whose mode is refused."""
    return tuple(_finding(path, mode) for path, mode in entries if mode not in PLAIN_MODES)


def refusal(path: bytes, reason: str, fix: str = _FIX) -> Finding:
    """The finding for an entry that a folder holds and git modes cannot name (pipe, device)."""
    shown = printable(path)
    message = f"{shown} {reason}; expected a plain file (mode {' or '.join(PLAIN_MODES)})"
    return Finding(ID, SEVERITY, message, Location(shown), fix)


def _finding(path: bytes, mode: str) -> Finding:
    reason, fix = _REASONS.get(mode, (f"has mode {mode!r}", _FIX))
    return refusal(path, reason, fix)
