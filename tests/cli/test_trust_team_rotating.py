# SPDX-License-Identifier: Apache-2.0
"""The next root of a team: under both thresholds, one at a time, and whom it must have."""

from __future__ import annotations

import shutil

import pytest

from tests.cli.team_world import Team, pending_file
from tests.cli.world import contents

# Rotating ------------------------------------------------------------------------------------


def test_a_key_is_replaced_under_both_thresholds(team: Team) -> None:
    old = team.signer("cleo").keyid
    new = team.join("cleo-new")
    shutil.copy(team.public_key("cleo-new"), team.folder / "keys" / "cleo.pub.pem")
    ran = team.trust("bob", "rotate")
    assert ran.code == 0
    assert f"key removed: cleo  {old}" in ran.out
    assert f"key added: cleo  {new}" in ran.out
    waits = team.sign("cleo-new")
    assert waits.code == 5
    assert "0 of 2 of role root under root 1 (nobody)" in waits.out
    assert "1 of 2 of role root under root 2 (cleo)" in waits.out
    assert team.sign("ada").code == 5  # enough for the new root, one too few for the old one
    assert team.sign("bob").code == 0
    assert team.root(2).version == 2
    assert team.root(2).key(old) is None
    shown = team.show()
    assert shown["pin"] == team.root(1).sha256
    assert shown["root"]["version"] == 2
    assert team.sign("cleo").out == "nothing is pending\n"


def test_a_root_waits_for_what_must_be_signed_anew_under_it(team: Team) -> None:
    """The state was signed by ada and the policy by ada and bob; both leave."""
    team.join("dora")
    shutil.copy(team.public_key("dora"), team.folder / "keys" / "dora.pub.pem")
    changes = [('"ada" = ["keys/ada.pub.pem"]\n', '"dora" = ["keys/dora.pub.pem"]\n'),
               ('["ada", "bob", "cleo"]', '["cleo", "dora"]'),
               ('"bob" = ["keys/bob.pub.pem"]\n', "")]  # fmt: skip
    team.edit("root.toml", *changes)
    assert team.trust("bob", "rotate").code == 0
    kinds = [each["kind"] for each in team.show()["pending"]]
    assert kinds == ["root", "policy", "state"]
    before = team.files()
    ran = team.sign("ada", "bob")
    assert ran.code == 5
    assert team.files() == before
    assert team.sign("cleo").code == 5
    assert team.sign("dora").code == 0
    shown = team.show()
    assert (shown["root"]["version"], shown["policy"]["version"]) == (2, 1)
    assert shown["state"]["version"] == 2
    assert shown["pending"] == []
    assert team.trust("cleo", "state renew").code == 0
    assert team.trust("ada", "state renew").code == 1


def test_one_rotation_at_a_time(team: Team) -> None:
    team.edit("root.toml", ("expires = 20", "expires = 21"))
    assert team.trust("ada", "rotate").code == 0
    team.edit("root.toml", ("expires = 21", "expires = 22"))
    ran = team.trust("ada", "rotate")
    assert ran.code == 2
    assert "root 2 is pending, and there is one at a time" in ran.err
    assert "pending/root-2.json" in ran.err
    (team.folder / "pending/root-2.json").unlink()
    assert team.trust("ada", "rotate").code == 0
    assert pending_file(team.folder, "root-2.json").version == 2


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ([], "root.toml says what root 1 says"),
        ([("threshold = 2", "threshold = 0")], "got threshold 0 for role root"),
        ([("threshold = 2", "threshold = 4")], "expected at most 3, one per person"),
        ([('root = { principals = ["ada", "bob", "cleo"]', 'root = { principals = ["ada"]'),
          ('"ada" = ["keys/ada.pub.pem"]', '"ada" = ["keys/ada.pub.pem", "keys/cleo.pub.pem"]'),
          ('"cleo" = ["keys/cleo.pub.pem"]\n', ""),
          ('["ada", "bob", "cleo"]', '["ada", "bob"]')], "several keys of one person count once"),
        ([('["keys/bob.pub.pem"]', '["keys/ada.pub.pem"]')], "one key for ada and for bob"),
        ([('["ada", "bob", "cleo"]', '["ada", "bob", "eve"]')], "no key for eve"),
        ([("releaser =", "#")], "got no role releaser"),
        ([("expires = 20", "expires = 19")], "expired"),
        ([("keys/ada.pub.pem", "../keys/ada.pub.pem")], "expected a path below the trust folder"),
        ([("keys/ada.pub.pem", "keys/none.pem")], "there is no file"),
        ([("schema", "[schema")], "expected TOML"),
    ],
)  # fmt: skip
def test_a_root_that_would_not_work_is_not_prepared(
    team: Team, changes: list[tuple[str, str]], said: str
) -> None:
    team.edit("root.toml", *changes)
    before = contents(team.folder)
    ran = team.trust("ada", "rotate")
    assert ran.code == 2, ran
    assert said in ran.err
    assert contents(team.folder) == before


def test_the_root_must_have_whom_the_policy_asks_for(team: Team) -> None:
    old = "checker = { threshold = 1 }"
    asks = (old, f'{old}\napprover.ethics = {{ threshold = 2, binds = "manifest" }}')
    team.edit("hubpolicy.toml", ("version = 1", "version = 2"), asks)
    ran = team.trust("ada", "policy")
    assert ran.code == 2
    assert "asks for 2 of role approver:ethics, and the root gives it to nobody" in ran.err
