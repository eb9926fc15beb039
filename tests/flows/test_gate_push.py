# SPDX-License-Identifier: Apache-2.0
"""Which refs a push through the gate may move, and to which repositories."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hubpolicy.domain.hub_request import GitPush
from hubpolicy.domain.refs import Push, RefUpdate
from hubpolicy.domain.release import RepoId
from hubpolicy.flows.gate_push import refused_refs
from hubpolicy.flows.gating import decide
from tests.flows.gating_world import ask, watch

if TYPE_CHECKING:
    from tests.flows.publishing_world import World

NONE, OLD, NEW = "0" * 40, "a" * 40, "b" * 40
REPO = RepoId("acme", "m")


@pytest.mark.parametrize(
    ("ref", "old", "new", "ahead", "words"),
    [
        ("refs/heads/main", OLD, NEW, True, ""),
        ("refs/heads/dev", NONE, NEW, False, ""),
        ("refs/tags/v1", NONE, NEW, False, ""),
        ("refs/pr/12", OLD, NEW, True, ""),
        ("refs/heads/main", OLD, NEW, False, "would be lost"),
        ("refs/pr/12", OLD, NEW, False, "would be lost"),
        ("refs/heads/main", OLD, NONE, False, "nor brought back"),
        ("refs/tags/v1", OLD, NONE, False, "nor brought back"),
        ("refs/tags/v1", OLD, NEW, True, "does not move"),
        *(
            (ref, NONE, NEW, True, "only branches")
            for ref in (
                *("HEAD", "refs/heads/", "refs/notes/commits", "refs/convert/parquet", "refs/pr/"),
                *("refs/pr/01", "refs/pr/1/head", "refs/replace/x", "refs/headsmain", "main"),
            )
        ),
    ],
)
@pytest.mark.parametrize("free", [False, True])
def test_what_may_become_of_a_ref(
    ref: str, old: str, new: str, ahead: bool, words: str, free: bool
) -> None:
    """A private workspace may lose what it has; names that no hub shows are taken nowhere."""
    push = Push("", "", (RefUpdate("refs/heads/x", NEW, "refs/heads/x", NONE),
                         RefUpdate(ref, new, ref, old)))  # fmt: skip
    found = refused_refs(REPO, push, lambda update: ahead and update.remote_ref == ref, free=free)
    if not words or (free and words != "only branches"):
        assert found is None
    else:
        assert found is not None
        assert words in found.reason
        assert found.rule == "HP510"


def test_only_who_receives_lets_one_begin(world: World) -> None:
    world.publish()
    intent = GitPush(world.repo, advertises=True)
    assert not ask(intent, world).allowed  # the guard, say: nobody there sees what comes
    here = watch(world)._replace(receives=True)
    assert decide(intent, here).allowed
    assert not decide(GitPush(world.repo._replace(name="nowhere"), advertises=True), here).allowed
    elsewhere = watch(world, namespaces=("other",))._replace(receives=True)
    assert "expected one in other" in decide(intent, elsewhere).reason


def test_a_private_workspace_is_open_and_a_public_one_is_judged(world: World) -> None:
    world.publish()
    api = world.api
    spaces = watch(world, workspaces=("acme",))._replace(receives=True)
    intent = GitPush(world.repo, advertises=False)
    assert decide(intent, spaces).reason == "what comes is judged before any ref moves"
    api.update_repo_settings(world.repo.text, private=True)
    assert "workspace" in decide(intent, spaces).reason
