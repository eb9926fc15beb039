# SPDX-License-Identifier: Apache-2.0
"""An audit's history from a day or a commit on. What refs show today is looked at in any case.

What came before a commit that an earlier audit looked at is fixed by its id. A day is another
matter: a commit's time is its committer's word, and whoever pushes today may write one of last
year. So a commit counts as old only where nothing speaks against its word (:func:`recent`), and who
dates back everything, in order, goes by unseen. No date alone can tell.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from hubpolicy.domain.manifest import Listing
    from hubpolicy.domain.release import RepoId
    from hubpolicy.flows.seen import Lineage
    from hubpolicy.ports import HistoryReader, RemoteRef

    Dates = Callable[[RepoId, str], tuple[tuple[str, str], ...]]
    """Id and time (ISO 8601 UTC) of a commit and of all before it, the newest first."""
    Commit = tuple[str, str, tuple[str, ...]]
    """Id, time (ISO 8601 UTC, empty if it is none) and parents."""


class Since(NamedTuple):
    """Either the first day or instant (ISO 8601 UTC) that counts, or a commit id that is past."""

    time: str = ""
    oid: str = ""


class RecentHistory:
    """Implements :class:`hubpolicy.ports.HistoryReader` over another one, for one repository."""

    def __init__(
        self, hub: HistoryReader, since: Since, dates: Dates, lineage: Lineage | None = None
    ) -> None:
        self._hub, self._since, self._dates, self._lineage = hub, since, dates, lineage
        self._past: frozenset[str] | None = None

    def refs(
        self, repo: RepoId, *, outdated: str = "", ref: str = "refs/heads/main"
    ) -> tuple[RemoteRef, ...]:
        """All of them."""
        return self._hub.refs(repo, outdated=outdated, ref=ref)

    def listing(self, repo: RepoId, revision: str) -> Listing:
        """The tree of any commit."""
        return self._hub.listing(repo, revision)

    def read(self, repo: RepoId, revision: str, path: str) -> bytes:
        """A small file of any commit."""
        return self._hub.read(repo, revision, path)

    def history(self, repo: RepoId, revision: str) -> tuple[str, ...]:
        """What led to a commit, as far as it counts, the newest first."""
        if self._since.oid:
            past = self._before(repo)
            return tuple(oid for oid in self._hub.history(repo, revision) if oid not in past)
        if self._lineage is None:
            return recent(chain(self._dates(repo, revision)), self._since.time)
        return recent(self._lineage(repo, revision), self._since.time)

    def _before(self, repo: RepoId) -> frozenset[str]:
        if self._past is None:
            self._past = frozenset(self._hub.history(repo, self._since.oid))
        return self._past


def chain(dated: tuple[tuple[str, str], ...]) -> tuple[Commit, ...]:
    """A list of commits, the newest first, as if each were made on top of the next."""
    ids = [oid for oid, _ in dated]
    parents = [*((oid,) for oid in ids[1:]), ()]
    return tuple((oid, made, above) for (oid, made), above in zip(dated, parents, strict=False))


def recent(lineage: tuple[Commit, ...], time: str) -> tuple[str, ...]:
    """Pure: the ids of those that count, of commits that each stand before their parents.

    That is what states ``time`` or later, or no time, or one before that of a commit below it; what
    stands on top of any of these; and what one of these merged, from whichever side: what not all
    of its parents had.
    """
    latest: dict[str, str] = {}
    counts: set[str] = set()
    for oid, made, parents in reversed(lineage):
        below = max((latest.get(each, "") for each in parents), default="")
        latest[oid] = max(made, below)
        young = not made or made[: len(time)] >= time or made < below
        if young or not counts.isdisjoint(parents):
            counts.add(oid)
    return _above(lineage, counts)


def _above(lineage: tuple[Commit, ...], counts: set[str]) -> tuple[str, ...]:
    """All up to the first that does not count and that everything above it leads to.

    What a merge brought is what not all of its parents had. So of what does not count itself, only
    that is left out which each merge above it had by every parent: one commit, through which all
    ways from the tip go, and all before that.
    """
    known = {oid for oid, _, _ in lineage}
    ways = {lineage[0][0]} if lineage else set[str]()
    last = max((at for at, (oid, _, _) in enumerate(lineage) if oid in counts), default=-1)
    whole = True
    for number, (oid, _, parents) in enumerate(lineage):
        if whole and number > last and ways == {oid}:
            return tuple(each for each, _, _ in lineage[:number])
        ways.discard(oid)
        ways.update(parents)
        # A way that ends elsewhere leads to nothing that is still to come.
        whole = whole and bool(parents) and known.issuperset(parents)
    return tuple(oid for oid, _, _ in lineage)
