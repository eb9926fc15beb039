# SPDX-License-Identifier: Apache-2.0
"""A release in git: a tree at an object id, and what a push would send besides.

Not responsible for running git (``git_process``), for reading objects (``git_objects``) or for any
judgement. Git LFS pointers stand for the content they name; nothing is ever downloaded.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from hubpolicy.adapters.git_objects import HEAD_SIZE, MAX_READ, GitObjects, checked_oid
from hubpolicy.core.paths import path_findings, refuse_mode, refuse_path
from hubpolicy.core.remotes import same_place
from hubpolicy.core.rules import hp404
from hubpolicy.core.rules.hp601 import SentBlob
from hubpolicy.domain.manifest import Entry, EvidenceFile, Manifest, is_evidence_path, make_manifest
from hubpolicy.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hubpolicy.adapters.git_process import Git
    from hubpolicy.core.lfs_pointer import Pointer
    from hubpolicy.domain.finding import Finding

_PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]*")
_FETCH = "git fetch --refetch --no-filter    (this clone is partial: files are missing here)"


class GitRepository:
    """One repository, seen by object id only."""

    def __init__(self, git: Git) -> None:
        self._git = git
        self._objects = GitObjects(git)

    def names(self, oid: str) -> tuple[tuple[str, str], ...]:
        """(path, blob id) of every file in a commit's tree, without reading one.

        Raises:
            ServiceError: the id is missing, or leads to a tree or blob instead of a commit.

        """
        return tuple((os.fsdecode(entry.path), entry.oid) for entry in self._objects.tree(oid))

    def release(self, oid: str) -> GitTreeRelease:
        """The release in the tree of a commit, or of the commit that a tag leads to.

        Raises:
            ServiceError: as :meth:`names`, or a blob is missing.

        """
        return GitTreeRelease(self._objects, oid)

    def sent(
        self, new: Iterable[str], remote: str, url: str, known: Iterable[str]
    ) -> tuple[SentBlob, ...]:
        """Every blob reachable from ``new`` that the remote does not have yet, once each.

        The remote has what its tracking refs here say, if ``url`` is where they were fetched from,
        and ``known``: object ids that the remote named itself.

        Raises:
            ServiceError: a blob that would be sent is not here (partial clone).

        """
        wanted = [checked_oid(oid) for oid in new]
        if not wanted:
            return ()
        revisions = [*wanted, *(f"^{checked_oid(oid)}" for oid in known)]
        tracking = ("--not", f"--remotes={remote}") if self._is_tracked(remote, url) else ()
        listed = self._git.run(
            "rev-list", "--objects", "--missing=print", "--ignore-missing",
            "--filter=object:type=blob", "--filter-provided-objects", "--stdin", *tracking,
            stdin="\n".join(revisions).encode("ascii") + b"\n",
        )  # fmt: skip
        paths = _parse_objects(listed)
        self._objects.load(paths)
        return tuple(self._sent(path, oid) for oid, path in paths.items())

    def _sent(self, path: str, oid: str) -> SentBlob:
        blob = self._objects.blob(oid)
        if blob.pointer is None:
            return SentBlob(path, oid, blob.size, blob.sha256, blob.head, blob.broken_pointer)
        size, sha256 = blob.pointer.size, blob.pointer.sha256
        return SentBlob(path, oid, size, sha256, self._lfs_head(blob.pointer), is_pointer=True)

    def _lfs_head(self, pointer: Pointer) -> bytes | None:
        try:
            return self._objects.lfs.head(pointer, HEAD_SIZE)
        except ServiceError:
            return None

    def _is_tracked(self, remote: str, url: str) -> bool:
        # A push URL may be another place than the one that the tracking refs were fetched from.
        if not _PLAIN_NAME.fullmatch(remote) or remote == url:
            return False
        return same_place(self._git.line("ls-remote", "--get-url", remote), url)


class GitTreeRelease:
    """The files of one commit: implements ``ports.ReleaseReader``.

    The manifest is the one of the folder that a checkout with Git LFS would give, but for the git
    blob id of what is kept in LFS, which nobody knows without the content.
    """

    def __init__(self, objects: GitObjects, oid: str) -> None:
        self._objects = objects
        listed = objects.tree(oid)
        plain = [entry for entry in listed if refuse_mode(entry.mode) is None]
        objects.load(entry.oid for entry in plain)
        self._oids = {
            entry.path.decode("utf-8"): entry.oid
            for entry in plain
            if refuse_path(entry.path) is None
        }
        covered = [path for path in self._oids if not is_evidence_path(path)]
        self._manifest = make_manifest([self._entry(path) for path in covered])
        refused = path_findings((entry.path, entry.mode) for entry in listed)
        self._findings = refused + self._broken_pointers()

    @property
    def manifest(self) -> Manifest:
        """Every covered file, sorted bytewise by path."""
        return self._manifest

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Refused paths and modes, twins, pointers that are not canonical."""
        return self._findings

    def read(self, path: str) -> bytes:
        """A file's content, at most 64 MiB; a pointer's from the local LFS objects, re-hashed.

        Raises:
            ServiceError: there is no such file, it is larger, or its LFS object is not here.

        """
        oid = self._oid(path)
        pointer = self._objects.blob(oid).pointer
        if pointer is None:
            return self._objects.content(oid)
        return self._objects.lfs.read(pointer, MAX_READ)

    def head(self, path: str) -> bytes:
        """The first 512 bytes of a file; a pointer's from the local LFS objects.

        Raises:
            ServiceError: there is no such file, or its LFS object is not here.

        """
        blob = self._objects.blob(self._oid(path))
        if blob.pointer is None:
            return blob.head
        return self._objects.lfs.head(blob.pointer, HEAD_SIZE)

    def evidence_files(self) -> tuple[EvidenceFile, ...]:
        """``model.sig`` and everything under ``.hubpolicy/``, sorted by path.

        Raises:
            ServiceError: one cannot be read.

        """
        paths = sorted(path for path in self._oids if is_evidence_path(path))
        return tuple(EvidenceFile(path, self.read(path)) for path in paths)

    def _oid(self, path: str) -> str:
        oid = self._oids.get(path)
        if oid is None:
            message = f"got no file {path!r} in this tree, expected one"
            raise ServiceError(message)
        return oid

    def _entry(self, path: str) -> Entry:
        blob = self._objects.blob(self._oids[path])
        if blob.pointer is None:
            return Entry(path, blob.size, blob.sha256, blob.git_blob)
        return Entry(path, blob.pointer.size, blob.pointer.sha256)

    def _broken_pointers(self) -> tuple[Finding, ...]:
        blob = self._objects.blob
        return hp404.check(path for path, oid in self._oids.items() if blob(oid).broken_pointer)


def _parse_objects(listed: bytes) -> dict[str, str]:
    paths: dict[str, str] = {}
    for line in listed.split(b"\n")[:-1]:
        oid, _, path = line.partition(b" ")
        if oid.startswith(b"?"):
            missing = oid[1:].decode("ascii", errors="replace")
            message = f"object {missing} is missing in this repository"
            raise ServiceError(message, hint=_FETCH)
        paths[oid.decode("ascii")] = os.fsdecode(path)
    return paths
