# SPDX-License-Identifier: Apache-2.0
"""A hub whose word is not taken for small files: they are downloaded, and hashed here.

A listing is the hub's word about what it would send. What it does send is judged in its place: a
file with other bytes than the release has is MODIFIED, whatever digest stood beside its name.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from hubpolicy.core.listed_weights import publishes_weights
from hubpolicy.domain.manifest import GIT_BLOB_LIMIT, Listing, git_blob_id, is_evidence_path
from hubpolicy.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Callable

    from hubpolicy.adapters.audit_store import AuditStore
    from hubpolicy.domain.manifest import ListedFile
    from hubpolicy.domain.release import RepoId
    from hubpolicy.ports import HistoryReader, HubReader, RemoteRef

    Reading = Callable[[RepoId, str, ListedFile], ListedFile | None]

LIMIT = GIT_BLOB_LIMIT
"""Bytes. Larger files are not downloaded."""
MOST_FILES = 1000
"""Of one commit. A model has some dozens; who asks for more is not answered by a download."""


class DeepHub:
    """Implements :class:`hubpolicy.ports.HistoryReader` over another one.

    ``reading`` gives a file as its bytes are, or None where it is not read; ``unread`` collects
    these, by digest with their sizes in bytes. ``store`` keeps what was read of a commit, if that
    was read from the hub.
    """

    def __init__(
        self,
        hub: HistoryReader,
        reading: Reading,
        store: AuditStore | None,
        unread: dict[str, int],
    ) -> None:
        self._hub, self._reading = hub, reading
        self._store, self._unread = store, unread

    def refs(
        self, repo: RepoId, *, outdated: str = "", ref: str = "refs/heads/main"
    ) -> tuple[RemoteRef, ...]:
        """As they stand."""
        return self._hub.refs(repo, outdated=outdated, ref=ref)

    def listing(self, repo: RepoId, revision: str) -> Listing:
        """The tree of a commit, small files by what their bytes are.

        Without anything like weights or without evidence nothing can hold, so nothing is read.

        Raises:
            ServiceError: a file cannot be read, or there are too many.

        """
        listed = self._hub.listing(repo, revision)
        if not any(map(publishes_weights, listed.files)):
            return listed
        if not any(is_evidence_path(file.path) for file in listed.files):
            return listed
        kept = None if self._store is None else self._store.read_listing(repo, revision)
        if kept is None:
            return self._read_all(repo, revision, listed)
        for file in kept.files:
            if file.size > LIMIT:
                self._leave(file)
        return kept

    def history(self, repo: RepoId, revision: str) -> tuple[str, ...]:
        """What led to a commit."""
        return self._hub.history(repo, revision)

    def read(self, repo: RepoId, revision: str, path: str) -> bytes:
        """A small file of a commit."""
        return self._hub.read(repo, revision, path)

    def _read_all(self, repo: RepoId, revision: str, listed: Listing) -> Listing:
        small = sum(_is_taken_at_its_word(file) and file.size <= LIMIT for file in listed.files)
        if small > MOST_FILES:
            message = f"got {small} files to read, expected at most {MOST_FILES}, "
            message += f"in {repo.text} at {revision[:12]}"
            raise ServiceError(message)
        found = tuple(self._as_read(repo, revision, file) for file in listed.files)
        kept = Listing(found)
        if self._store is not None:
            self._store.keep_read_listing(repo, revision, kept)
        return kept

    def _as_read(self, repo: RepoId, revision: str, file: ListedFile) -> ListedFile:
        if not _is_taken_at_its_word(file):
            return file
        found = self._reading(repo, revision, file)
        if found is None:
            self._leave(file)
        return found or file

    def _leave(self, file: ListedFile) -> None:
        self._unread[file.sha256 or file.git_blob or file.path] = file.size


def _is_taken_at_its_word(file: ListedFile) -> bool:
    """Not what was hashed already; and evidence is compared by whoever reads it to judge it."""
    hashed = file.sha256 is not None and file.git_blob is not None
    return not hashed and not is_evidence_path(file.path)


def downloading(hub: HubReader) -> Reading:
    """Reads from a hub, or from a clone of it, whatever is small.

    An LFS object is one object, whatever commit names it: it is downloaded once.
    """
    known: dict[str, ListedFile] = {}

    def read(repo: RepoId, revision: str, file: ListedFile) -> ListedFile | None:
        if file.size > LIMIT:
            return None
        found = known.get(file.sha256 or "")
        if found is None:
            found = described(file, hub.read(repo, revision, file.path))
            if file.sha256 is not None:
                known[file.sha256] = found
        return found._replace(path=file.path)

    return read


def described(file: ListedFile, content: bytes) -> ListedFile:
    """The file as a content makes it: kept in git where it was, else in LFS."""
    blob = None if file.git_blob is None else git_blob_id(content)
    return file._replace(
        size=len(content), sha256=hashlib.sha256(content).hexdigest(), git_blob=blob
    )  # fmt: skip
