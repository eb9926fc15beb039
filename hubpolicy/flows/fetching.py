# SPDX-License-Identifier: Apache-2.0
"""Evidence and other small files of a commit on a hub, exactly as the hub listed them."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from hubpolicy.core.evidence_files import RECORDS_LIMIT
from hubpolicy.core.rules.hp412 import evidence_kind
from hubpolicy.domain.manifest import (
    GIT_BLOB_LIMIT,
    EvidenceFile,
    ListedFile,
    git_blob_id,
    is_evidence_path,
)
from hubpolicy.errors import ServiceError

if TYPE_CHECKING:
    from hubpolicy.domain.manifest import Listing, Manifest
    from hubpolicy.domain.release import RepoId
    from hubpolicy.ports import HubReader

_MIB = 1024 * 1024
_LIMITS = {
    "signature": 64 * _MIB,
    "release": 64 * _MIB,
    "approval": _MIB,
    "policy": 4 * _MIB,
    "records": RECORDS_LIMIT,
}
"""Bytes that are fetched of an evidence file at most. Nothing else is fetched at all."""
_MOST_FILES = 1000


def read_evidence(
    repo: RepoId,
    oid: str,
    listing: Listing,
    hub: HubReader,
    contents: dict[str, bytes] | None = None,
) -> tuple[EvidenceFile, ...]:
    """The files of a commit that are left out of its manifest.

    What is of no known kind, or too large for its kind, is not fetched: it stands here without
    content, and the judge refuses it by its name. ``contents`` keeps what was read, by digest.

    Raises:
        ServiceError: it could not be read, is more than anybody needs, or is not what was listed.

    """
    known = {} if contents is None else contents
    found = [file for file in listing.files if is_evidence_path(file.path)]
    if len(found) > _MOST_FILES:
        message = f"got {len(found)} evidence files, expected at most {_MOST_FILES}, at {oid[:12]}"
        raise ServiceError(message)
    return tuple(EvidenceFile(f.path, _content(repo, oid, f, hub, known)) for f in found)


def _content(
    repo: RepoId, oid: str, file: ListedFile, hub: HubReader, known: dict[str, bytes]
) -> bytes:
    kind = evidence_kind(file.path)
    if kind is None or file.size > _LIMITS[kind]:
        return b""
    digest = file.sha256 or file.git_blob or ""
    if digest not in known:
        known[digest] = read_listed(repo, oid, file, hub, _LIMITS[kind])
    return known[digest]


def read_listed(repo: RepoId, oid: str, file: ListedFile, hub: HubReader, limit: int) -> bytes:
    """A file of a commit, exactly what the hub listed: its size, and its sha256 or git blob id.

    Raises:
        ServiceError: it is not, could not be read, or is larger than ``limit`` bytes.

    """
    if file.size > limit:
        message = f"got {file.size} bytes in {file.path}, expected at most {limit} to read"
        raise ServiceError(message)
    content = hub.read(repo, oid, file.path)
    got = hashlib.sha256(content).hexdigest() if file.sha256 else git_blob_id(content)
    if len(content) != file.size or got != (file.sha256 or file.git_blob):
        message = f"{file.path} of {repo.text} is not what the hub listed"
        raise ServiceError(message, hint="try again; if it stays so, do not use it")
    return content


def read_entry(
    repo: RepoId, oid: str, path: str, manifest: Manifest, hub: HubReader
) -> bytes | None:
    """A small file of a commit whose manifest is known, by its sha256; None: it has no such file.

    Raises:
        ServiceError: as :func:`read_listed`.

    """
    for entry in manifest.entries:
        if entry.path == path:
            file = ListedFile(path, entry.size, entry.sha256, None)
            return read_listed(repo, oid, file, hub, GIT_BLOB_LIMIT)
    return None
