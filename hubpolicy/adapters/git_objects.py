# SPDX-License-Identifier: Apache-2.0
"""Reads git objects by id: trees as entries, blobs as digests, each blob at most once.

Not responsible for what is a release or what a push may send. Git's own object ids are the only
names used here, so neither the work tree, the index, filters nor replace refs have a say.
"""

from __future__ import annotations

import hashlib
import re
from collections import deque
from typing import TYPE_CHECKING

from hubpolicy.adapters.git_process import GitRefusedError
from hubpolicy.adapters.lfs_store import LfsStore
from hubpolicy.core.fields import are_hex
from hubpolicy.core.lfs_pointer import Pointer, looks_like_pointer, parse_pointer
from hubpolicy.domain.manifest import GIT_BLOB_LIMIT
from hubpolicy.domain.named import NamedTuple
from hubpolicy.errors import MalformedError, ServiceError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from hubpolicy.adapters.git_process import Git, Running
    from hubpolicy.adapters.lfs_store import LfsObjects

HEAD_SIZE = 512
"""Bytes kept of every blob, to tell its type."""

MAX_READ = 64 * 1024 * 1024
"""Bytes. A larger file is never handed out whole (ports.ReleaseReader)."""

LISTING_LIMIT = 64 * 1024 * 1024
"""Bytes that git may say of one tree: about a million files. A tree that names another ten times,
and that one the next, has more files than anybody can list, in a pack of some hundred bytes."""

_KEEP_ROWS = 500_000
_KEEP_EACH = 4 * 1024 * 1024
_KEEP_ALL = 32 * 1024 * 1024
_POINTER_HEAD = 1024
_NO_SIZE = b" BAD\t"
_POINTER = re.compile(
    rb"([0-9a-f]+) blob (1[0-9]{2})\nversion https://git-lfs\.github\.com/spec/v1\n"
    rb"oid sha256:([0-9a-f]{64})\nsize (0|[1-9][0-9]{0,18})\n\n"
)
"""What ``cat-file --batch`` writes of a canonical pointer (``core/lfs_pointer.py``)."""
_HEX = frozenset("0123456789abcdef")
_FETCH = "git fetch --refetch --no-filter    (this clone is partial: files are missing here)"


class Tree(NamedTuple):
    """Every file below a commit in git's order, in columns: a push counts milliseconds.

    ``modes``: six octal digits. ``sizes``: bytes of the blob as text, with no digit where git does
    not know. ``paths``: what is not UTF-8 as surrogates (PEP 383).
    """

    modes: tuple[str, ...]
    oids: tuple[str, ...]
    sizes: tuple[str, ...]
    paths: tuple[str, ...]


class Blob(NamedTuple):
    """What a blob is. ``size`` and ``sha256`` are the blob's own, also where it is a pointer.

    Of a canonical pointer ``sha256`` may be empty: nobody asks for it there.
    ``broken_pointer``: git-lfs would take it for a pointer, but it is not in canonical form.
    """

    size: int
    sha256: str
    git_blob: str | None
    head: bytes
    pointer: Pointer | None
    broken_pointer: bool


