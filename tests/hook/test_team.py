# SPDX-License-Identifier: Apache-2.0
"""Pushes of people who pinned a team: its policy judges, and its state must be fresh."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hubpolicy.core.documents import state_payload
from hubpolicy.core.gatefile import GateMeta, make_gate
from hubpolicy.core.policy import policy_payload
from hubpolicy.core.strictjson import canonical
from hubpolicy.domain.trust import OlderPolicy
from tests.cli.world import config, run
from tests.flows.team_world import FAR, Team
from tests.golden.samples import sha, signer
from tests.hook.gate_world import ENDPOINT, person
from tests.hook.hooked import install, push
from tests.hook.pushes import refs, refused
from tests.hook.team_home import own_key, pinned, released, releaser

if TYPE_CHECKING:
    from pathlib import Path

    from tests.git.repos import Repo

ENDED = "2026-01-01T00:00:00Z"


@pytest.fixture
def team(tmp_path: Path) -> Team:
    return Team(tmp_path / "trust")


@pytest.fixture
def shared(repo: Repo, team: Team) -> Repo:
    """A repository whose hook judges under the team's policy."""
    pinned(team)
    install(repo)
    return repo


def test_no_policy_file_of_ones_own_is_needed(shared: Repo, remote: Repo, team: Team) -> None:
    released(shared, releaser(team))
    pushed = push(shared, "origin", "main")
    assert pushed.code == 0, pushed.said
    assert "passed" in pushed.said
    assert refs(remote) == ["refs/heads/main"]


def test_evidence_by_somebody_outside_of_the_team_is_none(shared: Repo, team: Team) -> None:
    stranger = person("mallory")
    released(shared, releaser(team)._replace(signer=stranger.signer))
    assert {"HP302", "HP201"} <= refused(push(shared, "origin", "main"))


def test_a_revocation_arrives_with_an_update(shared: Repo, team: Team) -> None:
    released(shared, releaser(team))
    team.revoke(person("ada").signer.keyid)
    assert push(shared, "origin", "main", "--dry-run").code == 0  # not before
    assert run("trust", "update").code == 0
    assert {"HP701"} <= refused(push(shared, "origin", "main"))


def test_a_state_that_ended_since_it_was_fetched_blocks_the_hook(
    repo: Repo, remote: Repo, team: Team
) -> None:
    """It was fresh when the gate was compiled: what counts is the moment of the push."""
    pinned(team)
    install(repo)
    released(repo, releaser(team))
    ends = team.publish_an_ending_state(lambda: run("trust", "update").code == 0)
    pushed = push(repo, "origin", "main")
    assert pushed.code != 0
    assert f"the trust state expired on {ends}" in pushed.said
    assert "fix: hubpolicy trust update" in pushed.said
    assert "robot (role state)" in pushed.said
    assert refs(remote) == []
    team.publish_state(expires=FAR)
    assert run("trust", "update").code == 0
    assert push(repo, "origin", "main").code == 0


def compiled(team: Team, expires: str) -> None:
    """The gate as it is once time has gone by."""
    from hubpolicy.core.documents import root_payload

    state = state_payload(team.state._replace(expires=expires))
    policy = canonical(policy_payload(team.policy))
    meta = GateMeta("", (ENDPOINT,), team.digest)
    config("gate.json").write_bytes(make_gate(root_payload(team.root), policy, state, meta))


@pytest.mark.parametrize(
    "command",
    [
        ("verify", "."),
        ("attest", ".", "--repo", "acme/wizard"),
        ("push", ".", "acme/wizard", "--dry-run"),
        ("approvals", "."),
        ("approve", ".", "--as", "safety", "--yes"),
    ],
)
def test_a_stale_state_blocks_every_gate(
    shared: Repo, team: Team, command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    released(shared, releaser(team))
    monkeypatch.chdir(shared.path)
    compiled(team, ENDED)
    own_key("ada")
    ran = run(*command)
    assert ran.code == 2, ran
    assert f"the trust state expired on {ENDED}" in ran.err
    assert "hubpolicy trust update" in ran.err
    assert "robot (role state)" in ran.err


def test_what_releases_nothing_may_go_without_a_fresh_state(shared: Repo, team: Team) -> None:
    compiled(team, ENDED)
    shared.commit({"main.py": b"print()"})
    assert push(shared, "origin", "main").code == 0


@pytest.mark.parametrize("gone", ["gate.json", "trust/state.json"])
def test_a_missing_state_blocks(
    shared: Repo, team: Team, gone: str, tmp_path: Path, remote: Repo
) -> None:
    """Of two copies either is enough to block: the documents, where the namespace is reserved."""
    released(shared, releaser(team))
    config(gone).unlink()
    if gone == "gate.json":
        pushed = push(shared, "origin", "main")
        assert pushed.code != 0
        assert "there is no policy to judge it by" in pushed.said
        assert "fix: hubpolicy trust update" in pushed.said
        shown = run("trust", "show")
        assert (shown.code, "hint: hubpolicy trust update" in shown.err) == (2, True)
        assert refs(remote) == []
    assert run("trust", "update").code == 0
    assert config(gone).exists()
    assert push(shared, "origin", "main").code == 0


def test_a_policy_that_lost_its_signers_goes_on_judging_what_they_did_not_sign(
    shared: Repo, team: Team
) -> None:
    released(shared, releaser(team))
    team.revoke(signer("omar").keyid)
    assert run("trust", "update").code == 0
    assert "HP412" in refused(push(shared, "origin", "main"))  # the policy file beside it


def test_revoked_weights_never_leave(shared: Repo, team: Team) -> None:
    from tests.hook.gate_world import MODEL

    released(shared, releaser(team))
    digest = sha(MODEL["model.safetensors"].decode())
    team.publish_state(revoked_files=frozenset({digest}))
    assert run("trust", "update").code == 0
    assert "HP703" in refused(push(shared, "origin", "main"))


def test_a_hubpolicy_older_than_the_state_asks_for_lets_nothing_go(
    shared: Repo, remote: Repo, team: Team
) -> None:
    released(shared, releaser(team))
    team.publish_state(minimum_version="99.0.0")
    assert run("trust", "update").code == 0
    pushed = push(shared, "origin", "main")
    assert pushed.code != 0
    assert "trust state 2 asks for 99.0.0 or later" in pushed.said
    assert "fix: pip install --upgrade 'hubpolicy>=99.0.0'" in pushed.said
    assert refs(remote) == []


def test_a_release_under_the_policy_before_goes_while_it_counts(
    shared: Repo, remote: Repo, team: Team
) -> None:
    released(shared, releaser(team))
    before = OlderPolicy(team.policy.version, team.policy.sha256, FAR[:10])
    team.publish_policy(version=before.version + 1)
    team.publish_state(older_policies=(before,))
    assert run("trust", "update").code == 0
    pushed = push(shared, "origin", "main", "--dry-run")
    assert (pushed.code, "passed" in pushed.said) == (0, True), pushed.said
    team.publish_state(older_policies=())
    assert run("trust", "update").code == 0
    assert "HP309" in refused(push(shared, "origin", "main"))
    assert refs(remote) == []
