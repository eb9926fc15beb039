# SPDX-License-Identifier: Apache-2.0
"""What a killed process leaves is swept by the next one, and nothing else is."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from hubpolicy.adapters.clone import _Work
from hubpolicy.adapters.scratch import Scratch, sweep

HOLD = """
import sys, tempfile
from hubpolicy.adapters.scratch import Scratch
tempfile.tempdir = sys.argv[1]
held = Scratch("hubpolicy-audit-")
print(held.folder, flush=True)
sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def left() -> set[str]:
    return set(os.listdir(tempfile.gettempdir()))


def test_the_folder_of_a_killed_process_is_swept_and_that_of_a_live_one_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    command = [sys.executable, "-c", HOLD, tempfile.gettempdir()]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        try:
            assert other.stdout is not None
            folder = Path(os.fsdecode(other.stdout.readline()).rstrip("\n"))
            (folder / "clone.git").mkdir()
            (folder / "clone.git" / "HEAD").write_text("ref: refs/heads/main\n")
            assert sweep("hubpolicy-audit-") == 0
            assert left() == {folder.name}
        finally:
            other.kill()
    monkeypatch.setattr(_Work, "swept", False)
    work = _Work()  # the next clone of an audit
    assert left() == {Path(work.folder).name}
    work.end()
    assert left() == set()


def test_ones_own_folder_stays_until_its_end() -> None:
    held = Scratch("hubpolicy-audit-")
    assert sweep("hubpolicy-audit-") == 0
    assert Path(held.folder).stat().st_mode & 0o777 == 0o700
    held.end()
    held.end()
    assert left() == set()


def test_what_is_no_such_folder_is_not_touched(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "lock").write_bytes(b"")
    (tmp_path / "hubpolicy-audit-link").symlink_to(elsewhere)
    (tmp_path / "hubpolicy-audit-file").write_bytes(b"")
    (tmp_path / "hubpolicy-audit-unlocked").mkdir()
    trap = tmp_path / "hubpolicy-audit-trap"
    trap.mkdir()
    (trap / "lock").symlink_to(elsewhere / "lock")
    other = tmp_path / "hubpolicy-bench-x"
    other.mkdir()
    (other / "lock").write_bytes(b"")
    before = left()
    assert sweep("hubpolicy-audit-") == 0
    assert left() == before


DAY = 86_400


def unlocked(name: str = "abcd_123", mode: int = 0o700) -> Path:
    """What a process leaves that was killed before it had its lock, or that knew of none."""
    folder = Path(tempfile.gettempdir(), f"hubpolicy-audit-{name}")
    folder.mkdir(mode=mode)
    (folder / "clone.git").mkdir()
    (folder / "clone.git" / "HEAD").write_text("ref: refs/heads/main\n")
    return folder


def test_without_a_lock_it_goes_when_nobody_touched_it_for_a_day(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = tmp_path / "kept"
    kept.write_text("somebody's")
    folder = unlocked()
    (folder / "link").symlink_to(kept)
    written = time.time()
    for later, gone in ((0, 0), (DAY - 60, 0), (-DAY * 9, 0), (DAY + 60, 1), (DAY + 60, 0)):
        monkeypatch.setattr(time, "time", lambda later=later: written + later)
        assert sweep("hubpolicy-audit-") == gone, later
        assert folder.exists() == (not gone and later < DAY)
    assert kept.read_text() == "somebody's"


def test_without_a_lock_nothing_else_goes_however_old_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unlocked("my-notes")
    unlocked("abcd_12")
    unlocked("shared00", 0o755).chmod(0o755)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    (tmp_path / "hubpolicy-audit-linked00").symlink_to(elsewhere)
    (tmp_path / "hubpolicy-audit-dangling").symlink_to(tmp_path / "nothing")
    begun = unlocked("begun000")
    (begun / "lock.new").write_bytes(b"")
    recent = unlocked("recent00")
    last = time.time() + 9 * DAY
    os.utime(recent / "clone.git" / "HEAD", (last, last))
    before = left()
    monkeypatch.setattr(time, "time", lambda: last)
    with (begun / "lock.new").open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert sweep("hubpolicy-audit-") == 0
    assert left() == before
    assert sweep("hubpolicy-audit-") == 1
    assert left() == before - {begun.name}


@pytest.mark.skipif(os.geteuid() != 0, reason="gives a folder away")
def test_what_is_another_users_is_not_touched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = tmp_path / "hubpolicy-audit-theirs"
    theirs.mkdir()
    (theirs / "lock").write_bytes(b"")
    old = unlocked()
    for folder in (theirs, old):
        os.chown(folder, 65534, 65534)
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 2 * DAY)
    assert sweep("hubpolicy-audit-") == 0
    for folder in (theirs, old):
        os.chown(folder, 0, 0)
    assert sweep("hubpolicy-audit-") == 2
