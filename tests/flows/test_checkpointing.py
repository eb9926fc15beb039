# SPDX-License-Identifier: Apache-2.0
"""Checkpoints go only where nobody can see them, and that is asked before each commit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from hubpolicy.adapters.files import FolderRelease
from hubpolicy.errors import ServiceError
from hubpolicy.flows import differing
from hubpolicy.flows.checkpointing import Checkpoint, Stored, store
from hubpolicy.flows.differing import Wanted

if TYPE_CHECKING:
    from hubpolicy.adapters.hub import HubClient
    from tests.flows.publishing_world import World

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")


@pytest.fixture(autouse=True)
def _one_file_a_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(differing, "COMMIT_FILES", 1)


def checkpoint(world: World) -> Checkpoint:
    reader = FolderRelease(world.model())
    wanted = Wanted(str(world.folder), reader.manifest, (), (), {})
    return Checkpoint(wanted, frozenset(), embargoed=False, message="Checkpoint")


def published_after(world: World, commits: int, monkeypatch: pytest.MonkeyPatch) -> HubClient:
    """A client while which sends somebody publishes the repository, after that many commits."""
    client = world.client()
    real = client.upload
    done: list[str] = []

    def upload(*args: Any, **options: Any) -> Any:
        made = real(*args, **options)
        done.append(made.oid)
        if len(done) == commits:
            world.api.update_repo_settings(world.repo.text, private=False)
        return made

    monkeypatch.setattr(client, "upload", upload)
    return client


def stored(world: World, client: HubClient) -> Stored:
    return store(checkpoint(world), world.repo, client, world.notes)


def test_nothing_more_goes_to_what_somebody_made_public_meanwhile(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = stored(world, published_after(world, 2, monkeypatch))
    (finding,) = done.decision.findings
    assert (done.decision.verdict, finding.rule, done.public) == ("failed", "HP503", False)
    assert "is private again" in finding.message
    assert (done.uploaded, world.state()) == (2, (True, done.oid))


def test_what_was_made_public_before_anything_went_is_left_as_it_is(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = world.client()
    real = client.listing

    def listing(*args: Any) -> Any:
        world.api.update_repo_settings(world.repo.text, private=False)
        return real(*args)

    monkeypatch.setattr(client, "listing", listing)
    with pytest.raises(ServiceError, match="but it is public"):
        stored(world, client)
    assert len(world.client().history(world.repo, "main")) == 1
    assert not world.state()[0]


def test_where_nobody_looks_everything_goes(world: World) -> None:
    done = stored(world, world.client())
    assert (done.decision.verdict, done.public) == ("inconclusive", False)
    assert world.state() == (True, done.oid)
    assert done.uploaded == len(world.client().history(world.repo, "main")) - 1 >= 3
