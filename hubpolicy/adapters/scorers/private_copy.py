# SPDX-License-Identifier: Apache-2.0
"""A file's content in memory that nobody else can change, of which parts can be given back.

A mapping of the file itself would show what is written to it later, after it was hashed. Python's
``bytes`` are given back as a whole or not at all.
"""

from __future__ import annotations

import hashlib
import mmap
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from io import FileIO

    from hubpolicy.core.onnx_tables import Table

CHUNK = 4 * 1024 * 1024
_KINDS = {1: np.float32, 2: np.uint8, 3: np.int8, 10: np.float16}
"""By ``TensorProto.DataType``; the keys of ``onnx_tables.ELEMENT_BYTES``."""


class PrivateCopy:
    """``view``: all of it, until :meth:`keep`."""

    def __init__(self, size: int) -> None:
        """Room for so many bytes, of this process alone."""
        room = max(size, 1)
        self._map = mmap.mmap(-1, room, **_PRIVATE)
        self.view = memoryview(self._map)[:size]

    def keep(self, tables: tuple[Table, ...]) -> dict[str, Any]:
        """Those parts of it, as arrays by name; all other memory is given back where that works.

        The arrays hold the rest of the mapping, which is addresses without memory. A file aligns
        nothing: what does not begin at a multiple of its elements' size is moved there, at most
        three bytes, over the length that stands before it. The views are not valid any more.
        """
        arrays, end = {}, 0
        for start, table in sorted((self._place(table), table) for table in tables):
            kind = np.dtype(_KINDS[table.element])
            at, size = start - start % kind.itemsize, len(table.content)
            if at != start:
                self._map.move(at, start, size)
            self._give_back(end, at)
            end = at + size
            arrays[table.name] = np.frombuffer(self._map, kind, size // kind.itemsize, at)
            arrays[table.name] = arrays[table.name].reshape(table.shape)
        self._give_back(end, len(self._map))
        return arrays

    def _place(self, table: Table) -> int:
        """How far behind the beginning it stands."""
        here, there = (np.frombuffer(view, np.uint8) for view in (self._map, table.content))
        return int(there.ctypes.data - here.ctypes.data)

    def _give_back(self, start: int, end: int) -> None:
        """The whole pages between the two."""
        first, last = -(-start // mmap.PAGESIZE), end // mmap.PAGESIZE
        if last > first and hasattr(mmap, "MADV_DONTNEED"):
            size = (last - first) * mmap.PAGESIZE
            self._map.madvise(mmap.MADV_DONTNEED, first * mmap.PAGESIZE, size)


# Python's own choice is shared memory, which stays when it is given back.
_PRIVATE = (
    {"flags": mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS} if hasattr(mmap, "MAP_ANONYMOUS") else {}
)


def copy_privately(file: FileIO, size: int) -> tuple[PrivateCopy, str]:
    """The file's first ``size`` bytes, and the hex SHA-256 of all of it as it was read.

    Raises:
        OSError: it cannot be read.

    """
    copy, at = PrivateCopy(size), 0
    digest = hashlib.sha256()
    while got := file.readinto(copy.view[at : at + CHUNK]):
        digest.update(copy.view[at : at + got])
        at += got
    # Whatever was added since is read too, so that it shows.
    digest.update(file.read(CHUNK))
    return copy, digest.hexdigest()
