# SPDX-License-Identifier: Apache-2.0
"""What holds for every test: nobody's environment, no network but loopback, a clean work tree."""

from __future__ import annotations

import gc
import os
import signal
from itertools import count
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from tests.house.isolation import Isolation, Strays
from tests.house.scheduling import slow_files_first

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

settings.register_profile("house", deadline=None, max_examples=60)
# The same examples on every run: a commit must not be refused for what another one would find too.
settings.register_profile(
    "house-ci", settings.get_profile("house"), derandomize=True, database=None
)
# Nobody waits for it: make test-nightly. Tests that say how many examples they need keep to that.
settings.register_profile(
    "nightly", settings.get_profile("house"), max_examples=20_000, print_blob=True
)

ISOLATION = pytest.StashKey[Isolation]()
STRAYS = pytest.StashKey[Strays]()


def pytest_configure(config: pytest.Config) -> None:
    usual = "house-ci" if os.environ.get("CI") == "true" else "house"
    settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", usual))
    # Before any test module is imported: the Hub's client reads its variables when it is imported.
    config.stash[ISOLATION] = Isolation.begin()
    # A shell starts background jobs deaf to Ctrl-C, and whoever they start would be deaf, too.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if not hasattr(config, "workerinput"):
        config.stash[STRAYS] = Strays.before(config.rootpath)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Without the garbage collector, which would look at fifteen thousand tests again and again."""
    gc.disable()
    yield
    gc.freeze()
    gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    slow_files_first(items)


def pytest_unconfigure(config: pytest.Config) -> None:
    config.stash[ISOLATION].end()


@pytest.fixture(scope="session")
def _homes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("homes")
    return (folder / str(number) for number in count())


@pytest.fixture(autouse=True)
def _a_home_of_its_own(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, _homes: Iterator[Path]
) -> Iterator[None]:
    """An empty HOME for each test; a test that reached for the network fails, whatever it caught."""
    isolation = request.config.stash[ISOLATION]
    home = next(_homes)
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    isolation.refused.clear()
    yield
    assert not isolation.refused, f"tests reach loopback only; this one tried {isolation.refused}"


def pytest_sessionfinish(session: pytest.Session) -> None:
    strays = session.config.stash.get(STRAYS, None)
    if strays is not None and strays.left():
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    for name in config.stash[STRAYS].left():
        terminalreporter.write_line(f"FAILED tests left this in the work tree: {name}", red=True)
