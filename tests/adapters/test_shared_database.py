# SPDX-License-Identifier: Apache-2.0
"""SQLite files that several processes open: the first moment of a new one is shared, too."""

from __future__ import annotations

import contextlib
import multiprocessing
import sqlite3
import stat
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hubpolicy.adapters.audit_store import AuditStore
from hubpolicy.adapters.shared_database import open_shared, writing
from hubpolicy.errors import ServiceError
from hubpolicy.gateway.records import Records

if TYPE_CHECKING:
    from collections.abc import Callable

PROJECT = Path(__file__).resolve().parents[2]


def opened(kind: str, path: Path) -> None:
    if kind == "audit":
        with AuditStore(path):
            return
    Records(path).close()


def held(path: Path) -> sqlite3.Connection:
    """Another process that is just about to make the file."""
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    db.execute("BEGIN IMMEDIATE")
    return db


@pytest.mark.parametrize("kind", ["audit", "gateway"])
def test_a_new_file_that_somebody_writes_to_is_waited_for(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "x.sqlite3"
    other = held(path)
    ending = threading.Timer(0.3, other.rollback)
    ending.start()
    try:
        opened(kind, path)
    finally:
        ending.join()
        other.close()


def test_nobody_waits_for_ever(tmp_path: Path) -> None:
    path = tmp_path / "x.sqlite3"
    with contextlib.closing(held(path)), pytest.raises(sqlite3.OperationalError, match="locked"):
        open_shared(path, wait_seconds=0.05)


@pytest.mark.parametrize("kind", ["audit", "gateway"])
def test_many_open_a_new_file_at_once(kind: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", __name__, kind, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=PROJECT)
    assert (done.stdout, done.stderr) == ("[0, 0, 0, 0]\n" * 20, "")


def crowd(kind: str, folder: Path) -> None:
    """Run as a process of its own, which has no threads and may be forked."""
    context = multiprocessing.get_context("fork")
    for number in range(20):
        running = [
            context.Process(target=opened, args=(kind, folder / f"{number}.sqlite3"))
            for _ in range(4)
        ]
        for process in running:
            process.start()
        for process in running:
            process.join()
        sys.stdout.write(f"{[process.exitcode for process in running]}\n")


def looked_into(path: Path) -> str:
    """What another process finds in the file, which closes it again."""
    query = f"import sqlite3; db = sqlite3.connect({str(path)!r}, isolation_level=None);"
    query += "print(db.execute('SELECT COUNT(*) FROM kept').fetchone()[0]); db.close()"
    command = [sys.executable, "-S", "-c", query]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_what_is_written_after_another_process_closed_the_file_is_kept(tmp_path: Path) -> None:
    """SQLite's locks are the process's: closing the file beside it must not give them up."""
    path = tmp_path / "x.sqlite3"
    with contextlib.closing(open_shared(path, wait_seconds=1)) as db:
        db.execute("CREATE TABLE kept (it)")
        with contextlib.closing(open_shared(path, wait_seconds=1)) as reader:
            assert looked_into(path) == "0"
            with writing(db):
                db.execute("INSERT INTO kept VALUES (1)")
            assert reader.execute("SELECT COUNT(*) FROM kept").fetchone() == (1,)
            assert looked_into(path) == "1"


def test_it_is_its_owners_alone(tmp_path: Path) -> None:
    path, link = tmp_path / "deep" / "x.sqlite3", tmp_path / "link.sqlite3"
    link.symlink_to(tmp_path / "elsewhere.sqlite3")
    for each in (path, link):
        open_shared(each, wait_seconds=1).close()
        assert stat.S_IMODE(each.stat().st_mode) == 0o600


def test_what_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.sqlite3"
    path.write_bytes(b"no database, and longer than a page's head is" * 40)
    with pytest.raises(sqlite3.DatabaseError):
        open_shared(path, wait_seconds=1)


def test_links_that_lead_nowhere_are_refused(tmp_path: Path) -> None:
    path, other = tmp_path / "x.sqlite3", tmp_path / "y.sqlite3"
    path.symlink_to(other)
    other.symlink_to(path)
    with pytest.raises(sqlite3.OperationalError, match="unable to open"):
        open_shared(path, wait_seconds=1)


def _left(db: sqlite3.Connection) -> None:
    db.execute("INSERT INTO kept VALUES (1)")
    raise ServiceError("the one who writes gives up")


def _full(db: sqlite3.Connection) -> None:
    db.execute("PRAGMA max_page_count = 1")
    db.execute("INSERT INTO kept VALUES (zeroblob(1000000))")


@pytest.mark.parametrize(
    ("fails", "error"), [(_left, ServiceError), (_full, sqlite3.OperationalError)]
)
def test_all_of_it_is_written_or_nothing(
    fails: Callable[[sqlite3.Connection], None], error: type[Exception], tmp_path: Path
) -> None:
    """Nor does the next one find a transaction that is still open."""
    with contextlib.closing(open_shared(tmp_path / "x.sqlite3", wait_seconds=1)) as db:
        db.execute("CREATE TABLE kept (it)")
        with pytest.raises(error), writing(db):
            fails(db)
        db.execute("PRAGMA max_page_count = 1000")
        with writing(db):
            db.execute("INSERT INTO kept VALUES (2)")
        assert db.execute("SELECT it FROM kept").fetchall() == [(2,)]


if __name__ == "__main__":
    crowd(sys.argv[1], Path(sys.argv[2]))
