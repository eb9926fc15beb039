# SPDX-License-Identifier: Apache-2.0
"""A release in a folder: implements ``ports.ReleaseReader``.

The manifest is byte for byte the one of a git tree with the same content. Not responsible for
listing (``folder``), for reading fast (``hashing``), nor for any judgement.
"""

from __future__ import annotations

import hashlib
import os
from functools import cached_property
from io import FileIO
from typing import TYPE_CHECKING, Any

from hubpolicy.adapters.folder import Found, list_folder
from hubpolicy.adapters.hashing import Job, changed, hash_files, open_plain
from hubpolicy.core.lfs_pointer import looks_like_pointer, parse_pointer
from hubpolicy.core.magic import HEAD_SIZE
from hubpolicy.core.rules import hp404, hp411
from hubpolicy.domain.manifest import Entry, EvidenceFile, Manifest, make_manifest
from hubpolicy.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hubpolicy.adapters.hashing import Hashed
    from hubpolicy.domain.finding import Finding
    from hubpolicy.domain.outgoing import Seal
    from hubpolicy.ports import Advance

MAX_READ = 64 * 1024 * 1024
"""Bytes. A larger file is never handed out whole."""


def _nobody_looks(_bytes: int) -> None:
    """Progress for nobody."""


class FolderRelease:
    """The files of one folder. Listed when made, hashed when the manifest is first asked for.

    ``advance`` gets the bytes hashed since its last call; :attr:`total` is their sum. ``threads``:
    0 = one per core. ``everything``: also what git ignores around here. ``leftovers``: also what
    training leaves beside a model. ``only``: which paths to take of those, evidence apart.
    ``sealing``: large files will be sent, so that they get seals when they are hashed.
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        *,
        advance: Advance = _nobody_looks,
        threads: int = 0,
        everything: bool = False,
        leftovers: bool = False,
        only: Callable[[str], bool] | None = None,
        sealing: bool = False,
    ) -> None:
        """List the folder.

        Raises:
            ServiceError: there is no such folder, or git refuses the repository around it.

        """
        self._folder = list_folder(root, everything=everything, leftovers=leftovers)
        if only is not None:
            chosen = tuple(found for found in self._folder.files if only(found.path))
            self._folder = self._folder._replace(files=chosen)
        self._advance = advance
        self._threads = threads
        self._sealing = sealing
        self._options: dict[str, Any] = {
            "everything": everything, "leftovers": leftovers, "only": only
        }  # fmt: skip
        self._files = {found.path: found for found in self._folder.files}
        self._evidence = {found.path: found for found in self._folder.evidence}
        self._hashed: Hashed | None = None

    @property
    def root(self) -> str:
        """The folder's real path."""
        return os.fsdecode(self._folder.root)

    @property
    def left_out(self) -> tuple[str, ...]:
        """What training left beside the model: no part of the release, sorted."""
        return self._folder.left_out

    def watch(self, advance: Advance) -> None:
        """From now on ``advance`` gets the bytes that are hashed."""
        self._advance = advance

    @property
    def total(self) -> int:
        """Bytes that hashing will read."""
        return sum(found.size for found in self._folder.files)

    @property
    def paths(self) -> tuple[str, ...]:
        """All covered paths, sorted bytewise, without hashing."""
        return tuple(self._files)

    @property
    def sizes(self) -> tuple[tuple[str, int], ...]:
        """Every path, evidence included, with its size in bytes, without hashing."""
        found = (*self._files.values(), *self._evidence.values())
        return tuple((each.path, each.size) for each in found)

    @cached_property
    def manifest(self) -> Manifest:
        """Every covered file that could be read.

        Raises:
            ServiceError: a file changed since it was listed.

        """
        digests = self._hash().digests
        entries = [Entry(path, d.size, d.sha256, d.git_blob) for path, d in digests.items()]
        return make_manifest(entries)

    @cached_property
    def seals(self) -> dict[str, Seal]:
        """Path to a large file's seal, of when it was hashed; empty unless they were asked for."""
        return {path: d.seal for path, d in self._hash().digests.items() if d.seal is not None}

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """Refused paths, modes and twins; LFS pointers; what could not be read.

        Raises:
            ServiceError: a file changed since it was listed.

        """
        hashed = self._hash()
        starts = {path: digested.start for path, digested in sorted(hashed.digests.items())}
        pointers = [path for path, start in starts.items() if looks_like_pointer(start)]
        unfetched = [path for path in pointers if parse_pointer(starts[path])]
        return (
            *self._folder.findings,
            *hp404.check((path for path in pointers if path not in unfetched), unfetched),
            *hp411.check(hashed.failures),
        )

    def read(self, path: str) -> bytes:
        """A file's content, at most 64 MiB; once hashed, exactly what the manifest says.

        Raises:
            ServiceError: there is no such file in the release, it is larger, cannot be read, or is
                not what was hashed.

        """
        found = self._find(path)
        if found.size > MAX_READ:
            message = f"got {found.size} bytes in {path}, expected at most {MAX_READ}"
            raise ServiceError(message)
        content = _read(found, found.size + 1)
        digested = self._hashed.digests.get(path) if self._hashed else None
        is_other = digested and hashlib.sha256(content).hexdigest() != digested.sha256
        if len(content) != found.size or is_other:
            raise changed(found.where)
        return content

    def head(self, path: str) -> bytes:
        """The first 512 bytes of a file. Raises as :meth:`read` does."""
        digested = self._hashed.digests.get(path) if self._hashed else None
        return (digested.start if digested else _read(self._find(path), HEAD_SIZE))[:HEAD_SIZE]

    def evidence_files(self) -> tuple[EvidenceFile, ...]:
        """``model.sig`` and everything under ``.hubpolicy/``, sorted. Raises as :meth:`read`."""
        return tuple(EvidenceFile(path, self.read(path)) for path in self._evidence)

    def rehash(self, manifest: Manifest) -> tuple[str, ...]:
        """List and hash again: the paths that came, went or changed since ``manifest``, sorted.

        Raises:
            ServiceError: a file changes right now.

        """
        again = FolderRelease(
            self.root, advance=self._advance, threads=self._threads, **self._options
        )
        before = {entry.path: (entry.size, entry.sha256) for entry in manifest.entries}
        now = {entry.path: (entry.size, entry.sha256) for entry in again.manifest.entries}
        return tuple(sorted(p for p in before.keys() | now.keys() if before.get(p) != now.get(p)))

    def _hash(self) -> Hashed:
        if self._hashed is None:
            jobs = (Job(*found) for found in self._folder.files)
            self._hashed = hash_files(
                jobs, self._advance, threads=self._threads, sealing=self._sealing
            )
        return self._hashed

    def _find(self, path: str) -> Found:
        found = self._files.get(path) or self._evidence.get(path)
        if found is None:
            message = f"got no file {path!r} in {self.root}, expected one"
            raise ServiceError(message)
        return found


def _read(found: Found, limit: int) -> bytes:
    try:
        descriptor, _ = open_plain(found.where)
        with FileIO(descriptor) as file:
            return b"".join(_pieces(file, limit))
    except OSError as error:
        message = f"got {error.strerror!r} when reading {found.path}, expected a readable file"
        raise ServiceError(message) from error


def _pieces(file: FileIO, limit: int) -> Iterator[bytes]:
    """Read up to ``limit`` bytes; one read call may give less than it was asked for."""
    while limit > 0 and (piece := file.read(limit)):
        limit -= len(piece)
        yield piece
