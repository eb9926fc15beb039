# SPDX-License-Identifier: Apache-2.0
"""HP409: weights that no tested run loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.core.filetypes import by_kind, kind_of_name
from hubpolicy.domain.finding import Finding, Location, Severity

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hubpolicy.core.filetypes import Kind

ID = "HP409"
TITLE = "all weights were loaded in a tested run"
SEVERITY = Severity.ERROR


def check(
    sizes: Mapping[str, int],
    heads: Mapping[str, bytes],
    covered: frozenset[str],
    known: Mapping[Kind, list[str]] | None = None,
    few: Mapping[str, str] | None = None,
) -> tuple[Finding, ...]:
    """One finding per weight-like file outside of ``covered``; pickles have rule HP407.

    No list in a policy spares weights: what was not evaluated is never green. Nor does a run that
    took the file for a configuration, by its name: no run loads those as weights. ``known``:
    ``filetypes.by_kind`` of the first two, where that is at hand. ``few``: how many of the checkers
    ran a file that is not covered, as words ("1 of 2").
    """
    found = (known or by_kind(sizes, heads)).get("weight", [])
    return tuple(
        _finding(path, sizes[path], (few or {}).get(path, ""))
        for path in found
        if path not in covered or kind_of_name(path, 0) == "config"
    )


def _finding(path: str, size: int, few: str) -> Finding:
    message = f"{path} ({size} bytes) counts as weights, but no tested run loaded it"
    fix = f"hubpolicy test PATH    on the model that {path!r} belongs to, or remove the file"
    if few:
        message = f"{path} ({size} bytes) counts as weights, and {few} checkers ran it"
        fix = f"another checker: hubpolicy test PATH    on the model that {path!r} belongs to"
    return Finding(ID, SEVERITY, message, Location(path), fix, "inconclusive")
