# SPDX-License-Identifier: Apache-2.0
"""A home per test, copied from one that ``init`` made, and nobody's environment."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hubpolicy.adapters import assets
from tests.brief import write_plan
from tests.cli.team_world import Team, copied, found_team
from tests.cli.world import MODEL, config, run, write

if TYPE_CHECKING:
    from collections.abc import Iterator

CIVIL = Path(assets.FOLDER) / "demo" / "models" / "civil"


@pytest.fixture(autouse=True)
def _umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.fixture(scope="session")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What ``init`` writes, made once."""
    home = tmp_path_factory.mktemp("home")
    ran = run(
        "init", "--name", "ada", "--namespace", "acme", "--model-kind", "base", "--no-passphrase",
        HOME=str(home),
    )  # fmt: skip
    assert ran.code == 0, ran
    return home / ".config" / "hubpolicy"


@pytest.fixture
def home(founded: Path) -> Path:
    """The configuration of somebody who ran ``init``."""
    shutil.copytree(founded, config())
    return Path(os.environ["HOME"])


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A small model folder without evidence."""
    return write(tmp_path / "tern", MODEL)


@pytest.fixture
def author(tmp_path: Path) -> Path:
    """Somebody whose policy asks for a small plan, with a model to test."""
    ran = run("init", "--name", "ada", "--namespace", "acme", "--model-kind", "base", "--plan",
              write_plan(Path(os.environ["HOME"])), "--no-passphrase")  # fmt: skip
    assert ran.code == 0, ran
    folder = tmp_path / "civil"
    shutil.copytree(CIVIL, folder, ignore=shutil.ignore_patterns(".hubpolicy", "model.sig"))
    return folder


@pytest.fixture(scope="session")
def unsigned(tmp_path_factory: pytest.TempPathFactory) -> Team:
    """Ada, bob and cleo, and what nobody signed yet; nobody changes it."""
    return found_team(tmp_path_factory.mktemp("unsigned"))


@pytest.fixture(scope="session")
def published(unsigned: Team, tmp_path_factory: pytest.TempPathFactory) -> Team:
    """The same, signed by ada and bob; nobody changes it."""
    team = copied(unsigned, tmp_path_factory.mktemp("published"))
    assert team.sign("ada", "bob").code == 0
    return team


@pytest.fixture
def new(unsigned: Team, tmp_path: Path) -> Team:
    """Prepared, and signed by nobody."""
    return copied(unsigned, tmp_path)


@pytest.fixture
def team(published: Team, tmp_path: Path) -> Team:
    """Published by ada and bob: root and policy 2 of 3, state 1 of 3."""
    return copied(published, tmp_path)
