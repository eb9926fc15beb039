# SPDX-License-Identifier: Apache-2.0
"""The judged bytes, and no others, in the hands of the official client (docs/adr/0017).

Small files are read whole, compared with their digest, and sent from memory. Of a large file what
is sent is compared: by its digest where the client hashes it for Xet, else block by block with its
:class:`Seal`, between the disk and the connection. That a file looks untouched
(:class:`FileStamp`) only refuses early; it proves nothing.
"""

from __future__ import annotations

import io
import os
import stat
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from huggingface_hub import CommitOperationAdd, CommitOperationDelete, constants
from huggingface_hub.utils import (  # type: ignore[attr-defined]  # exported lazily
    disable_progress_bars,
    enable_progress_bars,
)
from huggingface_hub.utils._runtime import is_xet_available

from hubpolicy.adapters.hashing import stamp_of
from hubpolicy.adapters.sealing import BLOCK_SIZE, SealCheck
from hubpolicy.domain.manifest import GIT_BLOB_LIMIT
from hubpolicy.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from huggingface_hub import CommitOperation

    from hubpolicy.domain.outgoing import Outgoing


_SAMPLE = 512
"""Bytes from a file's start that the client shows the hub before it sends anything."""


def uses_xet() -> bool:
    """True if the client will send large files by Xet, which hashes what it sends."""
    return is_xet_available() and not constants.HF_HUB_DISABLE_XET


@contextmanager
def drawing(*, shown: bool) -> Iterator[None]:
    """The client draws its bars for as long as this lasts, or none.

    Its switch is the process's: another client of ours, made to look something up, must not have
    turned it for one that sends. ``HF_HUB_DISABLE_PROGRESS_BARS`` wins, as everywhere.
    """
    if constants.HF_HUB_DISABLE_PROGRESS_BARS is not None:
        yield
        return
    (enable_progress_bars if shown else disable_progress_bars)()
    try:
        yield
    finally:
        disable_progress_bars()


def addition(file: Outgoing, *, hashing: bool = False) -> CommitOperationAdd:
    """What the client is to send. ``hashing``: it will hash what it sends by itself.

    Raises:
        ServiceError: the file is not what was judged any more.

    """
    source = file.source
    if isinstance(source, str) and file.size <= GIT_BLOB_LIMIT:
        source = _small(file, source)
    if isinstance(source, str):
        _require_same(file, source)
        return _Watched(file, source, hashing=hashing)
    operation = CommitOperationAdd(path_in_repo=file.path, path_or_fileobj=source)
    _require_digest(file, operation)
    return operation


def require_sent(file: Outgoing, operation: CommitOperationAdd) -> None:
    """Before a commit names it: what was sent is what was judged.

    Raises:
        ServiceError: the file changed while it was being sent.

    """
    if isinstance(operation.path_or_fileobj, str):
        _require_same(file, operation.path_or_fileobj)
    _require_digest(file, operation)


def is_committed(operations: Iterable[CommitOperation]) -> bool:
    """False where the client found all of it there, and named the head that it saw.

    That is whosever commit it is, on any parent, and holds whatever else they put into it.
    """
    return any(
        isinstance(each, CommitOperationDelete) or getattr(each, "_is_committed", False)
        for each in operations
    )


class _Watched(CommitOperationAdd):
    """A large file that goes under the judged digest, and has it when it is sent.

    Where the client hashes, it reads the file by its path; whatever else it reads comes sealed, and
    so do the first bytes, by which a hub chooses the way.
    """

    def __init__(self, file: Outgoing, source: str, *, hashing: bool) -> None:
        super().__init__(path_in_repo=file.path, path_or_fileobj=_as_meant(source))
        self._file = file
        with super().as_file() as opened:
            self.upload_info.sample = _Sealed(opened, file).read(_SAMPLE)
        self.upload_info.size = file.size
        if not hashing:
            self.upload_info.sha256 = bytes.fromhex(file.sha256)

    @contextmanager
    def as_file(self, with_tqdm: bool = False) -> Iterator[BinaryIO]:
        """The client's only way to the content."""
        with super().as_file(with_tqdm=with_tqdm) as source:
            yield cast("BinaryIO", _Sealed(source, self._file))


class _Sealed(io.BufferedIOBase):
    """Gives out a file block by block, and nothing of a block that is not the judged one.

    So a request with other bytes is never whole: no storage has to notice.
    """

    def __init__(self, source: BinaryIO, file: Outgoing) -> None:
        if file.seal is None:
            message = f"{file.path} was not sealed when it was judged, so nobody can tell it again"
            raise ServiceError(message)
        self._source, self._file = source, file
        self._check = SealCheck(file.seal)
        self._at = 0
        self._number, self._block = -1, memoryview(b"")

    def read(self, size: int | None = -1, /) -> bytes:
        """Raises: ServiceError: these are not the bytes that were judged."""
        end = self._file.size
        if size is not None and size >= 0:
            end = min(end, self._at + size)
        pieces = []
        while self._at < end:
            number, start = divmod(self._at, BLOCK_SIZE)
            piece = self._opened(number)[start : start + end - self._at]
            pieces.append(piece)
            self._at += len(piece)
        return b"".join(pieces)

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """In the file as it was judged, whatever its length is now."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._file.size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def tell(self) -> int:
        """Of what is given out, not of what was read to look at it."""
        return self._at

    def readable(self) -> bool:
        """It is read."""
        return True

    def seekable(self) -> bool:
        """It is sought in."""
        return True

    def _opened(self, number: int) -> memoryview:
        if number != self._number:
            start = number * BLOCK_SIZE
            if self._source.tell() != start:
                self._source.seek(start)
            block = self._source.read(min(BLOCK_SIZE, self._file.size - start))
            if not self._check.holds(number, block):
                raise _changed(self._file)
            self._number, self._block = number, memoryview(block)
        return self._block


def _as_meant(source: str) -> str:
    """The client takes ``~`` for a home and ``link/..`` for nothing; the system does not."""
    folder, name = os.path.split(source)
    return os.path.join(os.path.realpath(folder), name)  # noqa: PTH118 - names stay as they are


def _small(file: Outgoing, source: str) -> bytes:
    with Path(source).open("rb") as handle:
        content = handle.read(GIT_BLOB_LIMIT + 1)
    if len(content) != file.size:
        raise _changed(file)
    return content


def _require_digest(file: Outgoing, operation: CommitOperationAdd) -> None:
    if operation.upload_info.sha256.hex() != file.sha256:
        raise _changed(file)


def _require_same(file: Outgoing, source: str) -> None:
    """The same file, untouched since it was hashed: inode, size, and both times."""
    try:
        seen = os.stat(source)  # noqa: PTH116 - a Hub cache's files are links to them
    except OSError as error:
        raise _changed(file) from error
    if not stat.S_ISREG(seen.st_mode) or seen.st_size != file.size:
        raise _changed(file)
    stamp = file.seal.stamp if file.seal is not None else None
    if stamp is not None and stamp_of(seen) != stamp:
        raise _changed(file)


def _changed(file: Outgoing) -> ServiceError:
    message = f"{file.path} changed while it was being published; no commit names it"
    return ServiceError(message, hint="push again: the new bytes are judged first")
