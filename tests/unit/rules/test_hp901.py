"""HP901: git and Git LFS."""

from __future__ import annotations

import pytest

from hubpolicy.core.rules import hp901
from hubpolicy.domain.surroundings import Programs


@pytest.mark.parametrize(
    ("git", "said"),
    [
        ("2.39.5", ""),
        ("2.32", ""),
        ("3.0.0", ""),
        ("2.45.1.windows.1", ""),
        ("2.31.9", "got git 2.31.9"),
        ("1.9.5", "got git 1.9.5"),
        ("unreadable", "got git unreadable"),
        ("", "there is no git"),
    ],
)
def test_git(git: str, said: str) -> None:
    found = hp901.check(Programs(git, "3.3.0", lfs_wanted=True))
    assert [f.message.startswith(said) for f in found] == ([True] if said else [])


def test_somebody_must_upload_what_pointers_stand_for() -> None:
    (finding,) = hp901.check(Programs("2.39.5", "3.3.0", lfs_wanted=True, lfs_hooked=False))
    assert "a push would send pointers alone" in finding.message
    assert hp901.check(Programs("2.39.5", "3.3.0", lfs_wanted=False, lfs_hooked=False)) == ()


def test_git_lfs_is_asked_for_only_where_files_are_kept_in_it() -> None:
    assert hp901.check(Programs("2.39.5", "", lfs_wanted=False)) == ()
    (finding,) = hp901.check(Programs("2.39.5", "", lfs_wanted=True))
    assert "Git LFS" in finding.message
    assert "git lfs pull" in finding.fix


@pytest.mark.parametrize(
    ("version", "numbers"),
    [("2.39.5", (2, 39, 5)), ("2.45.1.windows.1", (2, 45, 1)), ("v2", ()), ("", ()), ("2.٣", (2,))],
)
def test_numbers(version: str, numbers: tuple[int, ...]) -> None:
    assert hp901.numbers(version) == numbers
