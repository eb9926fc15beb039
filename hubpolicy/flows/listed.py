# SPDX-License-Identifier: Apache-2.0
"""A commit on a hub as a release: everything but large contents, which nobody has to download.

A hub lists the sha256 of what it keeps by Git LFS, and a git blob id (SHA-1) of the rest. The rest
is small, so it is read, and its digests are taken here: the manifest is byte for byte the one of
a folder with the same content. What is read must be what was listed.
"""

from __future__ import annotations

import hashlib
from functools import cached_property
from typing import TYPE_CHECKING

from hubpolicy.core.magic import HEAD_SIZE
from hubpolicy.core.paths import path_findings, refuse_path
from hubpolicy.domain.manifest import (
    GIT_BLOB_LIMIT,
    Entry,
    is_evidence_path,
    make_manifest,
)
from hubpolicy.errors import ServiceError
from hubpolicy.flows.fetching import read_evidence, read_listed

if TYPE_CHECKING:
    from hubpolicy.domain.finding import Finding
    from hubpolicy.domain.manifest import EvidenceFile, ListedFile, Listing, Manifest
    from hubpolicy.domain.release import RepoId
    from hubpolicy.ports import Hub, Progress

READ_LIMIT = 64 * 1024 * 1024
"""Bytes of a file that are read at most, to look into it."""


class ListedRelease:
    """Implements :class:`hubpolicy.ports.ReleaseReader` for one commit of one repository.

    Small files are downloaded when the manifest is first asked for; ``progress`` counts them.
    """

    def __init__(self, repo: RepoId, oid: str, hub: Hub, progress: Progress) -> None:
        """List the tree.

        Raises:
            AccessError, ServiceError: the hub does not give it.

        """
        self._repo, self._hub, self._progress = repo, hub, progress
        self.oid = oid
        self.listing: Listing = hub.listing(repo, oid)
        self._listed = {file.path: file for file in self.listing.files}
        self._contents: dict[str, bytes] = {}

    @cached_property
    def manifest(self) -> Manifest:
        """Every covered file, with its sha256.

        Raises:
            ServiceError: a small file could not be read, is not what was listed, or a file is too
                large to be read and has no sha256.

        """
        covered = [file for file in self.listing.files if _is_covered(file.path)]
        small = [file for file in covered if file.sha256 is None]
        advance = self._progress.start(f"reading {self._repo.text}", len(small), "files")
        for file in small:
            self._content(file, GIT_BLOB_LIMIT)
            advance(1)
        return make_manifest([self._entry(file) for file in covered])

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """Refused paths and twins. A listing gives no modes: a link is the text of its aim."""
        # JSON can hold halves of characters: as bytes they are no UTF-8, which HP401 says.
        return path_findings((_bytes(file.path), "100644") for file in self.listing.files)

    def read(self, path: str) -> bytes:
        """A file's content, at most 64 MiB, exactly what the listing says.

        Raises:
            ServiceError: there is no such file, it is larger, or is not what was listed.

        """
        if path not in self._listed:
            message = f"got no file {path!r} in {self._repo.text} at {self.oid[:12]}"
            raise ServiceError(message)
        return self._content(self._listed[path], READ_LIMIT)

    def head(self, path: str) -> bytes:
        """The first 512 bytes of a small file. What is kept by Git LFS is not fetched for that.

        Raises:
            ServiceError: it is not at hand.

        """
        file = self._listed.get(path)
        if file is None or file.sha256 is not None:
            message = f"the content of {path!r} is not at hand"
            raise ServiceError(message)
        return self._content(file, GIT_BLOB_LIMIT)[:HEAD_SIZE]

    def evidence_files(self) -> tuple[EvidenceFile, ...]:
        """What a release keeps about itself there. Raises as ``read_evidence`` does."""
        return self._evidence

    @cached_property
    def _evidence(self) -> tuple[EvidenceFile, ...]:
        return read_evidence(self._repo, self.oid, self.listing, self._hub)

    def _entry(self, file: ListedFile) -> Entry:
        if file.sha256 is None:
            content = self._contents[file.path]
            return Entry(file.path, file.size, hashlib.sha256(content).hexdigest(), file.git_blob)
        # A folder gives small files a blob id, which the hub does not list for these.
        return Entry(file.path, file.size, file.sha256, None)

    def _content(self, file: ListedFile, limit: int) -> bytes:
        if file.path in self._contents:
            return self._contents[file.path]
        content = read_listed(self._repo, self.oid, file, self._hub, limit)
        self._contents[file.path] = content
        return content


def _is_covered(path: str) -> bool:
    return not is_evidence_path(path) and refuse_path(_bytes(path)) is None


def _bytes(path: str) -> bytes:
    return path.encode("utf-8", "surrogatepass")
