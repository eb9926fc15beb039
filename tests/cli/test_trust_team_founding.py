# SPDX-License-Identifier: Apache-2.0
"""Three people, three machines, one trust folder: from nothing to a trust that others can pin."""

from __future__ import annotations

import json
import subprocess
import tomllib
from typing import TYPE_CHECKING

import pytest

from hubpolicy.core.documents import verify_policy, verify_trust
from tests.cli.team_world import Team, digest, found_team
from tests.cli.world import contents
from tests.oracles.tools import oracle_python

if TYPE_CHECKING:
    from pathlib import Path


# From nothing --------------------------------------------------------------------------------


def test_nobody_alone_publishes_and_two_of_three_do(new: Team) -> None:
    pending = {"pending/root-1.json", "pending/policy-1.json", "pending/state-1.json"}
    assert new.files() == pending
    shown = new.trust("cleo", "show")
    assert shown.code == 5
    assert "nothing is published yet" in shown.out
    first = new.sign("cleo")
    assert first.code == 5
    assert "1 of 2 of role root (cleo), missing 1 of: ada, bob" in first.out
    assert new.files() == pending
    second = new.sign("ada")
    assert second.code == 0
    assert new.files() == {"root/1.json", "policy/1.json", "state.json"}
    assert new.trust("bob", "show").code == 0
    assert new.sign("bob").out == "nothing is pending\n"


def test_what_is_published_holds_for_consumers_and_for_a_foreign_library(team: Team) -> None:
    root, policy, state = (
        (team.folder / name).read_bytes() for name in ("root/1.json", "policy/1.json", "state.json")
    )
    pin = team.show()["pin"]
    assert pin == digest(root)
    trust = verify_trust((root,), state, pin=pin, now="2026-11-23T00:00:00Z")
    assert verify_policy(policy, trust)
    assert {role.name for role in trust.root.roles} >= {"root", "policy", "state", "releaser"}
    assert not trust.root.solo


@pytest.mark.oracle
@pytest.mark.slow
def test_securesystemslib_counts_the_same_signatures(team: Team) -> None:
    keys = {team.signer(who).keyid: team.signer(who).public_pem for who in ("ada", "bob", "cleo")}
    names = ("root/1.json", "policy/1.json", "state.json")
    cases = [
        [json.loads((team.folder / name).read_bytes()), n] for name in names for n in (1, 2, 3)
    ]
    code = (
        "import json, sys\n"
        "from cryptography.hazmat.primitives.serialization import load_pem_public_key\n"
        "from securesystemslib.dsse import Envelope\n"
        "from securesystemslib.exceptions import VerificationError\n"
        "from securesystemslib.signer import SSlibKey\n"
        "keys, cases = json.load(sys.stdin)\n"
        "keys = [SSlibKey.from_crypto(load_pem_public_key(p.encode()), keyid=k) for k, p in keys.items()]\n"
        "for envelope, threshold in cases:\n"
        "    try:\n"
        "        print(len(Envelope.from_dict(envelope).verify(keys, threshold)))\n"
        "    except VerificationError:\n"
        "        print('refused')\n"
    )
    done = subprocess.run(
        [str(oracle_python()), "-c", code], input=json.dumps([keys, cases]),
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    assert done.stdout.split() == ["1", "2", "refused"] * 3


def test_the_sources_are_what_was_asked_for(tmp_path: Path) -> None:
    roles = (
        "--role=root=ada,bob,cleo:3",
        "--role=approver:safety=ada,cleo:2",
        "--role=state=bob:1",
    )
    team = found_team(tmp_path, *roles, "--expires", "2028-02-29", "--id", "acme/models")
    source = tomllib.loads((team.folder / "root.toml").read_text())
    assert source["roles"]["root"]["threshold"] == 3
    assert source["roles"]["approver"]["safety"] == {"principals": ["ada", "cleo"], "threshold": 2}
    assert source["roles"]["policy"]["threshold"] == 2
    policy = tomllib.loads((team.folder / "hubpolicy.toml").read_text())
    assert (policy["id"], policy["targets"]["namespaces"]) == ("acme/models", ["acme"])
    assert str(policy["expires"]) == str(source["expires"]) == "2028-02-29"
    assert team.sign("ada", "bob").code == 5
    assert team.sign("cleo").code == 0


def test_it_overwrites_nothing(new: Team) -> None:
    before = contents(new.folder)
    principals = [f"--principal={who}={new.public_key(who)}" for who in ("ada", "bob")]
    ran = new.run("ada", "trust", "init", "--team", new.folder, *principals)
    assert ran.code == 2
    assert "overwrites nothing" in ran.err
    assert contents(new.folder) == before


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "got 0 principals, expected two or more"),
        (["--principal=ada={ada}"], "got 1 principals, expected two or more"),
        (["--principal=ada={ada}", "--principal=bob={ada}"], "one key for ada and for bob"),
        (["--principal=ada={ada}", "--principal=ada={ada}", "--principal=bob={bob}"],
         "a key of ada twice"),
        (["--principal=ada={ada}", "--principal=bob={private}"], "got a private key"),
        (["--principal=ada={ada}", "--principal=bob=/no/such/file"], "there is no file"),
        (["--principal=ada={ada}", "--principal=b b={bob}"], "got principal 'b b'"),
        (["--principal=ada={ada}", "--principal=bob={bob}", "--role=root=ada,bob:0"],
         "got threshold 0 for role root"),
        (["--principal=ada={ada}", "--principal=bob={bob}", "--role=root=ada,bob:3"],
         "expected at most 2, one per person"),
        (["--principal=ada={ada}", "--principal=ada={cleo}", "--principal=bob={bob}",
          "--role=policy=ada:2"], "several keys of one person count once"),
        (["--principal=ada={ada}", "--principal=bob={bob}", "--role=root=ada,ada:2"],
         "one person counts once"),
        (["--principal=ada={ada}", "--principal=bob={bob}", "--role=root=ada,eve:2"],
         "no key for eve"),
        (["--principal=ada={ada}", "--principal=bob={bob}", "--role=king=ada:1"],
         "got role 'king'"),
        (["--principal=ada={ada}", "--principal=bob={bob}", "--role=root=ada"],
         "expected NAME,NAME:K"),
        (["--principal=ada={ada}", "--principal=bob={bob}", "--role=root=ada:1",
          "--role=root=bob:1"], "got --role root twice"),
        (["--principal=ada={ada}", "--principal=bob={bob}", "--expires=soon"], "soon"),
        (["--principal=ada={ada}", "--principal=bob={bob}", "--expires=2020-01-01"], "expired"),
        (["--principal=ada={ada}", "--principal=bob={bob}", "--plan=none"], "none"),
        (["--principal=ada={ada}", "--principal=bob={bob}", "--solo"], "--solo and --team"),
        (["--principal=ada={ada}", "--principal=bob={bob}", "--name=ada"], "got --name"),
    ],
)  # fmt: skip
def test_a_team_that_would_not_work_is_not_founded(
    new: Team, tmp_path: Path, options: list[str], said: str
) -> None:
    places = {who: new.public_key(who) for who in ("ada", "bob", "cleo")}
    private = places["bob"].with_name("solo.pem")
    asked = [option.format(**places, private=private) for option in options]
    ran = new.run("ada", "trust", "init", "--team", tmp_path / "other", *asked)
    assert ran.code == 2, ran
    assert said in ran.err
    assert not (tmp_path / "other").exists()


