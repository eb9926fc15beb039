# SPDX-License-Identifier: Apache-2.0
"""HP410: nothing to judge. An empty set is an error, never a pass."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.core.filetypes import kinds
from hubpolicy.domain.finding import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Mapping

ID = "HP410"
TITLE = "there are files, and weights among them"
SEVERITY = Severity.ERROR


def check(sizes: Mapping[str, int], heads: Mapping[str, bytes]) -> tuple[Finding, ...]:
    """One finding if the release has no file, or none that counts as weights."""
    if not sizes:
        message = "the release has no files, so nothing was evaluated"
        fix = "give the folder that holds README.md and the weights"
    elif all(kind not in {"weight", "pickle"} for _, kind in kinds(sizes, heads)):
        message = f"none of the {len(sizes)} files holds weights, so nothing was evaluated"
        fix = "give the folder that holds the weights (in a git work tree: are they ignored?)"
    else:
        return ()
    return (Finding(ID, SEVERITY, message, None, fix, "inconclusive"),)
