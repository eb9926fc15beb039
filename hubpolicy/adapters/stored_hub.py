# SPDX-License-Identifier: Apache-2.0
"""A hub for audits: what a commit id fixes is asked once and then taken from the store."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, NamedTuple

from hubpolicy.domain.manifest import git_blob_id

if TYPE_CHECKING:
    from collections.abc import Callable

    from hubpolicy.adapters.audit_store import AuditStore
    from hubpolicy.domain.manifest import ListedFile, Listing
    from hubpolicy.domain.release import RepoId
    from hubpolicy.ports import HistoryReader, RemoteRef

    Commit = tuple[str, str, tuple[str, ...]]
    """Id, the time that it states, parents."""
    Lineage = Callable[[RepoId, str], tuple[Commit, ...]]

_LINEAGE = "\0lineage"
"""The path under which times and parents of a commit and all before it are kept; no file's."""


class StoredHub(NamedTuple):
    """Implements :class:`hubpolicy.ports.HistoryReader` over another one."""

    hub: HistoryReader
    store: AuditStore

    def refs(
        self, repo: RepoId, *, outdated: str = "", ref: str = "refs/heads/main"
    ) -> tuple[RemoteRef, ...]:
        """Branches, tags and pull-request refs: asked each time, since they move."""
        return self.hub.refs(repo, outdated=outdated, ref=ref)

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
        """A small file of a commit. Only what is as the commit lists it is kept."""
        kept = self.store.content(repo, revision, path) if _is_commit(revision) else None
        if kept is not None:
            return kept
        found = self.hub.read(repo, revision, path)
        if _is_commit(revision):
            listed = {file.path: file for file in self.listing(repo, revision).files}.get(path)
            if listed is not None and _is_listed(found, listed):
                self.store.keep_content(repo, revision, path, found)
        return found


def kept_lineage(ask: Lineage, store: AuditStore | None) -> Lineage:
    """The same answers; what a commit id fixes is asked for once."""
    if store is None:
        return ask

    def lineage(repo: RepoId, revision: str) -> tuple[Commit, ...]:
        kept = store.content(repo, revision, _LINEAGE)
        if kept is None:
            kept = json.dumps(ask(repo, revision)).encode()
            store.keep_content(repo, revision, _LINEAGE, kept)
        return tuple((oid, made, tuple(parents)) for oid, made, parents in json.loads(kept))

    return lineage


def _is_listed(content: bytes, file: ListedFile) -> bool:
    digest = hashlib.sha256(content).hexdigest() if file.sha256 else git_blob_id(content)
    return digest == (file.sha256 or file.git_blob)


def _is_commit(revision: str) -> bool:
    return len(revision) in {40, 64} and not set(revision) - set("0123456789abcdef")
