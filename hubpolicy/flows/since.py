# SPDX-License-Identifier: Apache-2.0
"""An audit's history from a day or a commit on. What refs show today is looked at in any case.

A commit's own time may be made up. So a day cuts below the oldest commit that claims to be of it or
later: what was dated back on top of that is looked at too, and only who dates back everything
before it as well goes by unseen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from hubpolicy.domain.manifest import Listing
    from hubpolicy.domain.release import RepoId
    from hubpolicy.ports import HistoryReader, RemoteRef

    Dates = Callable[[RepoId, str], tuple[tuple[str, str], ...]]
    """Id and time (ISO 8601 UTC) of a commit and of all before it, the newest first."""


class Since(NamedTuple):
    """Either the first day or instant (ISO 8601 UTC) that counts, or a commit id that is past."""

    time: str = ""
    oid: str = ""


class RecentHistory:
    """Implements :class:`hubpolicy.ports.HistoryReader` over another one, for one repository."""

    def __init__(self, hub: HistoryReader, since: Since, dates: Dates) -> None:
        self._hub, self._since, self._dates = hub, since, dates
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
        return recent(self._dates(repo, revision), self._since.time)

    def _before(self, repo: RepoId) -> frozenset[str]:
        if self._past is None:
            self._past = frozenset(self._hub.history(repo, self._since.oid))
        return self._past


def recent(dated: tuple[tuple[str, str], ...], time: str) -> tuple[str, ...]:
    """Pure: the ids down to the oldest one that is of ``time`` or later, or of no known time."""
    counts = [at for at, (_, made) in enumerate(dated) if not made or made[: len(time)] >= time]
    return tuple(oid for oid, _ in dated[: counts[-1] + 1]) if counts else ()
