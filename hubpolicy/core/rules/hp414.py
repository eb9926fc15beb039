# SPDX-License-Identifier: Apache-2.0
"""HP414: an adapter whose base is not named, not pinned, or another one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.core.adapter_base import ADAPTER, BASE, WEIGHTS
from hubpolicy.domain.finding import Finding, Location, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hubpolicy.core.layouts import Dangling

ID = "HP414"
TITLE = "an adapter names its base, and pins its bytes"
SEVERITY = Severity.ERROR


def check(dangling: Iterable[Dangling]) -> tuple[Finding, ...]:
    """One finding per adapter that stands on nothing known; HP405 has what else is dangling."""
    return tuple(_finding(one) for one in dangling if concerns(one))


def concerns(dangling: Dangling) -> bool:
    """True for what an adapter lacks."""
    return dangling.named_by.rpartition("/")[2].startswith(WEIGHTS) and not dangling.name


def _finding(dangling: Dangling) -> Finding:
    message = f"{dangling.named_by} {dangling.reason}"
    fix = (
        f"write {BASE} beside it: repo, revision and every file's sha256, and the same revision "
        f"in {ADAPTER}; or merge the adapter"
    )
    return Finding(ID, SEVERITY, message, Location(dangling.named_by), fix)
