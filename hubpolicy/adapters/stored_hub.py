# SPDX-License-Identifier: Apache-2.0
"""A hub for audits: what a commit id fixes is asked once and then taken from the store."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from hubpolicy.adapters.audit_store import AuditStore
    from hubpolicy.domain.manifest import Listing
    from hubpolicy.domain.release import RepoId
    from hubpolicy.ports import HistoryReader, RemoteRef


class StoredHub(NamedTuple):
    """Implements :class:`hubpolicy.ports.HistoryReader` over another one.

    ``run``: of the store; what it has seen of a repository before it broke is not asked again.
    """

    hub: HistoryReader
    store: AuditStore
    run: int

    def refs(
        self, repo: RepoId, *, outdated: str = "", ref: str = "refs/heads/main"
    ) -> tuple[RemoteRef, ...]:
        """Branches, tags and pull-request refs: asked in each run, since they move."""
        seen = None if outdated else self.store.refs(self.run, repo)
        if seen is not None:
            return seen
        found = self.hub.refs(repo, outdated=outdated, ref=ref)
        self.store.keep_refs(self.run, repo, found)
        return found

    def listing(self, repo: RepoId, revision: str) -> Listing:
        """The tree of a commit."""
        kept = self.store.listing(repo, revision) if _is_commit(revision) else None
        if kept is not None:
            return kept
        found = self.hub.listing(repo, revision)
        if _is_commit(revision):
            self.store.keep_listing(repo, revision, found)
        return found

    def history(self, repo: RepoId, revision: str) -> tuple[str, ...]:
        """What led to a commit, which nobody can change."""
        kept = self.store.history(repo, revision) if _is_commit(revision) else None
        if kept is not None:
            return kept
        found = self.hub.history(repo, revision)
        if _is_commit(revision):
            self.store.keep_history(repo, revision, found)
        return found

    def read(self, repo: RepoId, revision: str, path: str) -> bytes:
        """A small file of a commit. Whoever asks compares it with the listing."""
        kept = self.store.content(repo, revision, path) if _is_commit(revision) else None
        if kept is not None:
            return kept
        found = self.hub.read(repo, revision, path)
        if _is_commit(revision):
            self.store.keep_content(repo, revision, path, found)
        return found


def _is_commit(revision: str) -> bool:
    return len(revision) in {40, 64} and not set(revision) - set("0123456789abcdef")
