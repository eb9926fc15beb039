# SPDX-License-Identifier: Apache-2.0
"""Samples of ``bench.git_matrix`` (every tool, kind and ref at least once) and ``bench.git_kill``.

Nightly: the cells that add none of these, but another combination of them.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from bench.git_kill import VICTIMS, one_moment
from bench.git_matrix import KINDS, REFS, TOOLS, World, available, cells
from tests.git.repos import Repo, need_lfs
from tests.hook.hooked import install
from tests.oracles.tools import need

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

from bench.git_matrix import Cell

SAMPLE = cells()[::7]


def covering(sample: list[Cell]) -> Iterator[Cell]:
    """Those with a tool, order, kind or ref that none before them had."""
    seen: set[tuple[str, object]] = set()
    for cell in sample:
        values = {(name, value) for name, value in cell._asdict().items() if name != "evidence"}
        if not values <= seen:
            seen |= values
            yield cell


NOW = tuple(covering(SAMPLE))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder: Path = tmp_path_factory.mktemp("matrix")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(folder))
        patch.setenv("GIT_CONFIG_NOSYSTEM", "1")
        yield World(folder)


@pytest.mark.slow
@pytest.mark.lfs
@pytest.mark.parametrize(
    "cell",
    [pytest.param(cell, marks=() if cell in NOW else pytest.mark.nightly) for cell in SAMPLE],
    ids=lambda cell: " ".join(str(cell).split()),
)
def test_nothing_leaves_that_should_not(
    world: World, cell: Cell, monkeypatch: pytest.MonkeyPatch
) -> None:
    need_lfs()
    monkeypatch.setenv("HOME", str(world.home))
    need(available(cell), cell.tool)
    assert world.run(cell).wrong == ""


@pytest.mark.slow
@pytest.mark.lfs
@pytest.mark.parametrize("victim", VICTIMS)
@pytest.mark.parametrize("after", [0.0, 0.03, 0.1])
def test_a_push_that_is_killed_leaves_the_branch_old_or_new(
    world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, victim: str, after: float
) -> None:
    need_lfs()
    monkeypatch.setenv("HOME", str(world.home))
    base = shutil.copytree(world.source("sha1", evidence=True), tmp_path / "copy", symlinks=True)
    repo = Repo(base / "repo")
    repo.git("remote", "set-url", "origin", str(base / "remote.git"))
    install(repo)
    assert "then the branch was" in one_moment(base, repo.path, after, victim)


def test_there_are_enough_cells_and_the_sample_has_everything() -> None:
    assert len(cells()) >= 250
    assert len(set(cells())) == len(cells())
    assert {cell.kind for cell in NOW} == set(KINDS)
    assert {cell.ref for cell in NOW} == set(REFS)
    assert {cell.tool for cell in NOW} == {"ours alone", *TOOLS}
    assert {cell.evidence for cell in NOW} == {True, False}
