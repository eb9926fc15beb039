"""Writing whole or not at all."""

from __future__ import annotations

import os
import resource
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hubpolicy.adapters.atomic import write_atomic
from hubpolicy.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Iterator

NOBODY = 65534


@contextmanager
def files_of_at_most(limit: int) -> Iterator[None]:
    """The kernel refuses to let any file of this process grow further, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@contextmanager
def as_nobody() -> Iterator[None]:
    before = os.geteuid()
    if before == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(before)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("mode", [0o644, 0o600, 0o755])
def test_new_file(tmp_path: Path, mode: int) -> None:
    target = tmp_path / "a" / "b" / "x.jsonl"
    write_atomic(target, b"line\n", mode)
    assert target.read_bytes() == b"line\n"
    assert target.stat().st_mode & 0o777 == mode
    assert names(target.parent) == ["x.jsonl"]


def test_replaces_and_keeps_what_readers_have_open(tmp_path: Path) -> None:
    target = tmp_path / "x"
    target.write_bytes(b"old")
    with target.open("rb") as reader:
        write_atomic(str(target), b"new")
        assert reader.read() == b"old"
    assert target.read_bytes() == b"new"


def test_a_link_is_replaced_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_bytes(b"untouched")
    (tmp_path / "x").symlink_to("elsewhere")
    write_atomic(tmp_path / "x", b"new")
    assert (tmp_path / "elsewhere").read_bytes() == b"untouched"
    assert not (tmp_path / "x").is_symlink()


def test_no_space_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "release.intoto.jsonl"
    target.write_bytes(b"old")
    with (
        files_of_at_most(1000),
        pytest.raises(ServiceError, match="got 'File too large' when writing") as caught,
    ):
        write_atomic(target, b"x" * 10_000)
    assert target.name in caught.value.message
    assert "df -h" in caught.value.hint
    assert target.read_bytes() == b"old"
    assert names(tmp_path) == [target.name]


def test_no_permission_leaves_the_old_file() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "x").write_bytes(b"old")
        folder.chmod(0o555)
        with as_nobody(), pytest.raises(ServiceError, match="Permission denied") as caught:
            write_atomic(folder / "x", b"new")
        assert "who owns" in caught.value.hint
        assert (folder / "x").read_bytes() == b"old"
        folder.chmod(0o755)
        assert names(folder) == ["x"]


def test_a_folder_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    with pytest.raises(ServiceError, match="directory"):
        write_atomic(tmp_path / "x", b"new")
    assert names(tmp_path) == ["x"]


def test_a_file_where_a_folder_should_be(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"")
    with pytest.raises(ServiceError, match="when writing"):
        write_atomic(tmp_path / "x" / "y", b"new")
