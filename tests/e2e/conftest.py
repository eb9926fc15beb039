# SPDX-License-Identifier: Apache-2.0
"""One hub and one configured home for all tests of a worker; every test works on copies."""

from __future__ import annotations

import itertools
import shutil
from typing import TYPE_CHECKING

import huggingface_hub.constants
import pytest

from hubpolicy.demo.hub.process import HubProcess
from tests.e2e.author import Author, write_model
from tests.hub.world import TOKENS, calm

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def running_hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubProcess]:
    with HubProcess(tmp_path_factory.mktemp("hub"), TOKENS) as hub:
        yield hub
        errors = hub.root / "errors.log"
        assert not errors.exists(), errors.read_text()


@pytest.fixture(scope="module")
def own_hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubProcess]:
    """A hub whose every repository is known to the tests of one file."""
    with (
        pytest.MonkeyPatch.context() as patch,
        HubProcess(tmp_path_factory.mktemp("hub"), TOKENS) as hub,
    ):
        patch.setattr(huggingface_hub.constants, "HF_HUB_DISABLE_XET", True)
        yield hub


@pytest.fixture(scope="session")
def configured_home(running_hub: HubProcess, tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("ada")
    Author(home, running_hub.endpoint).init()
    return home


@pytest.fixture
def hub(running_hub: HubProcess, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubProcess]:
    # The local hub stores by Git LFS; this process talks to it too.
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_DISABLE_XET", True)
    yield running_hub
    calm(running_hub)


@pytest.fixture
def ada(configured_home: Path, hub: HubProcess, tmp_path: Path) -> Author:
    """Somebody who ran ``init``, with the newest client."""
    home = tmp_path / "home"
    shutil.copytree(configured_home, home)
    return Author(home, hub.endpoint)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A model folder whose card passes and that nobody has run."""
    return write_model(tmp_path / "civil")


@pytest.fixture
def repo() -> str:
    """A repository that no other test uses, and whose name no other one begins with."""
    return f"acme/civil{next(_numbers):04}"
