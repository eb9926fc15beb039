# SPDX-License-Identifier: Apache-2.0
"""What shall stand on a hub against what stands there: what to send, and what came of it.

A listing has sha256 for large files and git blob ids for small ones; neither is taken for more than
it is. Nothing is sent or judged here.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

from hubpolicy.domain.finding import Finding, Location, Severity
from hubpolicy.domain.manifest import (
    GIT_BLOB_LIMIT,
    EvidenceFile,
    Manifest,
    compare,
    git_blob_id,
    is_evidence_path,
)
from hubpolicy.domain.outgoing import Outgoing
from hubpolicy.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hubpolicy.domain.manifest import ListedFile, Listing
    from hubpolicy.domain.outgoing import Seal
    from hubpolicy.domain.release import RepoId
    from hubpolicy.ports import RemoteRepo

READBACK = "HP502"

COMMIT_FILES = 1000
"""Files that go into one commit, where there may be several: a hub takes minutes for more."""
COMMIT_BYTES = 100 * 1024 * 1024
"""Bytes of small files in one commit, where there may be several: they are held in memory."""


class Wanted(NamedTuple):
    """What shall stand there: every judged file, and evidence byte for byte.

    ``folder`` holds the files, but for those in ``made``, which are sent from memory. ``seals``: of
    the large files in it, when they were hashed.
    """

    folder: str
    manifest: Manifest
    evidence: tuple[EvidenceFile, ...]
    made: tuple[EvidenceFile, ...]
    seals: Mapping[str, Seal]


class Difference(NamedTuple):
    """What a push would change there: files to send, their bytes, paths to remove."""

    files: tuple[Outgoing, ...]
    size: int
    removed: tuple[str, ...]

    @property
    def held(self) -> int:
        """Bytes of those files that are held in memory while they are sent."""
        return sum(file.size for file in self.files if file.size <= GIT_BLOB_LIMIT)


def difference(wanted: Wanted, standing: Listing | None) -> Difference:
    """What it takes so that exactly the judged files stand there."""
    listed = {file.path: file for file in standing.files} if standing is not None else {}
    made = {file.path: file.content for file in wanted.made}
    send = []
    for entry in wanted.manifest.entries:
        path = entry.path
        if not _equal(listed.get(path), entry.sha256, entry.git_blob):
            source = made.get(path, f"{wanted.folder}/{path}")
            seal = wanted.seals.get(path)
            send.append(Outgoing(path, source, entry.sha256, entry.size, seal))
    for path, content in wanted.evidence:
        sha256 = hashlib.sha256(content).hexdigest()
        if not _equal(listed.get(path), sha256, git_blob_id(content)):
            send.append(Outgoing(path, content, sha256, len(content)))
    kept = {entry.path for entry in wanted.manifest.entries}
    kept |= {file.path for file in wanted.evidence}
    removed = tuple(sorted(listed.keys() - kept))
    return Difference(tuple(send), sum(file.size for file in send), removed)


def parts(change: Difference) -> Iterator[Difference]:
    """The same in pieces of the size of a commit; what goes away goes with the first."""
    files: list[Outgoing] = []
    removed, held = change.removed, 0
    for file in change.files:
        own = file.size if file.size <= GIT_BLOB_LIMIT else 0
        if files and (len(files) == COMMIT_FILES or held + own > COMMIT_BYTES):
            yield Difference(tuple(files), sum(each.size for each in files), removed)
            files, removed, held = [], (), 0
        files.append(file)
        held += own
    if files or removed:
        yield Difference(tuple(files), sum(each.size for each in files), removed)


def holds(listing: Listing, part: Difference) -> bool:
    """True if that piece has arrived: every file of it stands there, and what went is gone."""
    listed = {file.path: file for file in listing.files}
    return all(
        _equal(listed.get(file.path), file.sha256, _blob_id(file, listed.get(file.path)))
        for file in part.files
    ) and listed.keys().isdisjoint(part.removed)


def read_back(wanted: Wanted, listing: Listing, repo: RepoId, oid: str) -> tuple[Finding, ...]:
    """Compare what stands at a commit with what was judged; evidence byte for byte too."""
    missing, extra, different = compare(wanted.manifest, listing)
    listed = {file.path: file for file in listing.files if is_evidence_path(file.path)}
    for path, content in wanted.evidence:
        found = listed.pop(path, None)
        if found is None:
            missing += (path,)
        elif not _equal(found, hashlib.sha256(content).hexdigest(), git_blob_id(content)):
            different += (path,)
    extra += tuple(listed)
    return tuple(
        Finding(
            READBACK,
            Severity.ERROR,
            f"{path} {what} on the hub, at {oid[:12]}",
            Location(path),
            f"hubpolicy audit {repo.text}",
        )
        for paths, what in (
            (missing, "is missing"),
            (extra, "was added"),
            (different, "is not what was judged"),
        )
        for path in paths
    )


def notes(change: Difference) -> tuple[str, ...]:
    """What a person would like to know of it."""
    if not change.files and not change.removed:
        return ("nothing to upload: these bytes stand there already",)
    if not change.removed:
        return ()
    shown = ", ".join(change.removed[:3]) + (", …" if len(change.removed) > 3 else "")
    return (f"{len(change.removed)} removed there: {shown}",)


def _blob_id(file: Outgoing, found: ListedFile | None) -> str | None:
    """The id under which a hub keeps a small file; without its content only its size can tell."""
    if isinstance(file.source, bytes):
        return git_blob_id(file.source)
    same = found is not None and found.size == file.size
    return found.git_blob if found is not None and same else None


def _equal(found: ListedFile | None, sha256: str, git_blob: str | None) -> bool:
    if found is None:
        return False
    if found.sha256 is not None:
        return found.sha256 == sha256
    return git_blob is not None and git_blob == found.git_blob


def refuse_public(repo: RepoId, before: RemoteRepo) -> None:
    """Where something shall stay private, nobody looks already.

    Raises:
        ConfigError: the repository is public.

    """
    if before.exists and not before.private:
        message = f"{repo.text} is public, and this release shall stay private"
        hint = "push without --private or --stage-only, or to another repository"
        raise ConfigError(message, hint=hint)
