# SPDX-License-Identifier: Apache-2.0
"""A team's audit: what one person signed for themselves is not attested, whoever they are."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from hubpolicy.domain.trust import Key, Trust
from tests.cli.world import run
from tests.flows.audited import MAIN
from tests.flows.team_world import Team, ada
from tests.golden.samples import signer
from tests.hook.gate_world import POLICY, sign
from tests.hook.team_home import releaser

if TYPE_CHECKING:
    from pathlib import Path

    from tests.flows.publishing_world import World

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")


def other_key_of_ada() -> Key:
    """The key that the team knows her by; the one on her laptop is another."""
    return Key(signer("ada at work").keyid, signer("ada at work").public_pem, "ada")


def test_what_was_signed_under_a_solo_root_is_unattested(world: World, tmp_path: Path) -> None:
    team = Team(tmp_path / "trust", other_key_of_ada())
    world.publish()
    assert world.audit()[MAIN].status == "ATTESTED"
    verdict = world.audit(policy=team.policy, trust=Trust(team.root, team.state))[MAIN]
    assert verdict.status == "UNATTESTED"
    assert "expected one of the trust root" in verdict.detail


def test_the_same_key_under_the_teams_policy_is_attested_and_under_ones_own_is_not(
    world: World, tmp_path: Path
) -> None:
    """A role in the team is not enough: the release names a policy that the team never signed."""
    team = Team(tmp_path / "trust", ada(), policy=POLICY._replace(min_level=3))
    world.publish()
    trust = Trust(team.root, team.state)
    verdict = world.audit(policy=team.policy, trust=trust)[MAIN]
    assert verdict.status == "UNATTESTED"
    assert "got 0 of 2 signatures of role policy" in verdict.detail
    shutil.rmtree(world.folder / ".hubpolicy")
    sign(world.folder, releaser(team), target=world.repo)
    world.api.upload_folder(
        repo_id=world.repo.text, folder_path=world.folder, delete_patterns=".hubpolicy/*"
    )
    assert world.audit(policy=team.policy, trust=trust)[MAIN].status == "ATTESTED"


def test_the_command_says_so_and_exits_1(world: World, tmp_path: Path) -> None:
    team = Team(tmp_path / "trust", other_key_of_ada())
    world.publish()
    hub = {"HF_ENDPOINT": world.hub.endpoint, "HF_TOKEN": "hf_alice"}
    assert run("trust", "pin", team.folder, "--sha256", team.digest, **hub).code == 0
    ran = run("audit", world.repo.text, "--format", "json", **hub)
    assert ran.code == 1
    assert [ref["status"] for ref in ran.document["refs"]] == ["UNATTESTED"]
