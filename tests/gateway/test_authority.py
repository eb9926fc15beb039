# SPDX-License-Identifier: Apache-2.0
"""A gateway speaks for a namespace only where this machine does not reserve it for another trust."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING
from unittest import mock

import pytest

import hubpolicy.adapters.pins as places
from hubpolicy.adapters.hub import HubClient
from hubpolicy.adapters.lfs_remote import HubLfsStore
from hubpolicy.cli.wiring import seat
from hubpolicy.domain.hub_request import CreateRepo, Settings, XetToken
from hubpolicy.domain.release import RepoId, parse_repo_id
from hubpolicy.errors import ConfigError
from hubpolicy.gateway.passage import Passage
from hubpolicy.gateway.records import Records
from tests.e2e.author import TOKEN

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hubpolicy.demo.hub.process import HubProcess
    from tests.e2e.author import Author


@pytest.fixture
def passage(hub: HubProcess, ada: Author, tmp_path: Path) -> Iterator[Passage]:
    with mock.patch.dict(os.environ, ada.environment, clear=True), contextlib.chdir(ada.home):
        records = Records(tmp_path / "records.sqlite")
        yield Passage(
            records, HubClient(hub.endpoint, TOKEN), seat,
            lambda repo: HubLfsStore(repo, hub.endpoint, TOKEN),
        )  # fmt: skip
        records.close()


@pytest.fixture
def reserved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """This machine's administrator gave acme to somebody else's trust."""
    home = tmp_path / "passwd-home"
    home.mkdir()
    (tmp_path / "pins.toml").write_text(f'["acme"]\nroot = "{"e" * 64}"\n')
    mine = places.PinPlaces(str(tmp_path / "pins.toml"), str(home))
    monkeypatch.setattr(places, "PLACES", mine)


def test_what_is_nobody_else_s_may_be_asked_for(passage: Passage, hub: HubProcess) -> None:
    repo = RepoId("acme", "rows", "dataset", hub.endpoint)
    assert passage.decide(CreateRepo(repo, private=False)).allowed
    assert passage.decide(XetToken(repo, "main")).allowed


@pytest.mark.usefixtures("reserved")
def test_what_is_another_trust_s_is_refused_by_name(
    passage: Passage, hub: HubProcess, repo: str
) -> None:
    rows = RepoId("acme", "rows", "dataset", hub.endpoint)
    for asked in (rows, rows._replace(repo_type="space"), rows._replace(repo_type="model")):
        for intent in (CreateRepo(asked, private=False), XetToken(asked, "main")):
            found = passage.decide(intent)
            assert not found.allowed
            assert "acme" in found.reason
            assert "reserved" in found.reason
    hiding = Settings(rows, private=True, opens=False, others=())
    assert passage.decide(hiding).allowed
    elsewhere = CreateRepo(rows._replace(namespace="globex"), private=False)
    assert passage.decide(elsewhere).allowed
    with pytest.raises(ConfigError, match="reserved"):
        passage.submit(parse_repo_id(repo, endpoint=hub.endpoint), b"{}", "bob", list[str]().append)
