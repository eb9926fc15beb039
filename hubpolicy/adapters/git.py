# SPDX-License-Identifier: Apache-2.0
"""A release in git: a tree at an object id, and what a push would send besides.

Not responsible for running git (``git_process``), for reading objects (``git_objects``) or for any
judgement. Git LFS pointers stand for the content they name; nothing is ever downloaded.
"""

from __future__ import annotations

import os
import re
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from hubpolicy.adapters.git_objects import HEAD_SIZE, MAX_READ, GitObjects, checked_oid
from hubpolicy.core.paths import path_findings, refuse_mode, refuse_path
from hubpolicy.core.remotes import same_place
from hubpolicy.core.rules import hp404
from hubpolicy.core.rules.hp601 import SentBlob
from hubpolicy.domain.manifest import Entry, EvidenceFile, Manifest, is_evidence_path, make_manifest
from hubpolicy.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from hubpolicy.adapters.git_objects import Blob
    from hubpolicy.adapters.git_process import Git, Running
    from hubpolicy.adapters.lfs_store import LfsObjects
    from hubpolicy.core.lfs_pointer import Pointer
    from hubpolicy.domain.finding import Finding

_PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]*")
_GITLINK = "160000"
_AHEAD = 4
_FETCH = "git fetch --refetch --no-filter    (this clone is partial: files are missing here)"


class GitRepository:
    """One repository, seen by object id only."""

    def __init__(self, git: Git) -> None:
        self._git = git
        self._objects = GitObjects(git)
        self._begun: _Begun | None = None

    def names(self, oid: str) -> tuple[tuple[str, str], ...]:
        """(path, blob id) of every file in a commit's tree, submodules aside, without reading one.

        Raises:
            ServiceError: the id is missing, or leads to a tree or blob instead of a commit.

        """
        listed = self._objects.tree(oid)
        return tuple((os.fsdecode(e.path), e.oid) for e in listed if e.mode != _GITLINK)

    def release(self, oid: str) -> GitTreeRelease:
        """The release in the tree of a commit, or of the commit that a tag leads to.

        Raises:
            ServiceError: as :meth:`names`, or a blob is missing.

        """
        return GitTreeRelease(self._objects, oid)

    def expect(self, new: Iterable[str], remote: str, url: str, known: Iterable[str]) -> None:
        """Let git look for what :meth:`names` and :meth:`sent` will be asked."""
        wanted = tuple(new)
        for oid in wanted[:_AHEAD]:
            self._objects.expect_tree(oid)
        if wanted:
            self._begun = self._begin_sent(wanted, remote, url, tuple(known))

    def sent(
        self,
        new: Iterable[str],
        remote: str,
        url: str,
        known: Iterable[str],
        also: Iterable[str] = (),
    ) -> tuple[SentBlob, ...]:
        """Every blob reachable from ``new`` that the remote does not have yet, once each.

        The remote has what its tracking refs here say, if ``url`` is where they were fetched from,
        and ``known``: object ids that the remote named itself. ``also``: blobs that will be asked
        for next, to read all in one pass.

        Raises:
            ServiceError: a blob that would be sent is not here (partial clone).

        """
        wanted, has = tuple(new), tuple(known)
        if not wanted:
            return ()
        begun, self._begun = self._begun, None
        if begun is None or begun.asked != (wanted, remote, url, has):
            begun = self._begin_sent(wanted, remote, url, has)
        listed = begun.listing.read()
        if begun.fetched is not None:
            fetched = os.fsdecode(begun.fetched.read()).removesuffix("\n")
            if not same_place(fetched, url):
                # The tracking refs were fetched from another place than this push goes to.
                listed = self._list_sent(wanted, has).read()
        paths = _parse_objects(listed)
        self._objects.expect((*paths, *also))
        self._objects.load(paths)
        return tuple(self._sent(path, oid) for oid, path in paths.items())

    def _begin_sent(
        self, new: tuple[str, ...], remote: str, url: str, known: tuple[str, ...]
    ) -> _Begun:
        asked = (new, remote, url, known)
        if remote == url or not _PLAIN_NAME.fullmatch(remote):
            return _Begun(asked, self._list_sent(new, known), None)
        listing = self._list_sent(new, known, "--not", f"--remotes={remote}")
        return _Begun(asked, listing, self._git.begin("ls-remote", "--get-url", remote))

    def _list_sent(self, new: tuple[str, ...], known: tuple[str, ...], *tracking: str) -> Running:
        revisions = (*map(checked_oid, new), *(f"^{checked_oid(oid)}" for oid in known))
        return self._git.begin(
            "rev-list", "--objects", "--missing=print", "--ignore-missing",
            "--filter=object:type=blob", "--filter-provided-objects", "--stdin", *tracking,
            stdin="\n".join(revisions).encode("ascii") + b"\n",
        )  # fmt: skip

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


