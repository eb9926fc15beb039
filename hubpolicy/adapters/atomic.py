# SPDX-License-Identifier: Apache-2.0
"""Writes a file whole or not at all. Not responsible for what is in it."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

from hubpolicy.errors import ServiceError


def write_atomic(path: str | os.PathLike[str], content: bytes, mode: int = 0o644) -> None:
    """Put ``content`` at ``path``, making its folder if need be; readers see old or new.

    The new bytes are on the disk before they take the name (temporary file in the same folder,
    fsync, rename, fsync of the folder).

    Raises:
        ServiceError: the disk is full, a permission is missing, … ; the old file is untouched.

    """
    target = Path(path)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _replace(target, content, mode)
    except OSError as error:
        reason = error.strerror or str(error)
        message = f"got {reason!r} when writing {target}; what was there before is untouched"
        raise ServiceError(message, hint=_hint(error)) from error


def _replace(target: Path, content: bytes, mode: int) -> None:
    descriptor, temporary = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        try:
            _write_all(descriptor, content)
            os.fchmod(descriptor, mode)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        Path(temporary).replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(temporary).unlink()
        raise
    sync_folder(target.parent)


def _write_all(descriptor: int, content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def sync_folder(folder: Path) -> None:
    """See to it that names which were given or taken in a folder outlive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        # Some network file systems cannot; the rename itself has happened.
        with contextlib.suppress(OSError):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _hint(error: OSError) -> str:
    if isinstance(error, PermissionError):
        return "check who owns the folder"
    return "check the free space and the quota of that disk (df -h)"
