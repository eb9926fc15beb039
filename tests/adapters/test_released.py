# SPDX-License-Identifier: Apache-2.0
"""Which folders were released to where: remembered one by one, believed never."""

from __future__ import annotations

from pathlib import Path

import pytest

from hubpolicy.adapters.home import user_home
from hubpolicy.adapters.released import MOST, KnownFolders, remember, remembered
from hubpolicy.domain.manifest import EvidenceFile, Listing
from hubpolicy.domain.release import RepoId, parse_repo_id
from hubpolicy.ports import KnownRelease

TERN, WREN = parse_repo_id("acme/tern"), parse_repo_id("acme/wren")
ELSEWHERE = parse_repo_id("acme/tern", endpoint="https://hub.example.org")


def times(target: RepoId) -> list[str]:
    return [each.time for each in remembered(user_home(), target)]


def records() -> list[Path]:
    return sorted(Path(user_home().state).rglob("*.json"))


def test_newest_first_per_target_and_each_folder_once(tmp_path: Path) -> None:
    home = user_home()
    assert remembered(home, TERN) == ()
    for time, folder in (("1", "a"), ("3", "b"), ("2", "c"), ("4", "a")):
        remember(home, TERN, str(tmp_path / folder), time)
    remember(home, WREN, str(tmp_path / "a"), "9")
    assert [(Path(each.folder).name, each.time) for each in remembered(home, TERN)] == [
        ("a", "4"),
        ("b", "3"),
        ("c", "2"),
    ]
    assert times(WREN) == ["9"]
    assert times(ELSEWHERE) == []  # the same name on another hub is another target


def test_folders_are_kept_by_their_real_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "link").symlink_to("model")
    monkeypatch.chdir(tmp_path)
    for spelling in ("model", "./link", str(tmp_path / "model")):
        remember(user_home(), TERN, spelling, "1")
    assert [each.folder for each in remembered(user_home(), TERN)] == [str(tmp_path / "model")]


def test_many_folders_do_not_make_it_slow(tmp_path: Path) -> None:
    for number in range(MOST + 5):
        remember(user_home(), TERN, str(tmp_path / str(number)), f"{number:03}")
    assert times(TERN) == [f"{number:03}" for number in range(MOST + 4, 4, -1)]


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"null", b"{}", b'{"target": "x"}', b"\xff", b"[" * 100_000]
)
def test_a_damaged_record_is_passed_over(tmp_path: Path, content: bytes) -> None:
    remember(user_home(), TERN, str(tmp_path / "a"), "1")
    remember(user_home(), TERN, str(tmp_path / "b"), "2")
    records()[0].write_bytes(content)
    assert len(times(TERN)) == 1


def test_a_record_moved_to_another_target_names_its_own(tmp_path: Path) -> None:
    remember(user_home(), TERN, str(tmp_path / "a"), "1")
    remember(user_home(), WREN, str(tmp_path / "b"), "2")
    tern, wren = (next(p for p in records() if name in p.read_text()) for name in ("tern", "wren"))
    wren.write_bytes(tern.read_bytes())
    assert times(WREN) == []


def test_what_lies_in_a_folder_is_read_again_at_each_use(tmp_path: Path) -> None:
    seen: list[tuple[tuple[str, ...], dict[str, int]]] = []

    def read(
        files: tuple[EvidenceFile, ...], sizes: tuple[tuple[str, int], ...], target: RepoId
    ) -> KnownRelease | None:
        seen.append((tuple(file.path for file in files), dict(sizes)))
        return KnownRelease(Listing(()), files) if files and target == TERN else None

    known = KnownFolders(user_home(), read)
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "a.bin").write_bytes(b"12345")
    remember(user_home(), TERN, str(folder), "1")
    remember(user_home(), TERN, str(tmp_path / "gone"), "2")
    assert known.of(TERN) == ()  # no evidence in the one, and the other is not there
    (folder / "model.sig").write_bytes(b"{}")
    assert len(known.of(TERN)) == 1
    assert seen == [((), {"a.bin": 5}), (("model.sig",), {"a.bin": 5, "model.sig": 2})]
    assert known.of(WREN) == ()
