# SPDX-License-Identifier: Apache-2.0
"""A hub that is slow: a judgement ends all the same, and what SIGTERM cuts off is written down."""

from __future__ import annotations

import http.client
import os
import signal
import threading
import time
from typing import TYPE_CHECKING

import pytest
from huggingface_hub import HfApi

from hubpolicy.adapters.deadline import Deadline, keeping
from hubpolicy.adapters.hub import HubClient
from hubpolicy.domain.release import RepoId
from hubpolicy.errors import ServiceError
from tests.e2e.author import TOKEN, Author
from tests.gateway.test_bodies import told
from tests.gateway.test_broken_off import ended, until_allowed
from tests.gateway.test_git_push import commit
from tests.gateway.world import GatewayProcess, address, issue
from tests.hub.world import ask

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hubpolicy.demo.hub.process import HubProcess
    from tests.hub.world import Answer, Git

TALK = {"title": "t", "description": "d"}
SLOW = 60.0


@pytest.fixture
def owner(ada: Author, hub: HubProcess, tmp_path: Path) -> Author:
    """Ada, with files that no running gateway has."""
    made = Author(ada.home, hub.endpoint)
    made.environment["HUBPOLICY_GATEWAY_DB"] = str(tmp_path / "own.sqlite3")
    return made


@pytest.fixture
def own_token(owner: Author) -> str:
    return issue(owner, "bob", "acme/*")


@pytest.fixture
def hasty(owner: Author, hub: HubProcess, own_token: str) -> Iterator[GatewayProcess]:
    """A gateway that waits for no judgement longer than some seconds, nor for anybody at its end.

    They are enough for a judgement beside which the machine does other things, too.
    """
    assert own_token
    with GatewayProcess(owner, hub.endpoint, "--judge", "4", "--drain", "0.2") as made:
        yield made


@pytest.fixture
def rows(hub: HubProcess, repo: str) -> str:
    HfApi(endpoint=hub.endpoint, token=TOKEN).create_repo(repo, repo_type="dataset", private=True)
    return repo


def slowly(hub: HubProcess, method: str, path: str, after: int = 0) -> None:
    hub.faults({"path_regex": path, "method": method, "action": "delay", "seconds": SLOW,
                "after": after, "times": 99})  # fmt: skip


def flip(gateway: GatewayProcess, repo: str, token: str) -> Answer:
    return ask(
        f"{gateway.endpoint}/api/datasets/{repo}/settings", "PUT", body={"private": False},
        token=token, headers={"Content-Type": "application/json"},
    )  # fmt: skip


def test_a_judgement_that_takes_too_long_is_a_no(
    owner: Author, hasty: GatewayProcess, hub: HubProcess, own_token: str, rows: str
) -> None:
    slowly(hub, "GET", f"api/datasets/{rows}/refs")
    began = time.monotonic()
    answer = flip(hasty, rows, own_token)
    assert 3.9 < time.monotonic() - began < SLOW
    assert answer.status == 403
    assert "not judged" in answer.headers["x-error-message"]
    assert "try again later" in answer.headers["x-error-message"]
    hub.configure({})
    # Nobody waits for the one that was given up, and it has no say in the next.
    assert flip(hasty, rows, own_token).status == 200
    entries = [(entry["did"], entry.get("status")) for entry in told(owner, rows)]
    assert entries == [("denied", None), ("allowed", None), ("answered", 200)]


def test_whoever_was_given_up_asks_for_nothing_more(hub: HubProcess, rows: str) -> None:
    namespace, name = rows.split("/")
    repo = RepoId(namespace, name, endpoint=hub.endpoint, repo_type="dataset")
    client, deadline = HubClient(hub.endpoint, TOKEN), Deadline(60)
    with keeping(deadline):
        assert client.repo(repo).exists
        deadline.end()
        asked = len(hub.requests(rows))
        with pytest.raises(ServiceError, match="in time"):
            client.repo(repo)
    assert len(hub.requests(rows)) == asked
    assert client.repo(repo).exists


@pytest.mark.lfs
def test_nor_is_a_push_taken_that_cannot_be_judged_in_time(
    owner: Author, hasty: GatewayProcess, hub: HubProcess, own_token: str, git: Git, rows: str,
    tmp_path: Path,
) -> None:  # fmt: skip
    git("clone", "-q", address(hasty, own_token, f"datasets/{rows}"), "rows", cwd=tmp_path)
    head = commit(git, tmp_path / "rows", {"rows.csv": b"a,b\n"})
    # It is asked about the repository where refs are offered, where a push comes, and once more
    # when git holds what came: then.
    slowly(hub, "GET", f"api/datasets/{rows}$", after=2)
    said = git("push", "origin", "main", cwd=tmp_path / "rows", fails=True).stderr
    assert "not judged" in said
    assert "try again later" in said
    hub.configure({})
    assert HfApi(endpoint=hub.endpoint, token=TOKEN).dataset_info(rows).sha != head
    assert told(owner, rows)[-1]["did"] == "refused"


def test_what_is_cut_off_at_the_end_is_written_down_then(
    owner: Author, hasty: GatewayProcess, hub: HubProcess, own_token: str, rows: str
) -> None:
    slowly(hub, "POST", f"{rows}/discussions$")
    url = f"{hasty.endpoint}/api/datasets/{rows}/discussions"

    def talk() -> None:
        kind = {"Content-Type": "application/json"}
        with pytest.raises((OSError, http.client.HTTPException)):
            ask(url, "POST", body=TALK, token=own_token, headers=kind)

    talking = threading.Thread(target=talk)
    talking.start()
    until_allowed(owner, rows)
    os.kill(hasty.pid, signal.SIGTERM)
    assert "Traceback" not in ended(hasty)
    talking.join()
    allowed, unanswered = told(owner, rows)
    assert (allowed["did"], unanswered["did"]) == ("allowed", "unanswered")
    assert unanswered["entry"] == allowed["seq"]
    assert "look at the hub" in unanswered["reason"]
