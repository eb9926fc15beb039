# SPDX-License-Identifier: Apache-2.0
"""Remembers which digests an audit met, while it reads whatever it reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from hubpolicy.core.listed_weights import publishes_weights

if TYPE_CHECKING:
    from collections.abc import Callable

    from hubpolicy.domain.manifest import Listing
    from hubpolicy.domain.release import RepoId
    from hubpolicy.ports import HistoryReader, RemoteRef

    Lineage = Callable[[RepoId, str], tuple[tuple[str, str, tuple[str, ...]], ...]]
    """Id, time (ISO 8601 UTC, as it states) and parents of a commit and of all before it: each
    before its parents."""


class SeenHub:
    """Implements :class:`hubpolicy.ports.HistoryReader` over another one, for one repository.

    ``shown``: the sha256 of every file that a tree showed. ``weights``: of what is like weights,
    with a path that it has.
    """

    def __init__(self, hub: HistoryReader) -> None:
        self._hub = hub
        self.shown: set[str] = set()
        self.weights: dict[str, str] = {}

    def refs(
        self, repo: RepoId, *, outdated: str = "", ref: str = "refs/heads/main"
    ) -> tuple[RemoteRef, ...]:
        """As they stand."""
        return self._hub.refs(repo, outdated=outdated, ref=ref)

    def listing(self, repo: RepoId, revision: str) -> Listing:
        """The tree of a commit, and a note of what is in it."""
        found = self._hub.listing(repo, revision)
        for file in found.files:
            if file.sha256 is not None and file.sha256 not in self.shown:
                self.shown.add(file.sha256)
                if publishes_weights(file):
                    self.weights[file.sha256] = file.path
        return found

    def history(self, repo: RepoId, revision: str) -> tuple[str, ...]:
        """What led to a commit."""
        return self._hub.history(repo, revision)

    def read(self, repo: RepoId, revision: str, path: str) -> bytes:
        """A small file of a commit."""
        return self._hub.read(repo, revision, path)


class Opened(NamedTuple):
    """A repository to be looked at, and what was met of it, as it was listed.

    A deep audit puts what was read in the place of what was listed: only the latter is what the
    repository's storage goes by. ``lineage``: who knows the parents of its commits, if anybody.
    ``unnamed``: refs that are there and that nobody named.
    """

    hub: HistoryReader
    seen: SeenHub
    lineage: Lineage | None = None
    unnamed: Callable[[], tuple[str, ...]] = tuple
