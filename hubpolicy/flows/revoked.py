# SPDX-License-Identifier: Apache-2.0
"""What was revoked in the trees of one repository (HP703), also where a listing has no sha256.

Small files that git keeps are listed by their blob id, and revoked by their sha256: so they are
read, each content once, and only if the trust state revokes any file.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from hubpolicy.core.listed_weights import digest_of
from hubpolicy.core.rules import hp703
from hubpolicy.domain.manifest import GIT_BLOB_LIMIT
from hubpolicy.flows.fetching import read_listed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hubpolicy.domain.finding import Finding
    from hubpolicy.domain.manifest import ListedFile, Listing
    from hubpolicy.domain.release import RepoId
    from hubpolicy.ports import HubReader


class Revoked:
    """The revoked digests, and the git blobs of which it is known whether they bear one."""

    def __init__(self, repo: RepoId, hub: HubReader, digests: frozenset[str]) -> None:
        """Nothing is read yet."""
        self._repo, self._hub, self._digests = repo, hub, digests
        self._blobs: dict[str, bool] = {}
        self._told: set[str] = set()

    def clear(self, blobs: Iterable[str | None]) -> None:
        """Git blobs that were judged, contents and all: none of them is revoked."""
        self._blobs |= {blob: False for blob in blobs if blob}

    def find(self, listing: Listing, oid: str, name: str) -> tuple[Finding, ...]:
        """HP703 for each revoked file of a commit that a ref leads to.

        Raises:
            ServiceError: a file could not be read, so that nobody knows.

        """
        if not self._digests:
            return ()
        where = f"at {oid[:12]} ({name})"
        gone = [file for file in listing.files if self._holds(file, oid)]
        self._told.update(map(digest_of, gone))
        return tuple(found for file in gone for found in hp703.check_listed(file.path, where))

    def told(self, digests: Iterable[str]) -> bool:
        """Whether :meth:`find` told of each of them: they were judged, and that taken back."""
        return self._told.issuperset(digests)

    def _holds(self, file: ListedFile, oid: str) -> bool:
        if file.sha256 is not None:
            return file.sha256 in self._digests
        blob = file.git_blob or ""
        if blob not in self._blobs:
            content = read_listed(self._repo, oid, file, self._hub, GIT_BLOB_LIMIT)
            self._blobs[blob] = hashlib.sha256(content).hexdigest() in self._digests
        return self._blobs[blob]
