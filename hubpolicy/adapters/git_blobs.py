# SPDX-License-Identifier: Apache-2.0
"""What ``git cat-file --batch`` writes: blobs as digests, out of a stream of bytes.

Not responsible for which blobs are asked for, nor for keeping them (``git_objects``).
"""

from __future__ import annotations

import hashlib
import re
from bisect import bisect_right
from itertools import accumulate
from operator import add
from typing import TYPE_CHECKING

from hubpolicy.core.lfs_pointer import Pointer, looks_like_pointer, parse_pointer
from hubpolicy.domain.manifest import GIT_BLOB_LIMIT
from hubpolicy.domain.named import NamedTuple
from hubpolicy.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

HEAD_SIZE = 512
"""Bytes kept of every blob, to tell its type."""

KEEP_EACH = 4 * 1024 * 1024
"""Bytes. A larger blob is hashed as it comes and never kept."""

_PIECE_BYTES = KEEP_EACH + 1024
_POINTER_HEAD = 1024
_POINTER = re.compile(
    rb"version https://git-lfs\.github\.com/spec/v1\n"
    rb"oid sha256:([0-9a-f]{64})\nsize (0|[1-9][0-9]{0,18})\n"
)
"""The canonical form (``core/lfs_pointer.py``), as most pointers of a release are read."""
_FETCH = "git fetch --refetch --no-filter    (this clone is partial: files are missing here)"


class Blob(NamedTuple):
    """What a blob is. ``size`` and ``sha256`` are the blob's own, also where it is a pointer.

    ``broken_pointer``: git-lfs would take it for a pointer, but it is not in canonical form.
    """

    size: int
    sha256: str
    git_blob: str | None
    head: bytes
    pointer: Pointer | None
    broken_pointer: bool