def test_an_approver_of_whom_the_policy_asks_nothing_is_named(tmp_path: Path) -> None:
    team = Team(tmp_path / "homes", tmp_path / "trust")
    for who in ("ada", "bob"):
        team.join(who)
    people = [f"--principal={who}={team.public_key(who)}" for who in ("ada", "bob")]
    ran = team.run("ada", "trust", "init", "--team", team.folder, "--namespace", "acme",
                   "--plan", "demo", *people, "--role=approver:safety=bob:1")  # fmt: skip
    assert ran.code == 0, ran
    assert "the policy asks for no approver:safety" in ran.out
    assert 'approver.safety = { threshold = 1, binds = "closure" } under [roles]' in ran.out


def test_solo_is_what_init_makes(tmp_path: Path) -> None:
    team = Team(tmp_path / "homes", tmp_path / "trust")
    ran = team.run("dora", "trust", "init", "--solo", "--name", "dora", "--no-passphrase",
                   "--model-kind", "base", "--plan", "demo", "--namespace", "acme")  # fmt: skip
    assert ran.code == 0
    shown = team.run("dora", "trust", "show", "--format", "json").document
    assert shown["root"]["solo"] is True
    assert shown["root"]["keys"][0]["principal"] == "dora"
    assert shown["policy"]["id"] == "dora/solo"
    assert team.run("dora", "trust", "init", "--solo", "--role", "root=a:1").code == 2


def test_a_key_is_made_once_and_says_where_it_is(tmp_path: Path) -> None:
    team = Team(tmp_path / "homes", tmp_path / "trust")
    keyid = team.join("dora")
    again = team.run("dora", "trust", "key", "--no-passphrase")
    assert again.code == 0
    assert "it was there already" in again.out
    assert keyid in again.out
    assert str(team.public_key("dora")) in again.out
    team.public_key("dora").unlink()
    team.run("dora", "trust", "key", "--no-passphrase")
    assert team.public_key("dora").read_text() == team.signer("dora").public_pem


def test_another_signer_prints_its_public_key_and_makes_none(tmp_path: Path) -> None:
    team = Team(tmp_path / "homes", tmp_path / "trust")
    team.join("ada")
    private = team.public_key("ada").with_name("solo.pem")
    ran = team.run("dora", "trust", "key", "--key", f"file:{private}")
    assert ran.code == 0
    assert ran.out == team.signer("ada").public_pem
    assert team.signer("ada").keyid in ran.err
    assert not team.public_key("dora").exists()
    assert team.run("dora", "trust", "key", "--key", "x:y").code == 1
    assert team.run("dora", "trust", "key", "--key", f"file:{private}", "--passphrase").code == 2
