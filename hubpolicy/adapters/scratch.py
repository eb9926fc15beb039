# SPDX-License-Identifier: Apache-2.0
"""Temporary folders that outlive a ``kill -9``, and the sweep that finds them the next time.

Each holds a file that its process keeps locked. The kernel gives such a lock back whatever ended
the process, so what can be locked belongs to nobody any more; a process id would be another
process's one day, and says nothing across containers that share a folder. A folder without such a
file is of a process that ended before it had one, or of a hubpolicy from before there were any: it
goes when nothing in it was touched for a day.
"""

# Names stay as the system has them.
# ruff: noqa: PTH118

from __future__ import annotations

import fcntl
import os
import re
import shutil
import stat
import tempfile
import time
from contextlib import suppress

_LOCK, _NEW = "lock", "lock.new"
_RANDOM = re.compile(r"[a-z0-9_]{8}")
"""What ``mkdtemp`` puts behind the prefix."""
_DAY = 86_400.0


class Scratch:
    """A new temporary folder, held until :meth:`end` or the end of the process."""

    def __init__(self, prefix: str) -> None:
        self.folder = tempfile.mkdtemp(prefix=prefix)
        self._held = -1
        with suppress(OSError):  # no locks on this file system: nobody will sweep it
            self._held = os.open(
                os.path.join(self.folder, _NEW), os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600
            )
            fcntl.flock(self._held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Under its name it is locked from the first moment.
            os.rename(os.path.join(self.folder, _NEW), os.path.join(self.folder, _LOCK))  # noqa: PTH104

    def end(self) -> None:
        """Remove the folder. A second time it does nothing."""
        shutil.rmtree(self.folder, ignore_errors=True)
        held, self._held = self._held, -1
        if held >= 0:
            os.close(held)


def sweep(prefix: str) -> int:
    """Remove what processes of this user left behind when they were killed; how many folders.

    What somebody still holds, what is another user's, and what is no such folder stays.
    """
    removed = 0
    place = tempfile.gettempdir()
    try:
        names = os.listdir(place)  # noqa: PTH208
    except OSError:
        return 0
    for name in names:
        if name.startswith(prefix):
            with suppress(OSError):
                removed += _sweep_one(os.path.join(place, name), name.removeprefix(prefix))
    return removed


def _sweep_one(folder: str, rest: str) -> bool:
    """Raises OSError where somebody holds it, or it is no such folder."""
    seen = os.lstat(folder)
    if not stat.S_ISDIR(seen.st_mode) or seen.st_uid != os.geteuid():
        return False
    try:
        held = os.open(os.path.join(folder, _LOCK), os.O_RDWR | os.O_NOFOLLOW)
    except FileNotFoundError:
        ours = _RANDOM.fullmatch(rest) and stat.S_IMODE(seen.st_mode) == stat.S_IRWXU
        if not ours or time.time() - _touched(folder) < _DAY:
            return False
        return _remove_unlocked(folder)
    return _remove(folder, held)


def _remove_unlocked(folder: str) -> bool:
    """Raises OSError where its process lives on a file system without locks, as far as one sees."""
    try:
        held = os.open(os.path.join(folder, _NEW), os.O_RDWR | os.O_NOFOLLOW)
    except FileNotFoundError:
        shutil.rmtree(folder)
        return True
    return _remove(folder, held)


def _remove(folder: str, held: int) -> bool:
    """With its lock, which is given back. Raises OSError where another process has that."""
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder)
    finally:
        os.close(held)
    return True


def _touched(folder: str) -> float:
    """When anything in it last changed, names and contents, by this file system's own clock.

    Raises OSError where not all of it can be looked at.
    """
    newest = 0.0
    for place, folders, files in os.walk(folder, onerror=_refuse):
        for path in (place, *(os.path.join(place, name) for name in (*folders, *files))):
            seen = os.lstat(path)
            newest = max(newest, seen.st_mtime, seen.st_ctime)
    return newest


def _refuse(error: OSError) -> None:
    raise error