class BlobFeed:
    """What ``cat-file --batch`` writes, out of a stream of chunks."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._buffer = b""
        self._at = 0

    def next(self, oid: str) -> tuple[Blob, bytes | None]:
        """The next object, which must be this blob, and its content up to 4 MiB.

        Raises:
            ServiceError: it is missing, or not a blob.

        """
        end = self._buffer.find(b"\n", self._at)
        while end < 0:
            self._refill()
            end = self._buffer.find(b"\n", self._at)
        header = self._buffer[self._at : end]
        prefix = b"%b blob " % oid.encode("ascii")
        if not header.startswith(prefix):
            raise _refusal(header, oid)
        self._at = end + 1
        size = int(header[len(prefix) :])
        if size > KEEP_EACH:
            return _stream_blob(oid, size, self), None
        record = self._take(size + 1)  # a newline follows the content
        if len(record) <= size:
            raise _ended()
        if not record.endswith(b"\n"):
            message = f"got more than the {size} bytes of blob {oid} from git cat-file"
            raise ServiceError(message)
        return _small_blob(oid, size, record[:-1]), record[:-1]

    def many(self, oids: Sequence[str], sizes: Sequence[int]) -> tuple[list[Blob], list[bytes]]:
        """The next objects with their contents: as many as come in one piece of some MiB.

        ``sizes`` in bytes, as git said before; ``oids`` of 40 digits. Both results are empty where
        git does not write exactly these blobs of these sizes now: :meth:`next` says what is wrong.
        The whole is cut by arithmetic, and what stands between the contents compared at once.
        """
        heads = [f"{oid} blob {size}\n" for oid, size in zip(oids, sizes, strict=True)]
        ends = list(accumulate(map(add, map(len, heads), (size + 1 for size in sizes))))
        count = bisect_right(ends, _PIECE_BYTES)
        if not count:
            return [], []
        ends, sizes, whole = ends[:count], sizes[:count], self._take(ends[count - 1])
        contents = [whole[end - size - 1 : end - 1] for end, size in zip(ends, sizes, strict=True)]
        starts = (end - size - 1 for end, size in zip(ends, sizes, strict=True))
        between = [whole[a:b] for a, b in zip((0, *(end - 1 for end in ends)), starts)]  # noqa: B905
        expected = "\n".join(heads[:count]) + "\n"
        same = b"".join(between) + whole[-1:] == expected.encode("ascii")
        if len(whole) < ends[-1] or not same:
            self._buffer, self._at = whole + self._buffer[self._at :], 0
            return [], []
        return _small_blobs(oids[:count], sizes, contents), contents

    def _take(self, count: int) -> bytes:
        """The next so many bytes, or less at the end of the stream."""
        stop = self._at + count
        if stop <= len(self._buffer):
            taken, self._at = self._buffer[self._at : stop], stop
            return taken
        parts = [self._buffer[self._at :]]
        lacking = count - len(parts[0])
        while lacking > 0 and (chunk := next(self._chunks, b"")):
            parts.append(chunk)
            lacking -= len(chunk)
        # What is too much at the end of the last chunk is for who comes next.
        self._buffer, self._at = parts[-1], len(parts[-1]) + min(lacking, 0)
        return b"".join((*parts[:-1], parts[-1][: self._at]))

    def pieces(self, count: int) -> Iterator[bytes]:
        """Exactly so many bytes, as they come."""
        while count:
            if self._at == len(self._buffer):
                self._refill()
            piece = self._buffer[self._at : self._at + count]
            self._at += len(piece)
            count -= len(piece)
            yield piece

    def drain(self) -> None:
        """Wait for the end of the stream, which must be here."""
        if self._at != len(self._buffer) or any(self._chunks):
            message = "got more output from git cat-file than was asked for"
            raise ServiceError(message)

    def _refill(self) -> None:
        chunk = next(self._chunks, b"")
        if not chunk:
            raise _ended()
        self._buffer = self._buffer[self._at :] + chunk
        self._at = 0


def _refusal(header: bytes, oid: str) -> ServiceError:
    if header == b"%b missing" % oid.encode("ascii"):
        return ServiceError(f"object {oid} is missing in this repository", hint=_FETCH)
    return ServiceError(f"got {header[:120]!r} from git cat-file, expected blob {oid}")


def _ended() -> ServiceError:
    return ServiceError("got the end of git's output, expected more, from git cat-file")


def _small_blob(oid: str, size: int, content: bytes) -> Blob:
    pointer, broken = None, False
    # Every pointer has an "oid" line: one search spares nearly all files the parser.
    if b"oid" in content[:_POINTER_HEAD]:
        pointer = parse_pointer(content)
        broken = pointer is None and looks_like_pointer(content)
    sha256 = hashlib.sha256(content).hexdigest()
    git_blob = oid if len(oid) == 40 else _sha1(size, (content,))
    return Blob(size, sha256, git_blob, content[:HEAD_SIZE], pointer, broken)


def _small_blobs(
    oids: Sequence[str], sizes: Sequence[int], contents: Sequence[bytes]
) -> list[Blob]:
    """The same of many, whose git blob ids are their names: each look is at all of them."""
    new, sha256, read = tuple.__new__, hashlib.sha256, _POINTER.fullmatch
    digests = [sha256(content).hexdigest() for content in contents]
    blobs = [
        new(Blob, (size, digest, oid, content[:HEAD_SIZE], None, False))
        for size, digest, oid, content in zip(sizes, digests, oids, contents, strict=True)
    ]
    for at, content in enumerate(contents):
        if b"oid" not in content[:_POINTER_HEAD]:
            continue
        found = read(content)
        if found is None:
            blobs[at] = _small_blob(oids[at], sizes[at], content)
        else:
            pointer = new(Pointer, (found[1].decode("ascii"), int(found[2])))
            blobs[at] = new(Blob, (*blobs[at][:4], pointer, False))
    return blobs


def _stream_blob(oid: str, size: int, feed: BlobFeed) -> Blob:
    sha256 = hashlib.sha256()
    sha1 = hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)
    want_sha1 = len(oid) == 64 and size <= GIT_BLOB_LIMIT
    head = b""
    for piece in feed.pieces(size):
        if len(head) < _POINTER_HEAD:
            head += piece[:_POINTER_HEAD]
        sha256.update(piece)
        if want_sha1:
            sha1.update(piece)
    for _ in feed.pieces(1):  # the newline after the content
        pass
    git_blob = None
    if size <= GIT_BLOB_LIMIT:
        git_blob = sha1.hexdigest() if want_sha1 else oid
    broken = looks_like_pointer(head[:_POINTER_HEAD])
    return Blob(size, sha256.hexdigest(), git_blob, head[:HEAD_SIZE], None, broken)


def _sha1(size: int, pieces: Iterable[bytes]) -> str:
    digest = hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)
    for piece in pieces:
        digest.update(piece)
    return digest.hexdigest()
