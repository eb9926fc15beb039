# SPDX-License-Identifier: Apache-2.0
"""Which bytes: entries, manifests and listings (DESIGN.md §4)."""

from __future__ import annotations

import hashlib
from functools import cached_property

from hubpolicy.domain.named import NamedTuple

GIT_BLOB_LIMIT = 10 * 1024 * 1024
"""Entries up to this many bytes also carry their git blob id."""

EVIDENCE_FOLDER = ".hubpolicy/"
MODEL_SIGNATURE = "model.sig"


class Entry(NamedTuple):
    """One file: POSIX path, bytes, lower-case hex sha256 of the content, git blob id if small."""

    path: str
    size: int
    sha256: str
    git_blob: str | None = None


class _Manifest(NamedTuple):
    entries: tuple[Entry, ...]


class Manifest(_Manifest):
    """All covered files, sorted bytewise by path, each path once."""

    @cached_property
    def dir_hash(self) -> str:
        r"""Hex sha256 over ``<sha256>  <path>\n`` lines: in-toto ``dirHash`` (digest_set.md)."""
        return dir_hash(self.entries)

    @property
    def bytes(self) -> int:
        """Total size in bytes."""
        return sum(entry.size for entry in self.entries)

    @cached_property
    def digests(self) -> dict[str, tuple[str | None, str | None]]:
        """Path to (sha256, git blob id); for reading only."""
        return {path: (sha256, blob) for path, _, sha256, blob in self.entries}

    @cached_property
    def sizes(self) -> dict[str, int]:
        """Path to bytes; for reading only."""
        return {path: size for path, size, _, _ in self.entries}


class ListedFile(NamedTuple):
    """One file as a hub lists it: sha256 for LFS files, git blob id for the others."""

    path: str
    size: int
    sha256: str | None
    git_blob: str | None


class Listing(NamedTuple):
    """A hub tree or the result of a hub commit, without content. Sorted bytewise by path."""

    files: tuple[ListedFile, ...]


class EvidenceFile(NamedTuple):
    """A file that is left out of the manifest because it holds evidence about it."""

    path: str
    content: bytes


def dir_hash(entries: tuple[Entry, ...]) -> str:
    r"""Hex sha256 over ``<sha256>  <path>\n``, sorted bytewise by path."""
    # Code points sort as their UTF-8 does.
    lines = sorted([(path, sha256) for path, _, sha256, _ in entries])
    text = "".join([f"{sha256}  {path}\n" for path, sha256 in lines])
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def git_blob_id(content: bytes) -> str:
    r"""SHA-1 of ``blob <size>\\0<content>``: the id that git and the Hub give a small file."""
    digest = hashlib.sha1(b"blob %d\0" % len(content), usedforsecurity=False)
    digest.update(content)
    return digest.hexdigest()


def is_evidence_path(path: str) -> bool:
    """True for the fixed exclusion: ``.hubpolicy/**`` and exactly the top-level ``model.sig``."""
    return path == MODEL_SIGNATURE or path.startswith(EVIDENCE_FOLDER)


def make_manifest(entries: list[Entry]) -> Manifest:
    """Sort bytewise by path. The caller has refused twins before."""
    return Manifest(tuple(sorted(entries)))  # code points sort as their UTF-8 does


def compare(expected: Manifest, listed: Listing) -> tuple[tuple[str, ...], ...]:
    """(missing, extra, different) paths of a listing against a manifest.

    A listed file is equal if its sha256 matches, or, where the hub gives none, size and git blob
    id match. A file for which neither can be compared counts as different.
    """
    want = {entry.path: entry for entry in expected.entries}
    have = {file.path: file for file in listed.files if not is_evidence_path(file.path)}
    missing = tuple(path for path in want if path not in have)
    extra = tuple(path for path in have if path not in want)
    different = tuple(p for p, file in have.items() if p in want and not _equal(want[p], file))
    return missing, extra, different


def _equal(entry: Entry, file: ListedFile) -> bool:
    if entry.size != file.size:
        return False
    if file.sha256 is not None:
        return entry.sha256 == file.sha256
    return entry.git_blob is not None and entry.git_blob == file.git_blob
