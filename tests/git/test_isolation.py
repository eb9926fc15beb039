# SPDX-License-Identifier: Apache-2.0
"""What makes a world for git leaves the login's own configuration alone."""

from __future__ import annotations

import os
import pwd
from typing import TYPE_CHECKING

import pytest

from tests.git.repos import isolate

if TYPE_CHECKING:
    from pathlib import Path


def test_the_home_of_this_login_is_never_written_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "own"
    own.mkdir()
    monkeypatch.setattr(
        pwd, "getpwuid", lambda _: pwd.struct_passwd(("x", "x", 0, 0, "", str(own), ""))
    )
    (tmp_path / "link").symlink_to(own)
    for home in (own, tmp_path / "link", own / ".." / "own"):
        with pytest.raises(AssertionError, match="the home of this login"):
            isolate(monkeypatch, home)
    assert list(own.iterdir()) == []
    isolate(monkeypatch, tmp_path / "home")
    assert (tmp_path / "home" / ".gitconfig").exists()
    assert os.environ["HOME"] == str(tmp_path / "home")
