# SPDX-License-Identifier: Apache-2.0
"""A team's policy, state and revocations, and what those see who pinned its trust."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING
from unittest.mock import patch

import pytest

from hubpolicy.core.pending import pending_bytes, signed_by
from hubpolicy.domain.certified import name_id
from tests import certificates
from tests.cli.team_world import LATER, Team, copied, found_team, pending_file
from tests.cli.world import REPO, contents, released, run, sign_run
from tests.oracles.tools import need_package
from tests.transparency import Sigstore

if TYPE_CHECKING:
    from pathlib import Path


# Policy, state, revocation -------------------------------------------------------------------


def test_a_new_policy_takes_its_people_and_a_state(team: Team) -> None:
    assert "nothing changed" in team.trust("ada", "policy").err
    team.edit("hubpolicy.toml", ("max_age_days = 90", "max_age_days = 30"))
    ran = team.trust("ada", "policy")
    assert ran.code == 2
    assert "got version 1 in hubpolicy.toml, and policy 1 is published: expected 2" in ran.err
    assert "pending" not in ran.err
    team.edit("hubpolicy.toml", ("version = 1", "version = 2"))
    ran = team.trust("ada", "policy")
    assert ran.code == 0
    assert "toxicity.maxAgeDays: 90 -> 30" in ran.out
    assert "version: 1 -> 2" in ran.out
    assert "pending already" in team.trust("ada", "policy").err
    team.edit("hubpolicy.toml", ("max_age_days = 30", "max_age_days = 20"))
    assert "policy 2 is pending, and there is one at a time" in team.trust("ada", "policy").err
    assert team.sign("cleo").code == 5
    assert team.show()["policy"]["version"] == 1
    assert team.sign("bob").code == 0
    assert team.show()["policy"]["version"] == 2
    assert team.files() == {"root/1.json", "policy/1.json", "policy/2.json", "state.json"}


def test_a_revoked_key_stops_counting_at_once_and_the_policy_is_signed_anew(team: Team) -> None:
    ada = team.signer("ada").keyid
    ran = team.run("bob", "trust", "revoke", "key", ada, team.folder, "--yes")
    assert ran.code == 0
    assert [each["kind"] for each in team.show()["pending"]] == ["policy", "state"]
    assert team.sign("cleo").code == 0  # bob's signature under the policy was kept
    shown = team.show()
    assert shown["state"]["revoked"]["keys"] == [ada]
    assert "REVOKED" in team.trust("bob", "show").out
    team.plant_state()
    ran = team.sign("ada")
    assert ran.code == 5
    assert "your key is revoked" in ran.out


def test_a_revocation_does_not_wait_for_the_policy(team: Team) -> None:
    """Of ada and bob, who signed the policy, the key of one was stolen and the other is away."""
    ada, bob = (team.signer(who).keyid for who in ("ada", "bob"))
    for keyid in (ada, bob):
        assert team.run("cleo", "trust", "revoke", "key", keyid, team.folder, "--yes").code == 0
    ran = team.sign("cleo")
    assert ran.code == 5
    assert set(team.state().revoked_keys) == {ada, bob}
    assert "missing 1 of: nobody is left: rotate somebody in" in ran.out
    assert team.trust("cleo", "show").code == 0


def test_more_is_revoked_while_something_waits(team: Team) -> None:
    team.edit("hubpolicy.toml", ("version = 1", "version = 2"))
    team.trust("ada", "policy")
    team.sign("ada")
    ran = team.run("ada", "trust", "revoke", "payload", "cd" * 32, team.folder, "--yes")
    assert ran.code == 0
    assert "1 signatures under what it said are gone" in ran.out
    assert team.sign("bob").code == 0
    state = team.state()
    assert state.policy_version == 2
    assert set(state.revoked_payloads) == {"cd" * 32}


def test_a_typo_revokes_no_key(team: Team) -> None:
    ran = team.run("ada", "trust", "revoke", "key", "ab" * 32, team.folder, "--yes")
    assert ran.code == 2
    assert "expected one that a root of this folder knows" in ran.err
    team.run("ada", "trust", "revoke", "file", "ab" * 32, team.folder, "--yes")
    team.sign("ada")
    again = team.run("ada", "trust", "revoke", "file", "ab" * 32, team.folder, "--yes")
    assert again.code == 2
    assert "revoked already" in again.err


def test_people_behind_certificates_are_shown_and_revoked_by_name(team: Team) -> None:
    (team.folder / "certificates").mkdir()
    (team.folder / "certificates" / "ca.pem").write_text(certificates.root().pem)
    need_package("sigstore")
    (team.folder / "trusted_root.json").write_text(Sigstore().trusted_root())
    more = """
