# SPDX-License-Identifier: Apache-2.0
"""The part of an audit that looks into LFS storage: weights that were sent and that no ref shows.

Somebody uploaded and never committed, or rewrote history: what was sent stays in the repository's
storage, and whoever knows its sha256 can ask for it. What a commit shows is judged there; what is
left is in nobody's release, since a release names what its own commit shows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from hubpolicy.core.rules import hp610, hp703
from hubpolicy.core.rules.hp401 import printable
from hubpolicy.domain.release import RepoId
from hubpolicy.domain.storage import StoredObject
from hubpolicy.errors import AccessError, ServiceError
from hubpolicy.flows.auditing import RefVerdict

if TYPE_CHECKING:
    from collections.abc import Iterable

Storage = Callable[[RepoId], tuple[StoredObject, ...]]

PLACE = "(LFS storage)"
_MOST = 100
"""Rows for one repository; what is more is counted in one row."""


class Looked(NamedTuple):
    """What was found in a storage; or why nobody looked."""

    rows: tuple[RefVerdict, ...] = ()
    not_looked: str = ""


def audit_storage(
    repo: RepoId,
    shown: frozenset[str],
    rows: Iterable[RefVerdict],
    storage: Storage,
    revoked: frozenset[str],
) -> Looked:
    """Every object like weights whose sha256 is not among ``shown``: of every commit of every ref.

    ``rows`` are the verdicts on these; where one is unreadable, nobody knows what it shows.
    """
    if any(row.status == "UNREADABLE" for row in rows):
        return Looked(not_looked="not every commit could be read")
    try:
        stored = storage(repo)
    except AccessError:
        return Looked(not_looked="this login may not list it (that takes the right to write)")
    except ServiceError as error:
        return Looked((RefVerdict(repo, PLACE, "", "UNREADABLE", error.message),))
    found = hp610.orphans(stored, shown)
    verdicts = tuple(_verdict(repo, orphan, revoked) for orphan in found[:_MOST])
    if len(found) > _MOST:
        said = f"{len(found) - _MOST} more objects that no commit shows"
        verdicts += (RefVerdict(repo, PLACE, "", "UNATTESTED", said, weights=True),)
    return Looked(verdicts)


def _verdict(repo: RepoId, orphan: StoredObject, revoked: frozenset[str]) -> RefVerdict:
    finding = hp610.check(orphan, _settings(repo))
    ref = f"lfs:{orphan.digests[0][:12]}"
    if revoked.isdisjoint(orphan.digests):
        return RefVerdict(
            repo, ref, "", "UNATTESTED", finding.message, (finding,), weights=True
        )  # fmt: skip
    gone = hp703.check_listed(_plain(orphan) or ref, f"in the LFS storage of {repo.text}")
    return RefVerdict(
        repo, ref, "", "REVOKED", gone[0].message, (*gone, finding), weights=True
    )  # fmt: skip


def _plain(orphan: StoredObject) -> str:
    return printable(orphan.name.encode("utf-8", "surrogatepass"))


def _settings(repo: RepoId) -> str:
    kind = "" if repo.repo_type == "model" else f"{repo.repo_type}s/"
    return f"{repo.endpoint}/{kind}{repo.text}/settings"
