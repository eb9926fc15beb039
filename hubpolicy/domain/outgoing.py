# SPDX-License-Identifier: Apache-2.0
"""A file on its way to a hub, and by what it is known to be the one that was judged."""

from __future__ import annotations

from typing import NamedTuple


class FileStamp(NamedTuple):
    """A file on this disk at the moment it was hashed: where it is, its bytes, both its times."""

    device: int
    inode: int
    size: int
    modified_ns: int
    changed_ns: int


class Seal(NamedTuple):
    """By what a large file on this disk is known to be the one that was hashed.

    ``tags``, one for each block (``adapters/sealing.py``), made with ``key``, prove it. ``stamp``
    only refuses early where a change shows; None if the file was touched so shortly before it was
    read that another change might bear the same times.
    """

    key: bytes
    tags: bytes
    stamp: FileStamp | None

    def __repr__(self) -> str:
        """Without the key: values are shown where nobody looks for secrets."""
        return f"Seal(stamp={self.stamp})"


class Outgoing(NamedTuple):
    """A file to send: its path there, a file here or its bytes, and what they must hash to.

    ``seal``: of the file when it got that digest; a large file on this disk is not sent without.
    """

    path: str
    source: str | bytes
    sha256: str
    size: int
    seal: Seal | None = None
