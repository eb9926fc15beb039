# SPDX-License-Identifier: Apache-2.0
"""A gateway that ends while a hub takes a push: what the log says then, and what is left."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import subprocess
import time
from typing import TYPE_CHECKING

import pytest
from huggingface_hub import HfApi

from tests.e2e.author import TOKEN, Author
from tests.gateway.test_git_push import commit, log_of
from tests.gateway.world import GatewayProcess, address, issue
from tests.hub.world import until

if TYPE_CHECKING:
    from pathlib import Path

    from hubpolicy.demo.hub.process import HubProcess
    from tests.hub.world import Git


def until_allowed(ada: Author, repo: str) -> None:
    """Looked up in the file itself: the hub does not wait for a command of ours."""
    database = ada.environment["HUBPOLICY_GATEWAY_DB"]
    query = "SELECT COUNT(*) FROM log WHERE entry LIKE ? AND entry LIKE '%allowed%'"
    deadline = time.monotonic() + 60
    with contextlib.closing(sqlite3.connect(database)) as db:
        while not db.execute(query, (f'%"{repo}"%',)).fetchone()[0]:
            assert time.monotonic() < deadline
            time.sleep(0.05)


def ended(gateway: GatewayProcess) -> str:
    """Wait until one that got a signal has ended; what it said."""
    process, gateway._process = gateway._process, None
    assert process is not None
    return process.communicate(timeout=60)[1]


@pytest.mark.parametrize(
    "number",
    [
        pytest.param(signal.SIGTERM, id="TERM"),
        pytest.param(signal.SIGKILL, id="KILL", marks=pytest.mark.slow),
    ],
)
def test_in_the_middle_of_a_push(
    number: signal.Signals, ada: Author, hub: HubProcess, git: Git, repo: str, tmp_path: Path
) -> None:
    """The hub has it. Ended in order, the log says so; killed, it says that nobody knows."""
    ada = Author(ada.home, hub.endpoint)  # with files that no running gateway has
    ada.environment["HUBPOLICY_GATEWAY_DB"] = str(tmp_path / "own.sqlite3")
    api = HfApi(endpoint=hub.endpoint, token=TOKEN)
    api.create_repo(repo, repo_type="dataset", private=False)
    token = issue(ada, f"broken-{repo.partition('/')[2]}", "acme/*")
    with GatewayProcess(ada, hub.endpoint, "--drain", "0.2") as gateway:
        git("clone", "-q", address(gateway, token, f"datasets/{repo}"), "rows", cwd=tmp_path)
        work = tmp_path / "rows"
        head = commit(git, work, {"rows.csv": b"a,b\n"})
        hub.faults({"path_regex": "git-receive-pack$", "method": "POST", "action": "delay",
                    "seconds": 60, "times": 99})  # fmt: skip
        pushing = subprocess.Popen(
            ["git", "push", "origin", "main"], cwd=work, env=git.environment,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        until_allowed(ada, repo)
        taken = f"POST /datasets/{repo}.git/git-receive-pack"
        until(lambda: taken in hub.delayed())  # written down first, and only then sent on
        os.kill(gateway.pid, number)
        assert pushing.wait(60) != 0  # cut off: the time to drain is over, or the gateway is gone
        hub.configure({})
        said = ended(gateway)
    assert "Traceback" not in said
    until(lambda: api.repo_info(repo, repo_type="dataset").sha == head)
    left = list(tmp_path.rglob("tmp_objdir-*"))
    if number == signal.SIGTERM:
        assert [entry["did"] for entry in log_of(ada, repo)] == ["allowed", "answered"]
        assert log_of(ada, repo)[-1]["status"] == 200
    else:
        assert [entry["did"] for entry in log_of(ada, repo)] == ["allowed"]
        assert left
    lock = next(tmp_path.rglob(f"own.git/*/*/{repo.partition('/')[2]}.git")) / "packed-refs.lock"
    lock.touch()
    again = GatewayProcess(ada, hub.endpoint)
    with again:
        assert not list(tmp_path.rglob("tmp_objdir-*"))
        assert not lock.exists()
        told = log_of(ada, repo)
        if number == signal.SIGKILL:
            assert told[-1]["did"] == "unanswered"
            assert "look at the hub" in told[-1]["reason"]
        assert len(told) == 2
        warned = again.end()[1]
    assert ("nobody knows" in warned) == (number == signal.SIGKILL)