class ReceivingRepository(GitRepository):
    """A repository on a server while a push is being received: it has what its refs reach."""

    def __init__(self, git: Git, lfs: LfsObjects | None = None) -> None:
        """``lfs``: where the objects are, if it is not this disk."""
        super().__init__(git)
        if lfs is not None:
            self._objects.lfs = lfs

    def _begin_sent(
        self, new: tuple[str, ...], remote: str, url: str, known: tuple[str, ...]
    ) -> _Begun:
        return _Begun((new, remote, url, known), self._list_sent(new, (), "--not", "--all"), None)


class _Begun(NamedTuple):
    """What was asked ahead: the listing, and where the remote's tracking refs come from."""

    asked: tuple[tuple[str, ...], str, str, tuple[str, ...]]
    listing: Running
    fetched: Running | None


class GitTreeRelease:
    """The files of one commit: implements ``ports.ReleaseReader``.

    The manifest is the one of the folder that a checkout with Git LFS would give, but for the git
    blob id of what is kept in LFS, which nobody knows without the content.
    """

    def __init__(self, objects: GitObjects, oid: str) -> None:
        self._objects = objects
        self._listed = objects.tree(oid)
        modes = {entry.mode for entry in self._listed}
        refused = {mode for mode in modes if refuse_mode(mode) is not None}
        self._oids = {
            entry.path.decode("utf-8"): entry.oid
            for entry in self._listed
            if entry.mode not in refused and refuse_path(entry.path) is None
        }
        self._evidence = sorted(filter(is_evidence_path, self._oids))
        first = (self._oids[path] for path in self._evidence)
        objects.expect((*first, *self._oids.values()))

    @cached_property
    def manifest(self) -> Manifest:
        """Every covered file, sorted bytewise by path.

        Raises:
            ServiceError: a blob is missing.

        """
        apart = frozenset(self._evidence)
        oids = [(path, oid) for path, oid in self._oids.items() if path not in apart]
        self._objects.load(oid for _, oid in oids)
        blob = self._objects.blob
        return make_manifest([_entry(path, blob(oid)) for path, oid in oids])

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """Refused paths and modes, twins, pointers that are not canonical.

        Raises:
            ServiceError: a blob is missing.

        """
        self._objects.load(self._oids.values())
        broken = self._objects.broken()
        return (
            *path_findings((entry.path, entry.mode) for entry in self._listed),
            *hp404.check(path for path, oid in self._oids.items() if oid in broken),
        )

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
        return tuple(EvidenceFile(path, self.read(path)) for path in self._evidence)

    def absent(self) -> tuple[str, ...]:
        """Paths kept in Git LFS whose object is not in the store here, or of another length."""
        return self._lacking(lambda pointer: self._objects.lfs.head(pointer, 0) == b"")

    def altered(self) -> tuple[str, ...]:
        """The same, and those whose bytes, all read now, are not the ones of their sha256."""
        return self._lacking(self._objects.lfs.is_intact)

    def _lacking(self, holds: Callable[[Pointer], bool]) -> tuple[str, ...]:
        lacking = []
        for path, oid in self._oids.items():
            pointer = self._objects.blob(oid).pointer
            try:
                fine = pointer is None or holds(pointer)
            except ServiceError:
                fine = False
            if not fine:
                lacking.append(path)
        return tuple(lacking)

    def _oid(self, path: str) -> str:
        oid = self._oids.get(path)
        if oid is None:
            message = f"got no file {path!r} in this tree, expected one"
            raise ServiceError(message)
        return oid


def _entry(path: str, blob: Blob) -> Entry:
    pointer = blob.pointer
    if pointer is None:
        return Entry(path, blob.size, blob.sha256, blob.git_blob)
    return Entry(path, pointer.size, pointer.sha256)


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
