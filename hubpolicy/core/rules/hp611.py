# SPDX-License-Identifier: Apache-2.0
"""HP611: a member of an organisation keeps its weights in a namespace of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.core.rules.hp401 import printable
from hubpolicy.domain.finding import Finding, Severity
from hubpolicy.domain.named import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

ID = "HP611"
TITLE = "an organisation's weights lie in its own namespaces"
SEVERITY = Severity.ERROR
_SHOWN = 3


class Copy(NamedTuple):
    """One file with the bytes of another: hex sha256, where it lies, and whose it is.

    ``known`` is ``namespace/name: path`` of a file of the organisation's.
    """

    sha256: str
    path: str
    known: str


def check(repo: str, copies: Sequence[Copy]) -> tuple[Finding, ...]:
    """One finding for a repository (``namespace/name``) that holds copies."""
    if not copies:
        return ()
    named = [f"{_plain(c.path)} (sha256 {c.sha256}) is {_plain(c.known)}" for c in copies[:_SHOWN]]
    more = len(copies) - _SHOWN
    said = "; ".join(named) + (f"; and {more} more files" if more > 0 else "")
    fix = f"release them where they belong, and have these removed: hf repos delete {repo}"
    return (Finding(ID, SEVERITY, f"{repo} holds weights of others: {said}", None, fix),)


def _plain(text: str) -> str:
    return printable(text.encode("utf-8", "surrogatepass"))
