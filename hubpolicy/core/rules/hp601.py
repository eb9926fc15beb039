# SPDX-License-Identifier: Apache-2.0
"""HP601: the push would send weights, in an earlier commit, that no verified evidence covers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.core.filetypes import is_weight_like
from hubpolicy.core.rules.hp401 import printable
from hubpolicy.core.rules.hp412 import evidence_kind
from hubpolicy.domain.finding import Finding, Location, Severity
from hubpolicy.domain.named import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

ID = "HP601"
TITLE = "weights in the pushed history are covered by evidence"
SEVERITY = Severity.ERROR

_RECORDS_LIMIT = 10 * 1024 * 1024
_GZIP = b"\x1f\x8b\x08\x00"
"""As we pack records. One blob may have many paths in a history, and git names only one."""


class SentBlob(NamedTuple):
    """A file that a push would send, under one of the paths it has in that history.

    For an LFS pointer, ``size`` and ``sha256`` are the content's, and ``head`` is None unless the
    content is on this disk. ``is_pointer`` holds for everything that git-lfs takes for one.
    """

    path: str
    oid: str
    size: int
    sha256: str
    head: bytes | None
    is_pointer: bool


def is_weight(blob: SentBlob) -> bool:
    """Weight-like by name, size or first bytes; a pointer also where its bytes are not known."""
    packed = blob.head is not None and blob.head.startswith(_GZIP)
    if packed and evidence_kind(blob.path) == "records" and blob.size <= _RECORDS_LIMIT:
        return False  # of an earlier release: gzip by name and bytes, and no loader reads it
    if blob.is_pointer and blob.head is None:
        return True
    return is_weight_like(blob.path, blob.size, blob.head or b"")


def check(sent: Iterable[SentBlob], covered: frozenset[str]) -> tuple[Finding, ...]:
    """One finding per weight-like blob whose sha256 is not in ``covered``."""
    return tuple(_finding(b) for b in sent if b.sha256 not in covered and is_weight(b))


def _finding(blob: SentBlob) -> Finding:
    shown = printable(blob.path.encode("utf-8", errors="surrogateescape"))
    kind = "LFS object" if blob.is_pointer else "blob"
    message = (
        f"{shown} ({blob.size} bytes, {kind} {blob.sha256[:10]}) is in the pushed history, not in "
        "the released files, and no verified evidence covers it; everyone could download it"
    )
    fix = f"git log --oneline --all --find-object={blob.oid[:12]}  names the commit; " + _REMEDY
    return Finding(ID, SEVERITY, message, Location(shown), fix)


_REMEDY = "rewrite it away: git rebase -i, or publish one clean commit: hubpolicy push"
