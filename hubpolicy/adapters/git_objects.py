# SPDX-License-Identifier: Apache-2.0
"""Reads git objects by id: trees as entries, blobs as digests, each blob at most once.

Not responsible for what is a release or what a push may send. Git's own object ids are the only
names used here, so neither the work tree, the index, filters nor replace refs have a say.
"""

from __future__ import annotations

from collections import deque
from itertools import islice, repeat
from typing import TYPE_CHECKING

from hubpolicy.adapters.git_blobs import BlobFeed
from hubpolicy.adapters.git_process import GitRefusedError
from hubpolicy.adapters.lfs_store import LfsStore
from hubpolicy.core.fields import are_hex
from hubpolicy.domain.named import NamedTuple
from hubpolicy.errors import MalformedError, ServiceError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from hubpolicy.adapters.git_blobs import Blob
    from hubpolicy.adapters.git_process import Git, Running
    from hubpolicy.adapters.lfs_store import LfsObjects

MAX_READ = 64 * 1024 * 1024
"""Bytes. A larger file is never handed out whole (ports.ReleaseReader)."""

LISTING_LIMIT = 64 * 1024 * 1024
"""Bytes that git may say of one tree: about a million files. A tree that names another ten times,
and that one the next, has more files than anybody can list, in a pack of some hundred bytes."""

_KEEP_ROWS = 500_000
_LEAST_TOGETHER, _MOST_TOGETHER = 16, 4096
_SHA1_DIGITS = 40
_KEEP_ALL = 32 * 1024 * 1024
_NO_SIZE = b" BAD\t"
_HEX = frozenset("0123456789abcdef")


class Tree(NamedTuple):
    """Every file below a commit in git's order, in columns: a push counts milliseconds.

    ``modes``: six octal digits. ``sizes``: bytes of the blob as text, with no digit where git does
    not know. ``paths``: what is not UTF-8 as surrogates (PEP 383).
    """

    modes: tuple[str, ...]
    oids: tuple[str, ...]
    sizes: tuple[str, ...]
    paths: tuple[str, ...]


class GitObjects:
    """The objects of one repository. Blobs are read in one pass and remembered by id."""

    def __init__(self, git: Git) -> None:
        self.git = git
        self.lfs: LfsObjects = LfsStore(git)
        self.room: int | None = None
        """Bytes that git may say of all trees, where strangers name them; None: of each alone."""
        self._trees: dict[str, Tree] = {}
        self._sizes: dict[str, str] = {}
        self._rows = 0
        self._listing: dict[str, Running] = {}
        self._blobs: dict[str, Blob] = {}
        self._broken: set[str] = set()
        self._coming: deque[str] = deque()
        self._feed = BlobFeed(iter(()))
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
            self._sizes.update(zip(found.oids, found.sizes, strict=True))
            self._rows += len(found.oids)
            # An audit of a long history asks for each tree once, and for all of them.
            while self.room is None and self._rows > _KEEP_ROWS and len(self._trees) > 1:
                self._rows -= len(self._trees.pop(next(iter(self._trees))).oids)
        return found

    def close(self) -> None:
        """End what git was asked ahead: an error's traceback may hold it for long."""
        self._listing.clear()
        self._feed = BlobFeed(iter(()))

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
            self._feed = BlobFeed(running.pieces())
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
            if not self._read_together(missing):
                oid = coming.popleft()
                missing.discard(oid)
                self._keep(oid, *feed.next(oid))
            if not coming:
                feed.drain()

    def _read_together(self, missing: set[str]) -> bool:
        """Read many small blobs at once, where the listing of a tree gave their sizes.

        A release may have thousands: what each of them costs by itself, a push waits for.
        """
        if len(missing) < _LEAST_TOGETHER:
            return False
        oids = list(islice(self._coming, _MOST_TOGETHER))
        sizes = list(map(self._sizes.get, oids, repeat("")))
        if not "".join(sizes).isdecimal() or "" in sizes or len(oids[0]) != _SHA1_DIGITS:
            return False
        blobs, contents = self._feed.many(oids, list(map(int, sizes)))
        del oids[len(blobs) :]
        self._blobs.update(zip(oids, blobs, strict=True))
        self._broken.update([oid for oid in oids if self._blobs[oid].broken_pointer])
        kept = self._kept + sum(map(len, contents))
        if kept <= _KEEP_ALL:
            self._contents.update(zip(oids, contents, strict=True))
            self._kept = kept
        missing.difference_update(oids)
        for _ in oids:
            self._coming.popleft()
        return bool(oids)

    def _keep(self, oid: str, blob: Blob, content: bytes | None) -> None:
        self._blobs[oid] = blob
        if blob.broken_pointer:
            self._broken.add(oid)
        if content is not None and self._kept + len(content) <= _KEEP_ALL:
            self._kept += len(content)
            self._contents[oid] = content

    def blob(self, oid: str) -> Blob:
        """What the blob is; read now if it was not loaded before."""
        if oid not in self._blobs:
            self.load((oid,))
        return self._blobs[oid]

    def blobs(self, oids: Collection[str]) -> list[Blob]:
        """The same of many, in their order."""
        self.load(oids)
        return list(map(self._blobs.__getitem__, oids))

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


def _no_listing() -> ServiceError:
    message = "got a row that is no file with its mode and object id, from git ls-tree"
    return ServiceError(message)
