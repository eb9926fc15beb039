# SPDX-License-Identifier: Apache-2.0
"""Hashes files on several threads, largest first. Not responsible for which files.

``hashlib`` releases the interpreter lock for large updates, so threads use all cores; a single
file stays on one core, since whole-file SHA-256 (the identity that Git LFS and the Hub use) is
serial. One reused buffer per thread instead of a mapped file: a file that shrinks while it is
mapped kills the process.
"""

from __future__ import annotations

import errno
import hashlib
import mmap
import os
import stat
import threading
import time
from typing import TYPE_CHECKING, NamedTuple

from hubpolicy.adapters.sealing import BLOCK_SIZE, Tagger
from hubpolicy.core.lfs_pointer import MAX_POINTER_SIZE
from hubpolicy.domain.manifest import GIT_BLOB_LIMIT
from hubpolicy.domain.outgoing import FileStamp
from hubpolicy.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hubpolicy.domain.outgoing import Seal
    from hubpolicy.ports import Advance

BUFFER_SIZE = BLOCK_SIZE
"""Bytes per thread; larger ones fall out of the second-level cache."""

START_SIZE = MAX_POINTER_SIZE
"""Bytes kept of every file, to tell its type and whether it is a Git LFS pointer."""

SETTLED_NS = 2_000_000_000
"""Nanoseconds; the coarsest times that a file system keeps are two seconds apart (FAT)."""

MAX_THREADS = 16
# O_NONBLOCK: a pipe that takes the file's place must not make us wait for a writer.
_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
_CHANGED = frozenset((errno.ENOENT, errno.ELOOP, errno.ENOTDIR, errno.ENXIO))


class Job(NamedTuple):
    """A file to hash: its path in the release, where it is, and its size when it was listed."""

    path: str
    where: bytes
    size: int


class Digested(NamedTuple):
    """What one pass over a file gave. ``git_blob`` only for files up to 10 MiB.

    ``seal`` only for larger ones, where it was asked for.
    """

    size: int
    sha256: str
    git_blob: str | None
    start: bytes
    seal: Seal | None = None


class Hashed(NamedTuple):
    """Digests by path, and (path, reason) of what could not be read."""

    digests: dict[str, Digested]
    failures: tuple[tuple[str, str], ...]


def default_threads() -> int:
    """One per core that this process may use, at most :data:`MAX_THREADS`."""
    return min(len(os.sched_getaffinity(0)), MAX_THREADS)


def hash_files(
    jobs: Iterable[Job], advance: Advance, *, threads: int = 0, sealing: bool = False
) -> Hashed:
    """Hash every file once; ``advance`` gets bytes, from any thread but one at a time.

    ``sealing``: large ones get a seal, too.

    Raises:
        ServiceError: a file changed since it was listed, or while it was read; or memory is short.

    """
    queue = sorted(jobs, key=lambda job: job.size)
    total = len(queue)
    count = min(threads or default_threads(), total)
    work = _Work(queue, advance, sealing=sealing)
    others = [threading.Thread(target=work.run, daemon=True) for _ in range(count)]
    try:
        for thread in others:
            thread.start()
        for thread in others:
            thread.join()
    finally:
        work.stop.set()
    if isinstance(work.error, OSError):
        message = f"cannot hash files here: {work.error.strerror or work.error}"
        raise ServiceError(message) from work.error
    if work.error is not None:
        raise work.error
    if len(work.digests) + len(work.failures) != total:  # whatever a thread ended of
        message = f"hashed {len(work.digests)} of {total} files, and nobody said why"
        raise ServiceError(message)
    return Hashed(work.digests, tuple(sorted(work.failures)))


def open_plain(where: bytes) -> tuple[int, os.stat_result]:
    """Open a regular file for reading, without following a link in its last part.

    Raises:
        OSError: it cannot be opened.
        ServiceError: something else stands there now.

    """
    descriptor = os.open(where, _FLAGS)
    seen = os.fstat(descriptor)
    if stat.S_ISREG(seen.st_mode):
        return descriptor, seen
    os.close(descriptor)
    raise changed(where)


