# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest

from hubpolicy.adapters.hookplace import HOOK
from tests.git.repos import Repo, init, isolate
from tests.hook.gate_world import person
from tests.hook.hooked import install

TEMPLATE = Path(__file__).parents[2] / "hooks" / HOOK


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    isolate(monkeypatch, tmp_path / "home")
    return tmp_path / "home"


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    """A repository with an empty bare remote called origin."""
    init(tmp_path / "remote.git", "--bare")
    made = init(tmp_path / "repo")
    made.git("remote", "add", "origin", str(tmp_path / "remote.git"))
    return made


@pytest.fixture
def remote(repo: Repo, tmp_path: Path) -> Repo:
    return Repo(tmp_path / "remote.git")


@pytest.fixture
def gate(home: Path) -> None:
    """Policy and trust of one person, where the hook looks for them."""
    person().install(home)


@pytest.fixture
def hooked(repo: Repo, gate: None) -> Repo:
    """The repository with the hook in it."""
    install(repo)
    return repo
