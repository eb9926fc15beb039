# SPDX-License-Identifier: Apache-2.0
"""What of the log is on the disk when: all that somebody acts on at once, the rest soon after."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from hubpolicy.gateway.records import Records
from tests.hub.world import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

NOW = "2026-01-01T00:00:00Z"


class Disk:
    """A gateway's file, and how SQLite was told to end each of its transactions."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.records = Records(path)
        self.ended: list[str] = []
        self._level = ""
        self.records._db.set_trace_callback(self._heard)

    def _heard(self, statement: str) -> None:
        if statement.startswith("PRAGMA synchronous = "):
            self._level = statement.rsplit(maxsplit=1)[-1]
        if statement == "COMMIT":
            self.ended.append(self._level)

    @property
    def journal(self) -> int:
        """Bytes of SQLite's log of writes."""
        return self.path.with_name(f"{self.path.name}-wal").stat().st_size


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    made = Disk(tmp_path / "gateway.sqlite3")
    yield made
    made.records.close()


@pytest.mark.parametrize(
    ("act", "levels"),
    [
        (lambda records: records.note({"did": "allowed"}), ["FULL"]),
        (lambda records: records.issue("ann", ("acme/*",), NOW, ""), ["FULL"]),
        (lambda records: records.submit("pkg:a", b"{}", "ann", NOW), ["FULL"]),
        (lambda records: records.note({"did": "answered"}, lasting=False), ["NORMAL"]),
        (lambda records: records.hold(), []),  # nothing is loose
        (lambda records: list(records.log()), ["FULL"]),  # a head that is shown stays
    ],
)
def test_which_transactions_end_on_the_disk(
    disk: Disk, act: Callable[[Records], object], levels: list[str]
) -> None:
    act(disk.records)
    assert disk.ended == levels


def test_what_is_loose_is_held_by_the_next_entry_or_when_asked(disk: Disk) -> None:
    for then in (lambda: disk.records.note({"did": "allowed"}), disk.records.hold):
        disk.ended.clear()
        assert disk.records.note({"did": "answered"}, lasting=False)
        then()
        disk.records.hold()
        assert disk.ended == ["NORMAL", "FULL"]


def test_an_entry_to_act_on_is_on_the_disk_with_whatever_it_is_written(disk: Disk) -> None:
    """Those that wait while the disk is busy are one transaction: the strictest of them counts."""
    with ThreadPoolExecutor(8) as pool, disk.records._lock:
        waiting = [
            pool.submit(disk.records.note, {"n": number}, lasting=number == 5)
            for number in range(8)
        ]
        until(lambda: len(disk.records._queue) == len(waiting))
    assert sorted(each.result() for each in waiting) == list(range(1, 9))
    assert disk.ended == ["FULL"]


class _OutOfMemory(Records):
    """Whose writer ends in the middle, by something that is no error of SQLite's."""

    def _chain(self, texts: Sequence[str]) -> int:
        del texts
        raise MemoryError


def test_nobody_takes_an_entry_for_written_that_another_s_thread_did_not_write(
    tmp_path: Path,
) -> None:
    records = _OutOfMemory(tmp_path / "gateway.sqlite3")
    with ThreadPoolExecutor(3) as pool:
        with records._lock:
            waiting = [pool.submit(records.note, {"did": "allowed", "n": n}) for n in range(3)]
            until(lambda: len(records._queue) == 3)
        ends = [type(each.exception()) for each in waiting]
    records.close()
    assert sorted(end.__name__ for end in ends) == ["MemoryError", "ServiceError", "ServiceError"]


def test_the_journal_grows_no_more_once_there_is_room(disk: Disk) -> None:
    disk.records.make_room()
    disk.records.make_room()  # at the next start
    room = disk.journal
    assert room > 4 * 1024 * 1024
    for number in range(20):
        disk.records.note({"n": number, "text": "x" * 4000}, lasting=False)
    assert disk.journal == room
    assert len(list(disk.records.log())) == 20
