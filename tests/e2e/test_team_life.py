# SPDX-License-Identifier: Apache-2.0
"""A team adopts and withdraws: each signs in turn, and nothing holds before enough have."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest
from huggingface_hub import HfApi

from hubpolicy.adapters.trust_folder import folder_lock
from tests.cli.team_world import Team, found_team
from tests.e2e.author import TOKEN

if TYPE_CHECKING:
    from pathlib import Path

    from hubpolicy.demo.hub.process import HubProcess
    from tests.cli.world import Ran

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")

REASON = ("--reason", "see ticket 4711", "--yes")


class Office:
    """Three people who follow one trust folder, and the hub that they publish on."""

    def __init__(self, team: Team, hub: HubProcess) -> None:
        self.team = team
        self.hub = hub
        for who in ("ada", "bob", "cleo"):
            pinned = self.run(who, "trust", "pin", team.folder, "--sha256", team.root().sha256)
            assert pinned.code == 0, pinned

    def run(self, who: str, *arguments: str | Path) -> Ran:
        hub = {"HF_ENDPOINT": self.hub.endpoint, "HF_TOKEN": TOKEN}
        return self.team.run(who, *arguments, **hub)

    def update(self, who: str) -> None:
        assert self.run(who, "trust", "update").code == 0

    def audit(self, who: str, repo: str) -> Ran:
        return self.run(who, "audit", repo)


@pytest.fixture
def office(hub: HubProcess, tmp_path: Path) -> Office:
    team = found_team(tmp_path, "--role", "state=ada,bob,cleo:2")
    assert team.sign("ada", "bob").code == 0
    return Office(team, hub)


@pytest.fixture
def old(office: Office, model: Path, repo: str) -> str:
    api = HfApi(endpoint=office.hub.endpoint, token=TOKEN)
    api.create_repo(repo)
    api.upload_folder(repo_id=repo, folder_path=model)
    return repo


def test_a_baseline_takes_as_many_as_the_state_does(office: Office, old: str) -> None:
    folder = office.team.folder
    nothing = office.run("ada", "adopt", "--sign", "--yes", "--trust", folder)
    assert (nothing.code, "nothing waits for a signature" in nothing.err) == (2, True), nothing
    assert f"hubpolicy adopt NAMESPACE --trust {folder}" in nothing.err
    alone = office.run("ada", "adopt", old, "--yes")
    assert (alone.code, "takes 2 signatures of role state" in alone.err) == (2, True)
    first = office.run("ada", "adopt", old, "--yes", "--trust", folder)
    assert (first.code, "1 more must sign it" in first.out) == (5, True), first
    assert office.audit("ada", old).code == 1
    again = office.run("ada", "adopt", old, "--yes", "--trust", folder)
    assert (again.code, "still waits for signatures" in again.err) == (2, True)
    twice = office.run("ada", "adopt", "--sign", "--yes", "--trust", folder)
    assert twice.code == 5
    with folder_lock(folder):
        busy = office.run("bob", "adopt", "--sign", "--yes", "--trust", folder)
    assert (busy.code, "another hubpolicy works in" in busy.err) == (3, True), busy
    prepared = (folder / "baseline.pending.json").read_bytes()
    second = office.run("bob", "adopt", "--sign", "--yes", "--trust", folder)
    assert (second.code, "signed by ada" in second.out) == (0, True), second
    (folder / "baseline.pending.json").write_bytes(prepared)  # pulled from somebody who was late
    late = office.run("cleo", "adopt", "--sign", "--yes", "--trust", folder)
    assert (late.code, "version 1 is published" in late.err) == (2, True), late
    (folder / "baseline.pending.json").unlink()
    assert (folder / "baseline.json").exists()
    assert not (folder / "baseline.pending.json").exists()
    assert "BASELINE" in office.audit("bob", old).out
    assert office.audit("cleo", old).code == 1
    office.update("cleo")
    assert "1 BASELINE" in office.audit("cleo", old).out
    more = office.run("cleo", "adopt", old, "--yes", "--trust", folder)
    assert "nothing to add" in more.out


def test_a_withdrawal_is_prepared_and_holds_when_two_have_signed(
    office: Office, old: str, model: Path
) -> None:
    folder = office.team.folder
    alone = office.run("ada", "withdraw", old, *REASON)
    assert (alone.code, "--trust DIR" in alone.err) == (2, True)
    first = office.run("ada", "withdraw", old, *REASON, "--trust", folder)
    assert first.code == 5, first
    assert "✓ private" in first.out  # at once
    assert "… revoked" in first.out
    assert "pending/state-2.json" in first.out
    again = office.run("ada", "withdraw", old, *REASON, "--trust", folder)
    assert (again.code, "… revoked" in again.out) == (5, True), again
    second = office.run("bob", "withdraw", old, *REASON, "--trust", folder)
    assert (second.code, "✓ revoked" in second.out) == (0, True), second
    gone = hashlib.sha256((model / "model.onnx.data").read_bytes()).hexdigest()
    assert gone in office.team.state().revoked_files
    assert office.audit("cleo", old).code == 1
    assert "REVOKED" not in office.audit("cleo", old).out
    office.update("cleo")
    assert "REVOKED" in office.audit("cleo", old).out
    third = office.run("cleo", "withdraw", old, *REASON, "--trust", folder)
    assert (third.code, "(was already)" in third.out) == (0, True)


def test_what_others_prepared_is_joined_and_not_replaced(office: Office, old: str) -> None:
    folder = office.team.folder
    other = "ab" * 32
    assert office.run("cleo", "trust", "revoke", "file", other, folder, "--yes").code in {0, 5}
    ran = office.run("ada", "withdraw", old, *REASON, "--trust", folder)
    assert (ran.code, "more is pending than this withdrawal" in ran.out) == (5, True), ran
    waiting = office.team.value().find("state")
    assert waiting is not None
    assert not waiting.envelope.signatures  # ada was not shown what cleo revokes
    assert office.run("ada", "trust", "sign", folder, "--yes").code == 5
    assert office.run("bob", "trust", "sign", folder, "--yes").code == 0
    state = office.team.state()
    assert other in state.revoked_files
    assert len(state.revoked_files) == 3
