# SPDX-License-Identifier: Apache-2.0
"""HP405: a model that cannot be loaded, since a file that it names is not there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.core.rules import hp414
from hubpolicy.domain.finding import Finding, Location, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hubpolicy.core.layouts import Dangling

ID = "HP405"
TITLE = "every named file is there"
SEVERITY = Severity.ERROR


def check(dangling: Iterable[Dangling]) -> tuple[Finding, ...]:
    """One finding per file that is asked for in vain, or that cannot be asked."""
    return tuple(_finding(one) for one in dangling if not hp414.concerns(one))


def _finding(dangling: Dangling) -> Finding:
    if dangling.name:
        message = f"{dangling.named_by} names {dangling.name!r}, which {dangling.reason}"
        fix = f"add {dangling.name!r}, or take it out of {dangling.named_by}"
    else:
        message = f"{dangling.named_by} {dangling.reason}, so the model's files are not known"
        fix = f"write {dangling.named_by} again with the tool that exported the model"
    return Finding(ID, SEVERITY, message, Location(dangling.named_by), fix)
