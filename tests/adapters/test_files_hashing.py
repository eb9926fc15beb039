"""Hashing: the same on any number of threads, and never of two moments at once."""

from __future__ import annotations

import errno
import hashlib
import mmap
import os
import threading
from typing import TYPE_CHECKING

import pytest

from hubpolicy.adapters.files import FolderRelease
from hubpolicy.adapters.hashing import BUFFER_SIZE, Hashed, Job, hash_files
from hubpolicy.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LARGE = 4 * BUFFER_SIZE


def nobody(_bytes: int) -> None:
    """Progress for nobody."""


def jobs_for(*paths: Path) -> list[Job]:
    return [Job(path.name, os.fsencode(path), path.stat().st_size) for path in paths]


@pytest.fixture
def large(tmp_path: Path) -> Path:
    path = tmp_path / "model.safetensors"
    path.write_bytes(os.urandom(LARGE))
    return path


@pytest.mark.parametrize("threads", [1, 2, 7, 0])
def test_any_number_of_threads_gives_the_same(tmp_path: Path, threads: int) -> None:
    contents = {f"f{n}": os.urandom(n * 37_123) for n in range(40)}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    release = FolderRelease(tmp_path, threads=threads)
    expected = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    assert {e.path: e.sha256 for e in release.manifest.entries} == expected


def test_no_files() -> None:
    assert hash_files([], nobody) == Hashed({}, ())


def test_progress_is_all_bytes_one_call_at_a_time(tmp_path: Path) -> None:
    for n in range(30):
        (tmp_path / str(n)).write_bytes(bytes(100_000 + n))
    seen: list[int] = []
    busy = threading.Lock()

    def advance(count: int) -> None:
        assert busy.acquire(blocking=False), "called by two threads at once"
        seen.append(count)
        busy.release()

    release = FolderRelease(tmp_path, advance=advance, threads=4)
    assert release.total == release.manifest.bytes == sum(seen)


def append(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more")


def truncate(path: Path) -> None:
    os.truncate(path, BUFFER_SIZE + 1)


def overwrite(path: Path) -> None:
    # One byte in the part that was read already; size and name stay.
    with path.open("r+b") as file:
        file.write(b"x")
    os.utime(path, ns=(0, path.stat().st_mtime_ns + 1))


@pytest.mark.parametrize("change", [append, truncate, overwrite])
def test_a_file_that_changes_while_it_is_read_is_an_error(
    large: Path, change: Callable[[Path], None]
) -> None:
    calls: list[int] = []

    def advance(count: int) -> None:
        calls.append(count)
        if len(calls) == 1:
            change(large)

    with pytest.raises(ServiceError, match="changed while it was read") as caught:
        hash_files(jobs_for(large), advance, threads=2)
    assert "stop what writes" in caught.value.hint


def remove(path: Path) -> None:
    path.unlink()


def make_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def make_link(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))
    path.symlink_to("elsewhere")


def make_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("change", [append, truncate, remove, make_pipe, make_link, make_folder])
def test_a_file_that_changed_since_it_was_listed_is_an_error(
    large: Path, change: Callable[[Path], None]
) -> None:
    jobs = jobs_for(large)
    change(large)
    with pytest.raises(ServiceError, match="changed while it was read"):
        hash_files(jobs, nobody)


def test_a_bug_in_the_progress_is_raised_and_ends_all_threads(large: Path, tmp_path: Path) -> None:
    others = [tmp_path / str(n) for n in range(20)]
    for other in others:
        other.write_bytes(b"x" * BUFFER_SIZE)

    def advance(_count: int) -> None:
        raise ZeroDivisionError

    before = set(threading.enumerate())
    with pytest.raises(ZeroDivisionError):
        hash_files(jobs_for(large, *others), advance, threads=4)
    assert not set(threading.enumerate()) - before


def test_the_largest_file_is_first(tmp_path: Path) -> None:
    for n, size in enumerate((10, 3 * BUFFER_SIZE, 20, 2 * BUFFER_SIZE)):
        (tmp_path / str(n)).write_bytes(bytes(size))
    seen: list[int] = []
    hash_files(jobs_for(*tmp_path.iterdir()), seen.append, threads=1)
    assert seen == [BUFFER_SIZE] * 5 + [20, 10]


def test_without_memory_for_its_buffers_it_is_an_error_and_not_an_empty_folder(
    large: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none_left(*_: object) -> None:
        raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))

    monkeypatch.setattr(mmap, "mmap", none_left)
    with pytest.raises(ServiceError, match="cannot hash files here: Cannot allocate memory"):
        FolderRelease(large.parent).manifest  # noqa: B018
