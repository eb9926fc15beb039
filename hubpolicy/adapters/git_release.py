# SPDX-License-Identifier: Apache-2.0
"""The files of one commit as a release: what is read of them, and what is compared by its id.

Not responsible for what a push would send (``git``), nor for reading objects (``git_objects``).
"""

from __future__ import annotations

from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING

from hubpolicy.adapters.git_objects import HEAD_SIZE, MAX_READ
from hubpolicy.core.filetypes import may_declare_code
from hubpolicy.core.lfs_pointer import CANONICAL_SIZES
from hubpolicy.core.lines import select
from hubpolicy.core.paths import refuse_mode, refused_paths, tree_findings
from hubpolicy.core.rules import hp404
from hubpolicy.domain.manifest import (
    EVIDENCE_FOLDER,
    MODEL_SIGNATURE,
    Entry,
    EvidenceFile,
    Manifest,
    is_evidence_path,
    make_manifest,
)
from hubpolicy.domain.policy import CHILD_FILE
from hubpolicy.domain.statement import ReleaseSummary
from hubpolicy.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Callable

    from hubpolicy.adapters.git_objects import Blob, GitObjects
    from hubpolicy.core.lfs_pointer import Pointer
    from hubpolicy.core.verify import VerifiedStatement
    from hubpolicy.domain.finding import Finding

_TELLING = frozenset(("", *map(str, CANONICAL_SIZES)))
"""Sizes of what may be a pointer, or that are not known."""
_APART = (EVIDENCE_FOLDER, MODEL_SIGNATURE)
_LAST = frozenset(("n", "N", CHILD_FILE[-1]))
"""Last letters of the files that are read for what they say, most of them JSON."""


class GitTreeRelease:
    """The files of one commit: implements ``ports.ReleaseReader``.

    The manifest is the one of the folder that a checkout with Git LFS would give, but for the git
    blob id of what is kept in LFS, which nobody knows without the content.
    """

    def __init__(
        self, objects: GitObjects, oid: str, leaving: frozenset[str] | None = None
    ) -> None:
        """``leaving``: the blobs that a push would send; with None, every blob is read."""
        self._objects = objects
        self._tree = tree = objects.tree(oid)
        self._refused = refused = refused_paths(tree.paths)
        modes = {mode for mode in set(tree.modes) if refuse_mode(mode) is not None}
        rows = zip(tree.paths, tree.oids, tree.modes, strict=True)
        self._oids = (
            {path: oid for path, oid, mode in rows if mode not in modes and path not in refused}
            if refused or modes
            else dict(zip(tree.paths, tree.oids, strict=True))
        )
        apart = (path for path in self._oids if path.startswith(_APART))
        self._evidence = sorted(filter(is_evidence_path, apart))
        self._leaving = leaving
        self._agreed: dict[str, Entry] = {}

    @cached_property
    def needed(self) -> tuple[str, ...]:
        """Blob ids that are read in any case, in the order in which they are asked for."""
        first = [self._oids[path] for path in self._evidence]
        if self._leaving is None:
            return (*first, *self._oids.values())
        return (*first, *self._looked_into)

    @cached_property
    def _looked_into(self) -> frozenset[str]:
        """Blobs that leave, that may be pointers, or whose content decides."""
        tree = self._tree
        leaving = self._leaving or frozenset()
        return frozenset(
            oid
            for path, oid, size in zip(tree.paths, tree.oids, tree.sizes, strict=True)
            if oid in leaving or size in _TELLING or (path[-1] in _LAST and _is_read(path))
        )

    def compare(self, lines: tuple[VerifiedStatement, ...]) -> frozenset[str]:
        """Take files for what the signed release line says of them, where git's own id agrees.

        Only what the push would not send, so that its bytes are the remote's and what lies here
        is no proof of them (docs/adr/0003); and only where every verified line that names the file
        says the same of it. The paths of such files are given back: their content is not looked
        at. In a SHA-256 repository there are none, since no signed id is git's.
        """
        signed = {} if self._leaving is None else _signed(lines)
        if not signed:
            return frozenset()
        tree, read, new = self._tree, self._looked_into, tuple.__new__
        contents: dict[str, str] = {}
        said = map(signed.get, tree.paths)
        for path, oid, size, both in zip(tree.paths, tree.oids, tree.sizes, said, strict=True):
            if both is None or both[0][1] != oid or len(both) == 1 or oid in read:
                continue
            sha256 = both[1][1]
            if contents.setdefault(oid, sha256) != sha256:
                self._agreed.clear()  # one id, two contents: nothing in there is to be believed
                break
            if path in self._oids:
                self._agreed[path] = new(Entry, (path, int(size), sha256, oid))
        return frozenset(self._agreed)

    def _unknown(self) -> list[tuple[str, str]]:
        """(path, blob id) of what is not known by comparison, loaded."""
        agreed = self._agreed
        found = [(path, oid) for path, oid in self._oids.items() if path not in agreed]
        self._objects.load(oid for _, oid in found)
        return found

    @cached_property
    def manifest(self) -> Manifest:
        """Every covered file, sorted bytewise by path.

        Raises:
            ServiceError: a blob is missing.

        """
        apart = frozenset(self._evidence)
        blob = self._objects.blob
        read = [_entry(path, blob(oid)) for path, oid in self._unknown() if path not in apart]
        return make_manifest([*self._agreed.values(), *read])

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """Refused paths and modes, twins, pointers that are not canonical.

        Raises:
            ServiceError: a blob is missing.

        """
        unknown = self._unknown()
        broken = self._objects.broken()
        return (
            *tree_findings(self._tree.paths, self._tree.modes, self._refused),
            *hp404.check(path for path, oid in unknown if oid in broken),
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


def _signed(lines: tuple[VerifiedStatement, ...]) -> dict[str, tuple[tuple[str, str], ...]]:
    """Digests per path of a release line, less those of which another line says something else.

    Whoever ran a file signed its digests, too: a releaser alone cannot pair them anew.
    """
    releases = [line.statement.subjects for line, _ in select(lines, ReleaseSummary)]
    if not releases:
        return {}
    signed = dict(releases[0])
    others = (line.statement.subjects for line in lines)
    for name, digest in chain.from_iterable(s for s in others if s is not releases[0]):
        if signed.get(name, digest) != digest:
            del signed[name]
    return signed


def _is_read(path: str) -> bool:
    return path == CHILD_FILE or may_declare_code(path, 0)


def _entry(path: str, blob: Blob) -> Entry:
    pointer = blob.pointer
    if pointer is None:
        return Entry(path, blob.size, blob.sha256, blob.git_blob)
    return Entry(path, pointer.size, pointer.sha256, None)