[authorities.acme-ca]
certificate = "certificates/ca.pem"
members = { "email:rita@acme.example" = "rita" }
[[identities]]
issuer = "https://issuer.example"
identity = "https://example.org/workflow"
principal = "robot"
trusted_root = "trusted_root.json"
[time_authorities]
acme-tsa = "certificates/ca.pem"
"""
    path = team.folder / "root.toml"
    path.write_text(path.read_text() + more)
    assert team.trust("ada", "rotate").code == 0
    assert team.sign("ada", "bob").code == 0
    rita = name_id("email:rita@acme.example")
    shown = team.trust("ada", "show").out
    assert f"name {rita}  rita: email:rita@acme.example by acme-ca" in shown
    assert "robot: https://example.org/workflow of https://issuer.example" in shown
    assert "time authority acme-tsa" in shown
    root = team.show()["root"]
    assert root["authorities"][0]["members"][0]["keyid"] == rita
    assert root["identities"][0]["principal"] == "robot"
    assert team.run("ada", "trust", "revoke", "key", rita, team.folder, "--yes").code == 0
    assert team.sign("ada").code == 0
    assert (
        f"name {rita}  rita: email:rita@acme.example by acme-ca  REVOKED"
        in team.trust("ada", "show").out
    )


def test_a_revocation_asks_first(team: Team) -> None:
    before = contents(team.folder)
    ran = team.run("ada", "trust", "revoke", "file", "ab" * 32, team.folder, stdin="n\n")
    assert ran.code == 130
    assert "for ever?" in ran.err
    assert contents(team.folder) == before


def test_nothing_is_revoked_before_something_is_published(new: Team) -> None:
    ran = new.run("ada", "trust", "revoke", "file", "ab" * 32, new.folder, "--yes")
    assert ran.code == 2
    assert "nothing is published" in ran.err


def test_the_state_is_renewed_by_one_key_and_what_waits_goes_on(team: Team) -> None:
    team.edit("hubpolicy.toml", ("version = 1", "version = 2"))
    team.trust("ada", "policy")
    assert team.trust("cleo", "state renew", "--when-due").out.startswith("state 1: fresh")
    ran = team.trust("cleo", "state renew", "--days", "3")
    assert ran.code == 0
    assert "published  state.json" in ran.out
    assert (team.state().version, team.state().policy_version) == (2, 1)
    waiting = pending_file(team.folder, "state-3.json")
    assert not waiting.envelope.signatures
    assert team.sign("ada", "bob").code == 0
    assert (team.state().version, team.state().policy_version) == (3, 2)


def test_a_due_state_is_renewed(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    due = team.show()["state"]["half_life"]
    monkeypatch.setattr("hubpolicy.adapters.clock.SystemClock.now", lambda _: due)
    assert "past half of its life" in team.trust("ada", "show").out
    assert team.trust("cleo", "state renew", "--when-due").code == 0
    assert team.state().version == 2


def test_a_state_of_two_takes_both(tmp_path: Path) -> None:
    team = found_team(tmp_path, "--role=state=ada,bob:2")
    assert team.sign("ada", "bob").code == 0
    ran = team.trust("ada", "state renew")
    assert ran.code == 5
    assert "1 of 2 of role state (ada), missing 1 of: bob" in ran.out
    assert team.sign("bob").code == 0
    assert team.state().version == 2


def test_who_does_not_keep_the_state_does_not_renew_it(tmp_path: Path) -> None:
    team = found_team(tmp_path, "--role=state=ada:1")
    assert team.sign("bob", "ada").code == 0
    ran = team.trust("bob", "state renew")
    assert ran.code == 1
    assert "it takes role state: ada" in ran.err


def test_a_ceremony_that_took_too_long_goes_on(new: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    new.sign("ada")
    monkeypatch.setattr("hubpolicy.adapters.clock.SystemClock.now", lambda _: LATER)
    ran = new.sign("bob")
    assert ran.code == 2
    assert "hubpolicy trust state renew DIR" in ran.err
    assert new.trust("bob", "state renew").code == 5
    assert new.sign("bob").code == 0


@pytest.mark.parametrize("written", range(7))
def test_a_publishing_that_was_cut_short_is_ended_by_the_next(
    team: Team, tmp_path: Path, written: int
) -> None:
    """Ada and bob leave, so root, policy and state have to go together; stop after any file."""
    team.join("dora")
    shutil.copy(team.public_key("dora"), team.folder / "keys" / "dora.pub.pem")
    team.edit("root.toml", ('"ada" = ["keys/ada.pub.pem"]\n', '"dora" = ["keys/dora.pub.pem"]\n'),
              ('["ada", "bob", "cleo"]', '["cleo", "dora"]'),
              ('"bob" = ["keys/bob.pub.pem"]\n', ""))  # fmt: skip
    team.trust("bob", "rotate")
    team.sign("ada", "bob", "cleo")
    done = copied(team, tmp_path / "done")
    assert done.sign("dora").code == 0
    for each in team.value().pending:  # dora signs, and nothing is published yet
        (team.folder / each.path).write_bytes(pending_bytes(signed_by(each, team.signer("dora"))))
    places = {"policy-1": "policy/1.json", "root-2": "root/2.json", "state-2": "state.json"}
    steps = list(places.items()) + [(name, "") for name in places]
    for name, place in steps[:written]:
        pending = team.folder / "pending" / f"{name}.json"
        if place:
            (team.folder / place).write_bytes(pending.read_bytes())
        else:
            pending.unlink()
    assert team.trust("cleo", "show").code == 0
    assert team.sign("cleo").code == 0
    assert team.files() == done.files()
    shown = team.show()
    assert (shown["root"]["version"], shown["state"]["version"], shown["pending"]) == (2, 2, [])


@pytest.mark.parametrize("written", range(5))
def test_a_new_policy_that_was_cut_short_is_ended_by_the_next(team: Team, written: int) -> None:
    team.edit("hubpolicy.toml", ("version = 1", "version = 2"))
    team.trust("ada", "policy")
    for each in team.value().pending:
        for who in ("ada", "cleo"):
            pending = signed_by(pending_file(team.folder, each.path[8:]), team.signer(who))
            (team.folder / each.path).write_bytes(pending_bytes(pending))
    places = {"policy-2": "policy/2.json", "state-2": "state.json"}
    steps = list(places.items()) + [(name, "") for name in places]
    for name, place in steps[:written]:
        path = team.folder / "pending" / f"{name}.json"
        if place:
            (team.folder / place).write_bytes(path.read_bytes())
        else:
            path.unlink()
    assert team.trust("bob", "show").code == 0
    assert team.sign("bob").code == 0
    assert team.files() == {"root/1.json", "policy/1.json", "policy/2.json", "state.json"}
    assert team.show()["policy"]["version"] == team.state().policy_version == 2


# What consumers see --------------------------------------------------------------------------


def test_consumers_follow_what_the_team_publishes(team: Team, model: Path, tmp_path: Path) -> None:
    """Bob releases, dora only downloads; then a key is replaced, and the release revoked."""
    pin = team.show()["pin"]
    for who in ("bob", "dora"):
        assert team.run(who, "trust", "pin", team.folder, "--sha256", pin).code == 0

    def verified() -> tuple[int, set[str]]:
        ran = team.run("dora", "verify", model, "--repo", REPO, "--format", "json")
        return ran.code, ran.rules

    with patch.dict("os.environ", HOME=str(team.homes / "bob")):
        sign_run(model)
    assert team.run("bob", "attest", model, "--repo", REPO).code == 0
    assert verified() == (0, set())

    new = team.join("cleo-new")
    shutil.copy(team.public_key("cleo-new"), team.folder / "keys" / "cleo.pub.pem")
    team.trust("ada", "rotate")
    assert team.sign("ada", "bob").code == 0
    assert team.run("dora", "trust", "update").code == 0
    assert new in team.run("dora", "trust", "show").out
    assert verified() == (0, set())

    assert team.run("cleo-new", "trust", "revoke", "release", model, team.folder, "--yes").code == 0
    assert verified() == (0, set())  # prepared is not signed
    assert team.sign("cleo-new").code == 0
    assert team.run("dora", "trust", "update").code == 0
    code, rules = verified()
    assert code == 1
    assert {"HP702", "HP703"} <= rules


def test_the_gate_of_a_team_is_not_changed_behind_its_back(team: Team) -> None:
    assert team.run("bob", "trust", "pin", team.folder, "--sha256", team.show()["pin"]).code == 0
    ran = team.run("bob", "trust", "revoke", "file", "ab" * 32, "--yes")
    assert ran.code == 2
    assert "several people keep it" in ran.err


# A whole release -----------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["folder", "file"])
def test_a_release_is_revoked_by_its_own_evidence(home: Path, model: Path, form: str) -> None:
    released(model)
    path = model if form == "folder" else model / ".hubpolicy" / "release.intoto.jsonl"
    ran = run("trust", "revoke", "release", path, "--yes")
    assert ran.code == 0
    assert "model.safetensors" in ran.out
    assert "tokenizer.json" not in ran.out
    revoked = run("trust", "show", "--format", "json").document["state"]["revoked"]
    assert len(revoked["files"]) == 1
    assert len(revoked["payloads"]) == 3
    verified = run("verify", model, "--format", "json")
    assert verified.code == 1
    assert {"HP702", "HP703"} <= verified.rules
    assert run("trust", "revoke", "release", path, "--yes").code == 0  # it says so again


def test_what_somebody_else_signed_chooses_nothing_to_revoke(
    home: Path, model: Path, team: Team
) -> None:
    released(model)
    before = contents(team.folder)
    ran = team.run("ada", "trust", "revoke", "release", model, team.folder, "--yes")
    assert ran.code == 1
    assert "no line of evidence that holds" in ran.err
    assert contents(team.folder) == before
