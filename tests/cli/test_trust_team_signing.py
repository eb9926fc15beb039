# SPDX-License-Identifier: Apache-2.0
"""Who signs what in a trust folder: each document, once a person, by a key that a root knows."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

from tests import certificates
from tests.cli.team_world import Team, copied
from tests.cli.world import contents

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


# Signing -------------------------------------------------------------------------------------


def test_it_asks_for_each_document_and_signs_only_what_was_agreed_to(new: Team) -> None:
    ran = new.run("ada", "trust", "sign", new.folder, stdin="y\nn\ny\n")
    assert ran.code == 5
    assert "sign root 1 as ada?" in ran.err
    signed = {each["kind"]: each["signatures"][0]["signed"] for each in new.show()["pending"]}
    assert signed == {"root": ["ada"], "policy": [], "state": ["ada"]}


def test_signing_twice_is_said_and_changes_nothing(new: Team) -> None:
    new.sign("ada")
    before = contents(new.folder)
    ran = new.sign("ada")
    assert ran.code == 5
    assert ran.out.count("not signed by you: you have signed it") == 3
    assert contents(new.folder) == before


def test_who_is_no_principal_has_the_wrong_key(new: Team) -> None:
    new.join("eve")
    before = contents(new.folder)
    ran = new.sign("eve")
    assert ran.code == 4
    assert "which no root of" in ran.err
    assert contents(new.folder) == before


def test_two_keys_of_one_person_are_one_signature(tmp_path: Path, unsigned: Team) -> None:
    team = copied(unsigned, tmp_path)
    shutil.rmtree(team.folder)
    principals = [("ada", "ada"), ("ada", "bob"), ("cleo", "cleo")]
    named = [f"--principal={who}={team.public_key(key)}" for who, key in principals]
    assert (
        team.run("ada", "trust", "init", "--team", team.folder, "--plan", "demo", *named).code == 0
    )
    assert team.sign("ada").code == 5
    ran = team.sign("bob")  # the second key of ada
    assert ran.code == 5
    assert "ada has signed it with another key: one person counts once" in ran.out
    assert "1 of 2 of role root (ada)" in ran.out
    assert team.sign("cleo").code == 0


def test_a_second_signature_planted_by_the_same_person_does_not_count(team: Team) -> None:
    state = team.show()["state"]["version"]
    root = team.root()
    roles = tuple(r._replace(threshold=2) if r.name == "state" else r for r in root.roles)
    team.plant_root("ada", roles=roles)
    assert team.trust("ada", "sign", "--yes").code == 5
    assert team.show()["state"]["version"] == state


def test_a_foreign_signature_is_refused(team: Team) -> None:
    team.join("eve")
    pending = team.plant_state("ada", "eve")
    before = contents(team.folder)
    ran = team.sign("bob")
    assert ran.code == 1
    assert "which the root does not know" in ran.err
    assert pending.path in ran.err
    assert contents(team.folder) == before


def test_a_signature_that_does_not_hold_is_refused(team: Team) -> None:
    pending = team.plant_state("ada")
    path = team.folder / pending.path
    document = json.loads(path.read_bytes())
    other = team.plant_state("ada", expires="2026-12-24T00:00:00Z")
    document["signatures"][0]["sig"] = json.loads(path.read_bytes())["signatures"][0]["sig"]
    assert other.version == pending.version
    path.write_text(json.dumps(document))
    ran = team.sign("bob")
    assert ran.code == 1
    assert "the signature of ada does not hold" in ran.err


def test_hostile_text_in_a_pending_document_reaches_no_terminal(team: Team) -> None:
    """People have plain names; what an authority is called is free text."""
    evil = "eve\x1b[2J\u202e"
    team.plant_root(authorities=(certificates.authority("rita")._replace(name=evil),))
    for ran in (team.trust("ada", "show"), team.trust("ada", "sign", "--yes")):
        assert "\\x1b[2J" in ran.out
        assert "\x1b" not in ran.out
        assert "\u202e" not in ran.out


def test_who_signed_at_the_same_time_puts_it_together(new: Team, tmp_path: Path) -> None:
    clone = copied(new, tmp_path / "clone")
    assert new.sign("ada").code == 5
    assert clone.sign("bob").code == 5
    ran = new.trust("ada", "sign", "--yes", "--from", clone.folder)
    assert ran.code == 0, ran
    assert new.show()["state"]["version"] == 1


def test_of_two_who_sign_at_once_in_one_folder_none_is_lost(
    new: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bob signs everything while ada reads: her signature is refused, and his is kept."""
    asked: list[str] = []

    def ask(text: str, **_options: object) -> bool:
        if not asked:
            assert new.sign("bob").code == 5
        asked.append(text)
        return True

    monkeypatch.setattr("click.confirm", ask)
    ran = new.trust("ada", "sign")
    assert (ran.code, "changed meanwhile, and nothing was written" in ran.err) == (2, True), ran
    signed = [each["signatures"][0]["signed"] for each in new.show()["pending"]]
    assert signed == [["bob"], ["bob"], ["bob"]]
    assert new.sign("ada").code == 0


def test_only_signatures_of_the_same_document_are_taken(team: Team, tmp_path: Path) -> None:
    clone = copied(team, tmp_path / "clone")
    roles = tuple(r._replace(threshold=2) if r.name == "state" else r for r in team.root().roles)
    team.plant_root("ada", roles=roles)
    clone.plant_root("bob", roles=roles, expires="2028-01-01")
    assert team.trust("ada", "sign", "--yes", "--from", clone.folder).code == 5
    (clone.folder / "pending/root-2.json").unlink()
    clone.join("eve")
    clone.plant_root("eve", roles=roles)
    before = contents(team.folder)
    ran = team.trust("ada", "sign", "--yes", "--from", clone.folder)
    assert ran.code == 1
    assert "which the root does not know" in ran.err
    assert contents(team.folder) == before
