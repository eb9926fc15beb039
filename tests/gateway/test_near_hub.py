# SPDX-License-Identifier: Apache-2.0
"""Judges ask the hub by the gateway's own connections, and by the official client where need be."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from hubpolicy.domain.release import RepoId
from hubpolicy.gateway.near_hub import NearHub
from hubpolicy.ports import RemoteRepo
from tests.e2e.author import TOKEN
from tests.flows.gating_world import header, small
from tests.gateway.world import client_of
from tests.hub.world import ask

if TYPE_CHECKING:
    from hubpolicy.demo.hub.process import HubProcess
    from tests.e2e.author import Author
    from tests.gateway.world import GatewayProcess

ABSENT = RemoteRepo(exists=False, private=False, head="")


def plain(**changes: object) -> bytes:
    """What a hub says of acme/none, which this one does not have."""
    return json.dumps({"id": "acme/none", "private": True, "sha": "a" * 40} | changes).encode()


@pytest.mark.parametrize(
    ("said", "found"),
    [
        (plain(), RemoteRepo(exists=True, private=True, head="a" * 40)),
        (plain(private=False), RemoteRepo(exists=True, private=False, head="a" * 40)),
        (plain(id="acme/renamed"), ABSENT),
        (plain(id=None), ABSENT),
        (plain(private=None), ABSENT),
        (plain(private="false"), ABSENT),
        (plain(sha=None), ABSENT),
        (b"[]", ABSENT),
        (b"[" * 100_000, ABSENT),
        (b"\xff", ABSENT),
        (None, ABSENT),
    ],
)
def test_only_the_plain_answer_is_taken(
    hub: HubProcess, said: bytes | None, found: RemoteRepo
) -> None:
    """Whatever else comes, the official client asks: this hub has no such repository."""
    near = NearHub(hub.endpoint, TOKEN)
    asked: list[str] = []

    def told(path: str) -> bytes | None:
        asked.append(path)
        return said

    near.lend(told)
    repo = RepoId("acme", "none", endpoint=hub.endpoint)
    assert near.repo(repo) == found
    near.lend(None)
    assert near.repo(repo) == ABSENT
    assert asked == ["/api/models/acme/none"]


@pytest.mark.parametrize(
    "fault",
    [{}, {"action": "status", "status": 503}, {"action": "close", "when": "response"}],
    ids=["", "503", "half"],
)
def test_a_commit_is_judged_by_one_look_at_its_repository(
    gateway: GatewayProcess, hub: HubProcess, bob: Author, repo: str, fault: dict[str, object]
) -> None:
    """One that fails is no answer: then the official client looks, as patiently as ever."""
    client_of(bob).create_repo(repo, repo_type="dataset", private=True)
    page = f"/api/datasets/{repo}"
    before = looks(hub, page)
    if fault:
        hub.faults({"path_regex": f"{page}$", "method": "GET", "times": 1, **fault})
    body = header() + small("rows.csv", b"a,b\n")
    kind = {"Content-Type": "application/x-ndjson"}
    token = bob.environment["HF_TOKEN"]
    done = ask(
        f"{gateway.endpoint}{page}/commit/main", "POST", body=body, token=token, headers=kind
    )
    assert done.status == 200
    assert looks(hub, page) - before == (2 if fault else 1)


def looks(hub: HubProcess, page: str) -> int:
    return [line["path"] for line in hub.requests(page) if line["method"] == "GET"].count(page)
