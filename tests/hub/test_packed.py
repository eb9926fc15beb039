# SPDX-License-Identifier: Apache-2.0
"""Repositories that are written without git are git's all the same."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from hubpolicy.demo.hub.git import git
from tests.hub.packed import Growing

if TYPE_CHECKING:
    from pathlib import Path


def test_git_finds_nothing_wrong_and_reads_what_was_put_there(tmp_path: Path) -> None:
    """Names that sort otherwise as folders, contents of every length of header, three ids' fanout."""
    chance = random.Random(1)
    files = {
        "a": b"", "a.b": b"x", "a-b/c": b"y", "a/b": b"z", "a/b.d/e": b"deep",
        "ä/\N{SNOWMAN}": b"text", "large.bin": chance.randbytes(70_000),
        **{f"many/{number}": bytes([number]) * number for number in range(256)},
    }  # fmt: skip
    del files["a"]
    grown = Growing()
    first = grown.commit(files, (), 1_700_000_000, "one")
    second = grown.commit({"a": b"now a file"}, (first,), 1_700_000_060, "two")
    side = grown.commit(files, (first, second), 1_700_000_120, "merge")
    tag = grown.annotated("v1", first, 1_700_000_180)
    grown.refs = {"refs/heads/main": second, "refs/pr/1": side, "refs/tags/v1": tag}
    repo = tmp_path / "it.git"
    grown.write(repo)
    assert git(repo, "fsck", "--full", "--strict", "--no-dangling") == b""
    assert git(repo, "rev-list", "--all", "--count").split() == [b"3"]
    assert git(repo, "rev-parse", "v1^{commit}").decode().strip() == first
    listed = git(repo, "ls-tree", "-r", "-z", "--name-only", first).decode().split("\0")[:-1]
    assert sorted(listed) == sorted(files)
    for path in ("large.bin", "many/255", "a/b.d/e"):
        assert git(repo, "cat-file", "blob", f"{first}:{path}") == files[path]


def test_the_same_content_has_the_same_id_in_every_repository(tmp_path: Path) -> None:
    oids = set()
    for name in ("one", "two"):
        grown = Growing()
        oids.add(grown.commit({"a": b"x"}, (), 1_700_000_000))
        grown.refs = {"refs/heads/main": next(iter(oids))}
        grown.write(tmp_path / name)
    assert len(oids) == 1
    packs = [
        sorted(p.name for p in (tmp_path / n / "objects/pack").iterdir()) for n in ("one", "two")
    ]
    assert packs[0] == packs[1]
