# SPDX-License-Identifier: Apache-2.0
"""HP410: nothing to judge. An empty set is an error, never a pass."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.core.filetypes import by_kind
from hubpolicy.domain.finding import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hubpolicy.core.filetypes import Kind

ID = "HP410"
TITLE = "there are files, and weights among them"
SEVERITY = Severity.ERROR


def check(
    sizes: Mapping[str, int],
    heads: Mapping[str, bytes],
    known: Mapping[Kind, list[str]] | None = None,
) -> tuple[Finding, ...]:
    """One finding if the release has no file, or none that counts as weights.

    ``known``: ``filetypes.by_kind`` of both, where that is at hand.
    """
    if not sizes:
        message = "the release has no files, so nothing was evaluated"
        fix = "give the folder that holds README.md and the weights"
    elif (known or by_kind(sizes, heads)).keys().isdisjoint({"weight", "pickle"}):
        message = f"none of the {len(sizes)} files holds weights, so nothing was evaluated"
        fix = "give the folder that holds the weights (in a git work tree: are they ignored?)"
    else:
        return ()
    return (Finding(ID, SEVERITY, message, None, fix, "inconclusive"),)
