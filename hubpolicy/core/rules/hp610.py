# SPDX-License-Identifier: Apache-2.0
"""HP610: a repository's LFS storage holds weights that no commit shows and no release has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.core.listed_weights import publishes_weights
from hubpolicy.core.rules.hp401 import printable
from hubpolicy.core.times import is_date
from hubpolicy.domain.finding import Finding, Severity
from hubpolicy.domain.manifest import ListedFile

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hubpolicy.domain.storage import StoredObject

ID = "HP610"
TITLE = "no weights lie in LFS storage that no commit shows"
SEVERITY = Severity.ERROR


def orphans(stored: Iterable[StoredObject], shown: frozenset[str]) -> tuple[StoredObject, ...]:
    """Those that look like weights and none of whose digests (hex sha256) is among ``shown``."""
    return tuple(
        each
        for each in stored
        if shown.isdisjoint(each.digests)
        and publishes_weights(ListedFile(each.name, each.size, each.digests[0], None))
    )


def check(orphan: StoredObject, page: str) -> Finding:
    """One finding for one of them; ``page`` is the address of the repository's settings."""
    name = printable(orphan.name.encode("utf-8", "surrogatepass")) or "an object without a name"
    message = (
        f"{name} ({orphan.size} bytes, sha256 {orphan.digests[0]}) lies in the LFS storage since "
        f"{_day(orphan.pushed)}, and no commit that a ref shows has it; nobody attested it"
    )
    fix = f"delete it: {page}, List LFS files; or release it: hubpolicy push PATH NAMESPACE/NAME"
    return Finding(ID, SEVERITY, message, None, fix)


def _day(pushed: str) -> str:
    return pushed[:10] if is_date(pushed[:10]) else "an unknown day"