class GitObjects:
    """The objects of one repository. Blobs are read in one pass and remembered by id."""

    def __init__(self, git: Git) -> None:
        self.git = git
        self.lfs: LfsObjects = LfsStore(git)
        self.room: int | None = None
        """Bytes that git may say of all trees, where strangers name them; None: of each alone."""
        self._trees: dict[str, Tree] = {}
        self._rows = 0
        self._listing: dict[str, Running] = {}
        self._blobs: dict[str, Blob] = {}
        self._broken: set[str] = set()
        self._coming: deque[str] = deque()
        self._feed = _Feed(iter(()))
        self._contents: dict[str, bytes] = {}
        self._kept = 0

    def tree(self, oid: str) -> Tree:
        """Every file below a commit, or below the commit that a tag leads to.

        Raises:
            ServiceError: the object is missing, or leads to a tree or blob instead of a commit; or
                there are too many files.

        """
        found = self._trees.get(oid)
        if found is None:
            self.expect_tree(oid)
            found = self._trees[oid] = _parse_tree(self._list(oid))
            self._rows += len(found.oids)
            # An audit of a long history asks for each tree once, and for all of them.
            while self.room is None and self._rows > _KEEP_ROWS and len(self._trees) > 1:
                self._rows -= len(self._trees.pop(next(iter(self._trees))).oids)
        return found

    def close(self) -> None:
        """End what git was asked ahead: an error's traceback may hold it for long."""
        self._listing.clear()
        self._feed = _Feed(iter(()))

    def _list(self, oid: str) -> bytes:
        try:
            listed = self._within(self._listing.pop(oid), oid)
        except GitRefusedError:
            listed = _NO_SIZE
        if _NO_SIZE not in listed:
            return listed
        # A file is not here (partial clone). Whoever needs its bytes will say so; its name is.
        commit = f"{checked_oid(oid)}^{{commit}}"
        return self._within(self.git.begin("ls-tree", "-r", "-z", "--full-tree", commit), oid)

    def _within(self, listing: Running, oid: str) -> bytes:
        """All that git says of a tree, up to the limits."""
        most = LISTING_LIMIT if self.room is None else min(LISTING_LIMIT, self.room)
        pieces, size = [], 0
        for piece in listing.pieces():
            size += len(piece)
            if size > most:
                listing.kill()
                message = f"got over {most} bytes of names, expected fewer files, in {oid[:12]}"
                raise ServiceError(message, hint="put small files into archives, push fewer refs")
            pieces.append(piece)
        if self.room is not None:
            self.room -= size
        return b"".join(pieces)

    def expect_tree(self, oid: str) -> None:
        """Let git list that tree while we do something else."""
        if oid not in self._listing:
            commit = f"{checked_oid(oid)}^{{commit}}"
            self._listing[oid] = self.git.begin("ls-tree", "-r", "-l", "-z", "--full-tree", commit)

    def expect(self, oids: Iterable[str]) -> None:
        """Let git read these blobs, in this order, while we do something else."""
        unknown = [oid for oid in dict.fromkeys(oids) if oid not in self._blobs]
        if unknown and not self._coming:
            request = "\n".join(unknown).encode("ascii") + b"\n"
            running = self.git.begin("cat-file", "--batch", "--buffer", stdin=request)
            self._feed = _Feed(running.pieces())
            self._coming = deque(unknown)

    def load(self, oids: Iterable[str]) -> None:
        """Read and hash the blobs that are not known yet.

        Raises:
            ServiceError: one is missing or not a blob.

        """
        wanted = [oid for oid in oids if oid not in self._blobs]
        self._read_until(set(wanted))
        rest = [oid for oid in wanted if oid not in self._blobs]
        if rest:
            self._read_until(set(self._coming))
            self.expect(rest)
            self._read_until(set(rest))

    def _read_until(self, wanted: set[str]) -> None:
        """Read on in what git was asked for, until all of ``wanted`` that is in it is here."""
        feed, coming = self._feed, self._coming
        missing = wanted.intersection(coming)
        while missing:
            oid = coming.popleft()
            missing.discard(oid)
            pointer = feed.pointer(oid)
            if pointer is not None:
                self._blobs[oid] = pointer
                if not coming:
                    feed.drain()
                continue
            size, content = feed.blob(oid)
            if content is None:
                blob = _stream_blob(oid, size, feed)
            else:
                blob = _small_blob(oid, size, content)
                if self._kept + size <= _KEEP_ALL:
                    self._kept += size
                    self._contents[oid] = content
            self._blobs[oid] = blob
            if blob.broken_pointer:
                self._broken.add(oid)
            if not coming:
                feed.drain()

    def blob(self, oid: str) -> Blob:
        """What the blob is; read now if it was not loaded before."""
        if oid not in self._blobs:
            self.load((oid,))
        return self._blobs[oid]

    def content(self, oid: str) -> bytes:
        """The blob's bytes, at most 64 MiB.

        Raises:
            ServiceError: it is missing or larger.

        """
        size = self.blob(oid).size
        if size > MAX_READ:
            message = f"got a file of {size} bytes in blob {oid}, expected {MAX_READ}"
            raise ServiceError(message)
        known = self._contents.get(oid)
        if known is not None:
            return known
        return self.git.run("cat-file", "blob", checked_oid(oid))

    def broken(self) -> frozenset[str]:
        """Of the blobs loaded so far, those that only git-lfs takes for pointers."""
        return frozenset(self._broken)


def checked_oid(oid: str) -> str:
    """The same object id; nothing else ever becomes an argument of git.

    Raises:
        MalformedError: it is not 40 or 64 lower-case hex digits.

    """
    if len(oid) not in {40, 64} or not _HEX.issuperset(oid):
        message = f"got object id {oid[:80]!r}, expected 40 or 64 hex digits"
        raise MalformedError(message)
    return oid


