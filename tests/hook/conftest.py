# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest

from hubpolicy.adapters import pins as places
from hubpolicy.adapters.hookplace import HOOK
from hubpolicy.adapters.pins import PinPlaces
from tests.flows.team_world import Team
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


@pytest.fixture
def team(tmp_path: Path) -> Team:
    """Several people, and their trust folder."""
    return Team(tmp_path / "trust")


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PinPlaces:
    """A machine of the test's own: its system file, and its user's git configuration."""
    user = tmp_path / "passwd-home"
    user.mkdir()
    mine = PinPlaces(str(tmp_path / "etc-pins.toml"), str(user))
    monkeypatch.setattr(places, "PLACES", mine)
    return mine
