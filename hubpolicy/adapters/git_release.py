# SPDX-License-Identifier: Apache-2.0
"""The files of one commit as a release: every blob of it is read.

Not responsible for what a push would send (``git``), nor for reading objects (``git_objects``).
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from hubpolicy.adapters.git_blobs import HEAD_SIZE
from hubpolicy.adapters.git_objects import MAX_READ
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
from hubpolicy.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Callable

    from hubpolicy.adapters.git_blobs import Blob
    from hubpolicy.adapters.git_objects import GitObjects
    from hubpolicy.core.lfs_pointer import Pointer
    from hubpolicy.domain.finding import Finding

_APART = (EVIDENCE_FOLDER, MODEL_SIGNATURE)


class GitTreeRelease:
    """The files of one commit: implements ``ports.ReleaseReader``.

    The manifest is the one of the folder that a checkout with Git LFS would give, but for the git
    blob id of what is kept in LFS, which nobody knows without the content.
    """

    def __init__(self, objects: GitObjects, oid: str) -> None:
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

    @property
    def needed(self) -> tuple[str, ...]:
        """Blob ids in the order in which they are asked for: signatures are checked first."""
        return (*(self._oids[path] for path in self._evidence), *self._oids.values())

    @cached_property
    def manifest(self) -> Manifest:
        """Every covered file, sorted bytewise by path.

        Raises:
            ServiceError: a blob is missing.

        """
        apart = frozenset(self._evidence)
        blobs = self._objects.blobs(self._oids.values())
        rows = zip(self._oids, blobs, strict=True)
        return make_manifest([_entry(path, blob) for path, blob in rows if path not in apart])

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """Refused paths and modes, twins, pointers that are not canonical.

        Raises:
            ServiceError: a blob is missing.

        """
        self._objects.load(self._oids.values())
        broken = self._objects.broken()
        return (
            *tree_findings(self._tree.paths, self._tree.modes, self._refused),
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


def _entry(path: str, blob: Blob, new: Any = tuple.__new__) -> Entry:
    """Once per file of a release: hence without a look-up of each field and default."""
    size, sha256, git_blob, _, pointer, _ = blob
    found = (size, sha256, git_blob) if pointer is None else (pointer.size, pointer.sha256, None)
    entry: Entry = new(Entry, (path, *found))
    return entry