class _Feed:
    """What ``cat-file --batch`` writes, out of a stream of chunks."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._buffer = b""
        self._at = 0

    def blob(self, oid: str) -> tuple[int, bytes | None]:
        """Size and content of the next object; None as content where it is for :meth:`pieces`.

        Called once per file of a release: one search, two slices.
        """
        buffer, at = self._buffer, self._at
        end = buffer.find(b"\n", at)
        while end < 0:
            self._refill()
            buffer, at = self._buffer, self._at
            end = buffer.find(b"\n", at)
        prefix = b"%b blob " % oid.encode("ascii")
        if not buffer.startswith(prefix, at):
            raise _refusal(buffer[at:end], oid)
        size = int(buffer[at + len(prefix) : end])
        stop = end + 1 + size
        if stop < len(buffer):
            self._at = stop + 1
            return size, buffer[end + 1 : stop]
        self._at = end + 1
        if size > _KEEP_EACH:
            return size, None
        return size, self._join(size)

    def _join(self, size: int) -> bytes:
        """So many bytes, and the newline behind them is passed over."""
        parts = [self._buffer[self._at :]]
        lacking = size + 1 - len(parts[0])
        while lacking > 0:
            chunk = next(self._chunks, b"")
            if not chunk:
                raise _ended()
            parts.append(chunk)
            lacking -= len(chunk)
        last = len(parts[-1]) + lacking
        self._buffer, self._at = parts[-1], last
        parts[-1] = parts[-1][: last - 1]
        return b"".join(parts)[:size]

    def pointer(self, oid: str) -> Blob | None:
        """The next object, if it lies here whole and is a pointer in the canonical form.

        Nothing is read where it is not: a release may have thousands of pointers, each told by
        one expression.
        """
        found = _POINTER.match(self._buffer, self._at)
        if found is None:
            return None
        name, size, sha256, length = found.groups()
        if name != oid.encode("ascii") or int(size) != found.end() - found.end(2) - 2:
            return None
        content = self._buffer[found.end(2) + 1 : found.end() - 1]
        self._at = found.end()
        pointer = Pointer(sha256.decode("ascii"), int(length))
        git_blob = oid if len(oid) == 40 else _sha1(len(content), (content,))
        return Blob(len(content), "", git_blob, content, pointer, broken_pointer=False)

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


def _parse_tree(listed: bytes) -> Tree:
    rows = [row.split("\t", 1) for row in listed.decode("utf-8", "surrogateescape").split("\0")]
    if rows.pop() != [""] or set(map(len, rows)) - {2}:
        raise _no_listing()
    about, paths = zip(*rows, strict=True) if rows else ((), ())
    words = " ".join(about).split()
    width = len(words) // len(rows) if rows else 4
    if width not in {3, 4} or len(words) != width * len(rows):
        raise _no_listing()
    modes, oids = words[0::width], words[2::width]
    sizes = words[3::width] if width == 4 else [""] * len(rows)
    if not are_hex(oids, len(oids[0]) if oids else 40):
        raise _no_listing()
    return Tree(tuple(modes), tuple(oids), tuple(sizes), paths)


def _ended() -> ServiceError:
    return ServiceError("got the end of git's output, expected more, from git cat-file")


def _no_listing() -> ServiceError:
    message = "got a row that is no file with its mode and object id, from git ls-tree"
    return ServiceError(message)


def _refusal(header: bytes, oid: str) -> ServiceError:
    if header == b"%b missing" % oid.encode("ascii"):
        return ServiceError(f"object {oid} is missing in this repository", hint=_FETCH)
    return ServiceError(f"got {header[:120]!r} from git cat-file, expected blob {oid}")


def _small_blob(oid: str, size: int, content: bytes) -> Blob:
    pointer, broken = None, False
    # Every pointer has an "oid" line: one search spares nearly all files the parser.
    if b"oid" in content[:_POINTER_HEAD]:
        pointer = parse_pointer(content)
        broken = pointer is None and looks_like_pointer(content)
    sha256 = hashlib.sha256(content).hexdigest()
    git_blob = oid if len(oid) == 40 else _sha1(size, (content,))
    return Blob(size, sha256, git_blob, content[:HEAD_SIZE], pointer, broken)


def _stream_blob(oid: str, size: int, feed: _Feed) -> Blob:
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
