# SPDX-License-Identifier: Apache-2.0
"""A SQLite file that several processes have open at once: readers, and one writer at a time."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_PAUSE_SECONDS = 0.01
_PRIMARY = 0xFF
"""The low byte of SQLite's extended result codes (https://sqlite.org/rescode.html)."""


def open_shared(path: Path, *, wait_seconds: float) -> sqlite3.Connection:
    """Open the file, or make it, readable by its owner alone; transactions begin by ``writing``.

    It waits for another process that has it, at the first moment of a new file too.

    Raises:
        OSError: it cannot be made.
        sqlite3.Error: it is no such file, or others had it for longer than ``wait_seconds``.

    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # Only a file that is not there yet is opened beside SQLite: whoever closes one gives up all
    # locks of its process, and the next other process to close the file would then take the log
    # of writes away from under us (https://sqlite.org/howtocorrupt.html, 2.2).
    with suppress(FileExistsError):
        os.close(os.open(os.path.realpath(path), os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    db = sqlite3.connect(path, timeout=wait_seconds, check_same_thread=False, isolation_level=None)
    until = time.monotonic() + wait_seconds
    while True:
        try:
            db.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            # SQLite does not wait here by itself: it has read the file before it asks to write,
            # and two that both have read it would wait for each other for ever.
            busy = error.sqlite_errorcode & _PRIMARY == sqlite3.SQLITE_BUSY
            if not busy or time.monotonic() >= until:
                db.close()
                raise
            time.sleep(_PAUSE_SECONDS)
        except BaseException:
            db.close()
            raise
        else:
            return db


@contextmanager
def writing(db: sqlite3.Connection) -> Iterator[None]:
    """One transaction that has the right to write from the start: all of it, or nothing."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.commit()
    except BaseException:
        db.rollback()
        raise
