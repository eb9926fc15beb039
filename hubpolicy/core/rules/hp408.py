# SPDX-License-Identifier: Apache-2.0
"""HP408: a file that is neither in a tested closure nor of a known inert type within its cap."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.core.filetypes import by_kind, inert_cap
from hubpolicy.domain.finding import Finding, Location, Severity

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hubpolicy.core.filetypes import Kind

ID = "HP408"
TITLE = "every file is tested or of a known inert type"
SEVERITY = Severity.ERROR
_HOOK_FOLDERS = frozenset((".husky", ".githooks", ".lefthook"))
"""Where tools keep scripts that git starts: programs, which the closed table does not know."""


def check(
    sizes: Mapping[str, int],
    heads: Mapping[str, bytes],
    covered: frozenset[str],
    allowed: frozenset[str],
    known: Mapping[Kind, list[str]] | None = None,
) -> tuple[Finding, ...]:
    """One finding per such file; weights and code have own rules.

    The policy may list a file of no known type. What loaders read has to be loaded: a template
    that was not is another model, whoever lists it. ``known``: ``filetypes.by_kind`` of the first
    two, where that is at hand.
    """
    spared: dict[Kind, frozenset[str]] = {"unknown": covered | allowed, "config": covered}
    grouped = known or by_kind(sizes, heads)
    found = sorted((path, kind) for kind in spared for path in grouped.get(kind, []))
    return tuple(_finding(p, sizes[p], kind) for p, kind in found if p not in spared[kind])


def _finding(path: str, size: int, kind: Kind) -> Finding:
    fix = f"remove {path!r}, or list it under [files] allowed"
    cap = inert_cap(path)
    if cap is not None and size > cap:
        fix = f"make {path!r} smaller, or list it under [files] allowed"
    elif cap is None and is_hook_script(path):
        fix = f"allowed = [{path!r}] under [files] in the policy; or keep it out of the release:"
        fix += " hubpolicy hook install needs no file in it"
    if kind == "config":
        fix = f"remove {path!r}, or test the weights that it belongs to: hubpolicy test PATH"
    return Finding(ID, SEVERITY, _message(path, size, kind), Location(path), fix)


def is_hook_script(path: str) -> bool:
    """Whether it lies where husky, lefthook or a team keeps scripts that git starts."""
    return path.partition("/")[0] in _HOOK_FOLDERS


def _message(path: str, size: int, kind: Kind) -> str:
    if kind == "config":
        return f"{path} is read by model loaders, but is not in the files of any tested run"
    cap = inert_cap(path)
    if cap is None and is_hook_script(path):
        return f"{path} is a script that git starts on the disks of others: nobody tested it"
    if cap is None:
        return f"{path} is of no known type, and is not in the files of any tested run"
    if size > cap:
        return f"{path} has {size} bytes, expected at most {cap} for a file of this type"
    return f"{path} does not hold what its name says"
