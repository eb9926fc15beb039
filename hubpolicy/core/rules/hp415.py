# SPDX-License-Identifier: Apache-2.0
"""HP415: a base whose pinned bytes are not what its repository has at that commit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.core.adapter_base import BASE
from hubpolicy.core.lines import named
from hubpolicy.domain.finding import Finding, Location, Severity

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hubpolicy.core.adapter_base import Base

ID = "HP415"
TITLE = "a pinned base is what the hub has at that commit"
SEVERITY = Severity.ERROR


def check(where: str, base: Base, listed: Mapping[str, str]) -> tuple[Finding, ...]:
    """At most one finding. ``where``: path of the pin; ``listed``: hex sha256 by path, as asked."""
    absent = tuple(path for path, _ in base.files if path not in listed)
    other = tuple(path for path, sha256 in base.files if listed.get(path, sha256) != sha256)
    said = [
        f"{words} {named(paths)}"
        for words, paths in (("other bytes for", other), ("no", absent))
        if paths
    ]
    if not said:
        return ()
    message = f"{where} pins {_at(base)}, where the hub has {' and '.join(said)}"
    fix = f"hf download the base at that commit, write {BASE} anew from it, and test again"
    return (Finding(ID, SEVERITY, message, Location(where), fix),)


def stray(where: str, base: Base) -> Finding:
    """The commit is in no branch and no tag: somebody may have proposed it, and nobody took it."""
    message = f"{where} pins {_at(base)}, which is in the history of no branch or tag there"
    fix = "pin a commit that the owners of the base published: of main, another branch or a tag"
    return Finding(ID, SEVERITY, message, Location(where), fix)


def unknown(where: str, base: Base | None, reason: str) -> Finding:
    """It was asked for, and nobody could tell: never green."""
    pinned = "" if base is None else f" pins {_at(base)}, which"
    message = f"{where}{pinned} cannot be compared with the hub: {reason}"
    fix = "hf auth login, if the base is private or gated; ask again when the hub answers"
    return Finding(ID, SEVERITY, message, Location(where), fix, "inconclusive")


def _at(base: Base) -> str:
    return f"{base.repo} at {base.revision[:12]}"