def stamp_of(seen: os.stat_result) -> FileStamp:
    """What tells a file from another one, and from itself after a change."""
    return FileStamp(seen.st_dev, seen.st_ino, seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns)


def changed(where: bytes) -> ServiceError:
    """The error for a file that is not what it was a moment ago."""
    message = f"{os.fsdecode(where)} changed while it was read, expected it to stay as it was"
    return ServiceError(message, hint="stop what writes to the folder, then run this again")


class _Work:
    """What the threads share. List pops and dict stores are atomic; ``advance`` is locked."""

    def __init__(self, queue: list[Job], advance: Advance, *, sealing: bool) -> None:
        self.queue = queue
        self.digests: dict[str, Digested] = {}
        self.failures: list[tuple[str, str]] = []
        self.error: BaseException | None = None
        self.stop = threading.Event()
        self._advance = advance
        self._sealing = sealing
        self._lock = threading.Lock()

    def run(self) -> None:
        """Take the largest file that is left until there is none; the first error ends all."""
        try:
            # Anonymous memory begins at a page; into a bytearray, which does not, the kernel copies
            # so much slower that hashing as a whole takes a tenth longer (measured on x86-64).
            buffer = memoryview(mmap.mmap(-1, BUFFER_SIZE))
            while self.queue and not self.stop.is_set():
                try:
                    job = self.queue.pop()
                except IndexError:
                    return
                self._hash(job, buffer)
        except BaseException as error:  # noqa: BLE001 - raised again in the caller's thread
            self.error = self.error or error
            self.stop.set()

    def _hash(self, job: Job, buffer: memoryview) -> None:
        try:
            self.digests[job.path] = self._digest(job, buffer)
        except OSError as error:
            if error.errno in _CHANGED:
                raise changed(job.where) from error
            self.failures.append((job.path, error.strerror or str(error)))

    def _digest(self, job: Job, buffer: memoryview) -> Digested:
        began = time.time_ns()
        descriptor, before = open_plain(job.where)
        try:
            if before.st_size != job.size:
                raise changed(job.where)
            tagger = Tagger() if self._sealing and job.size > GIT_BLOB_LIMIT else None
            digested = self._read(descriptor, job, buffer, tagger)
            after = os.fstat(descriptor)
        finally:
            os.close(descriptor)
        if (after.st_size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
            raise changed(job.where)
        if tagger is None:
            return digested
        settled = max(before.st_mtime_ns, before.st_ctime_ns) < began - SETTLED_NS
        return digested._replace(seal=tagger.seal(stamp_of(before) if settled else None))

    def _read(
        self, descriptor: int, job: Job, buffer: memoryview, tagger: Tagger | None
    ) -> Digested:
        sha256 = hashlib.sha256()
        is_small = job.size <= GIT_BLOB_LIMIT
        blob = hashlib.sha1(b"blob %d\0" % job.size, usedforsecurity=False) if is_small else None
        start = b""
        left = job.size
        while left > 0 and (count := _filled(descriptor, buffer)):
            piece = buffer[:count]
            start = start or bytes(piece[:START_SIZE])
            sha256.update(piece)
            if blob is not None:
                blob.update(piece)
            if tagger is not None:
                tagger.add(piece)
            left -= count
            if self.stop.is_set():
                break
            with self._lock:
                self._advance(count)
        if left:
            raise changed(job.where)
        return Digested(job.size, sha256.hexdigest(), blob.hexdigest() if blob else None, start)


def _filled(descriptor: int, buffer: memoryview) -> int:
    """Bytes read: a whole buffer, unless the file ends. A read may give less, for any reason."""
    count = 0
    while count < len(buffer) and (more := os.readv(descriptor, (buffer[count:],))):
        count += more
    return count
