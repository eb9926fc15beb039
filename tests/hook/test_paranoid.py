# SPDX-License-Identifier: Apache-2.0
"""With ``--paranoid`` the bytes behind every Git LFS pointer are read before they leave."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.cli.world import run
from tests.git.repos import Repo, need_lfs
from tests.hook.hooked import push
from tests.hook.pushes import attested, refs, refused

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.lfs
SPOILT = ["other bytes", "another length", "gone", "a folder"]


@pytest.fixture
def stored(hooked: Repo) -> Repo:
    """An attested model whose weights lie in Git LFS."""
    need_lfs()
    hooked.git("lfs", "install", "--skip-repo")
    hooked.commit({".gitattributes": b"*.safetensors filter=lfs diff=lfs merge=lfs -text\n"})
    attested(hooked)
    return hooked


def spoil(repo: Repo, how: str) -> None:
    (place,) = (path for path in (repo.path / ".git/lfs/objects").rglob("*") if path.is_file())
    content = place.read_bytes()
    place.chmod(0o644)
    if how == "other bytes":
        place.write_bytes(content[:-1] + b"?")
    elif how == "another length":
        place.write_bytes(content[:-1])
    else:
        place.unlink()
        if how == "a folder":
            place.mkdir()


@pytest.mark.parametrize("how", SPOILT)
def test_an_object_that_is_not_its_sha256_does_not_leave(
    stored: Repo, remote: Repo, how: str
) -> None:
    assert run("hook", "install", "--paranoid", stored.path).code == 0
    spoil(stored, how)
    pushed = push(stored, "origin", "main")
    assert "HP404" in refused(pushed)
    assert "model.safetensors" in pushed.said
    assert "git lfs fsck" in pushed.said
    assert refs(remote) == []


def test_good_ones_go(stored: Repo, remote: Repo, tmp_path: Path) -> None:
    assert run("hook", "install", "--paranoid", stored.path).code == 0
    assert push(stored, "origin", "main").code == 0
    assert refs(remote) == ["refs/heads/main"]


def test_a_variable_asks_for_it_once(stored: Repo) -> None:
    spoil(stored, "other bytes")
    assert "HP404" in refused(push(stored, "origin", "main", HUBPOLICY_PARANOID="1"))
    assert push(stored, "origin", "main", HUBPOLICY_PARANOID="0").code == 0


def test_no_variable_switches_it_off(stored: Repo) -> None:
    assert run("hook", "install", "--paranoid", stored.path).code == 0
    spoil(stored, "other bytes")
    for value in ("0", "", "no"):
        assert "HP404" in refused(push(stored, "origin", "main", HUBPOLICY_PARANOID=value))
