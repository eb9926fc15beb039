# SPDX-License-Identifier: Apache-2.0
"""The LFS objects that a repository has on disk. Reads, never downloads.

git-lfs calls an object ``ab/cd/abcd…`` in its folder; GitLab, Gitea and Forgejo leave the four
digits of the folders out of the last name.
"""

from __future__ import annotations

import hashlib
import os
import stat
from contextlib import suppress
from typing import TYPE_CHECKING

from hubpolicy.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Callable
    from io import BufferedReader
    from typing import Protocol, TypeVar

    from hubpolicy.adapters.git_process import Git
    from hubpolicy.core.lfs_pointer import Pointer

    T = TypeVar("T")

    class LfsObjects(Protocol):
        """Where contents behind pointers are: this disk, or a hub's storage."""

        def read(self, pointer: Pointer, limit: int) -> bytes:
            """The whole content, re-hashed."""

        def head(self, pointer: Pointer, size: int) -> bytes:
            """Up to ``size`` first bytes of an object of the stated length."""

        def is_intact(self, pointer: Pointer) -> bool:
            """True if the bytes have the sha256 that the pointer states."""


SETTING = "hubpolicy.lfsObjects"
"""The folder of a server's objects, where it is not git-lfs's own (docs/server.md)."""


class LfsStore:
    """Objects under ``<git folder>/lfs/objects``, or where git's configuration says they are."""

    def __init__(self, git: Git) -> None:
        self._git = git
        self._folder = ""

    def read(self, pointer: Pointer, limit: int) -> bytes:
        """The whole content, re-hashed.

        Raises:
            ServiceError: the object is not here, larger than ``limit`` bytes, or other bytes.

        """
        if pointer.size > limit:
            message = f"got {pointer.size} bytes in LFS object {pointer.sha256}, expected {limit}"
            raise ServiceError(message)
        content = self.head(pointer, limit)
        if hashlib.sha256(content).hexdigest() != pointer.sha256:
            message = f"got other bytes than their sha256 in LFS object {pointer.sha256}"
            raise ServiceError(message, hint="git lfs fsck")
        return content

    def head(self, pointer: Pointer, size: int) -> bytes:
        """Up to ``size`` first bytes of an object of the stated length, not re-hashed.

        Raises:
            ServiceError: the object is not here, or of another length.

        """
        return self._look(pointer, lambda file: file.read(size))

    def is_intact(self, pointer: Pointer) -> bool:
        """True if the object's bytes, all read now, have the sha256 that the pointer states.

        Raises:
            ServiceError: the object is not here, or of another length.

        """
        return self.sha256(pointer) == pointer.sha256

    def sha256(self, pointer: Pointer) -> str:
        """The digest of the object's bytes, all read now. Raises as :meth:`is_intact`."""
        return self._look(pointer, lambda file: hashlib.file_digest(file, "sha256")).hexdigest()

    def _look(self, pointer: Pointer, at: Callable[[BufferedReader], T]) -> T:
        oid = pointer.sha256
        folder = f"{self._objects()}/{oid[:2]}/{oid[2:4]}"
        try:
            with _open(f"{folder}/{oid}", f"{folder}/{oid[4:]}") as file:
                seen = os.fstat(file.fileno())
                if stat.S_ISREG(seen.st_mode) and seen.st_size == pointer.size:
                    return at(file)
        except OSError as error:
            message = f"LFS object {oid} ({pointer.size} bytes) is not in this repository"
            message += ": git lfs fetch --all"
            raise ServiceError(message, hint="git lfs fetch --all") from error
        message = f"LFS object {oid} is not {pointer.size} bytes long in this repository"
        raise ServiceError(message, hint="git lfs fsck")

    def _objects(self) -> str:
        if not self._folder:
            common = self._git.line("rev-parse", "--git-common-dir")
            place = os.path.join(self._git.folder, common)  # noqa: PTH118
            keys = f"^(lfs.storage|{SETTING.lower()})$"
            listed = self._git.line("config", "--type=path", "--get-regexp", keys)
            chosen = dict(line.partition(" ")[::2] for line in listed.split("\n"))
            usual = f"{chosen.get('lfs.storage') or 'lfs'}/objects"
            self._folder = os.path.join(place, chosen.get(SETTING.lower()) or usual)  # noqa: PTH118 - pathlib costs the hook 8 ms
        return self._folder


def _open(*places: str) -> BufferedReader:
    """The first of these that is there."""
    for place in places[:-1]:
        with suppress(FileNotFoundError):
            return open(place, "rb", opener=_open_at_once)
    return open(places[-1], "rb", opener=_open_at_once)


# A pipe in the place of an object would keep us waiting for ever.
def _open_at_once(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)
