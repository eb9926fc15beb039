# SPDX-License-Identifier: Apache-2.0
"""Three people, three machines, one trust folder: from nothing to a trust that others can pin."""

from __future__ import annotations

import json
import shutil
import subprocess
import tomllib
from typing import TYPE_CHECKING
from unittest.mock import patch

import pytest

from hubpolicy.core.documents import verify_policy, verify_trust
from hubpolicy.core.pending import pending_bytes, signed_by
from hubpolicy.domain.certified import name_id
from tests import certificates
from tests.cli.team_world import Team, digest, found_team, pending_file
from tests.cli.world import REPO, contents, released, run, sign_run
from tests.oracles.tools import need_package, oracle_python
from tests.transparency import Sigstore

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LATER = "2027-01-01T00:00:00Z"


@pytest.fixture(scope="session")
def unsigned(tmp_path_factory: pytest.TempPathFactory) -> Team:
    return found_team(tmp_path_factory.mktemp("unsigned"))


@pytest.fixture(scope="session")
def published(unsigned: Team, tmp_path_factory: pytest.TempPathFactory) -> Team:
    team = copied(unsigned, tmp_path_factory.mktemp("published"))
    assert team.sign("ada", "bob").code == 0
    return team


def copied(team: Team, base: Path) -> Team:
    shutil.copytree(team.homes, base / "homes")
    shutil.copytree(team.folder, base / "trust")
    return Team(base / "homes", base / "trust")


@pytest.fixture
def new(unsigned: Team, tmp_path: Path) -> Team:
    """Prepared, and signed by nobody."""
    return copied(unsigned, tmp_path)


@pytest.fixture
def team(published: Team, tmp_path: Path) -> Team:
    """Published by ada and bob: root and policy 2 of 3, state 1 of 3."""
    return copied(published, tmp_path)


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
    trust = verify_trust((root,), state, pin=pin, now=LATER.replace("2027-01-01", "2026-11-23"))
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


# What does not follow ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "code", "said"),
    [
        ({"version": 1}, 1, "got state version 1, expected 2"),
        ({"version": 3}, 1, "got state version 3, expected 2"),
        ({"policy_version": 9}, 1, "as version 9, expected one that is published or pending"),
        ({"policy_sha256": "ab" * 32}, 1, f"got policy {'ab' * 32} as version 1"),
        ({"expires": "2026-01-01T00:00:00Z"}, 2, "expired on 2026-01-01T00:00:00Z before"),
    ],
)
def test_a_state_that_does_not_follow_is_not_signed(
    team: Team, changes: dict[str, object], code: int, said: str
) -> None:
    team.plant_state("ada", **changes)
    before = contents(team.folder)
    ran = team.sign("bob")
    assert (ran.code, said in ran.err) == (code, True), ran
    assert contents(team.folder) == before


@pytest.mark.parametrize(
    ("changes", "code", "said"),
    [
        ({"version": 1}, 1, "got root version 1, expected 2: one at a time"),
        ({"version": 3}, 1, "got root version 3, expected 2: one at a time"),
        ({"previous": "ab" * 32}, 1, f"got a root after {'ab' * 32}"),
        ({"expires": "2026-01-01"}, 2, "expired on 2026-01-01 before"),
    ],
)
def test_a_root_that_does_not_follow_is_not_signed(
    team: Team, changes: dict[str, str], code: int, said: str
) -> None:
    team.plant_root("ada", "cleo", **changes)
    ran = team.sign("bob")
    assert (ran.code, said in ran.err) == (code, True), ran
    assert "root/2.json" not in team.files()


def test_a_state_that_takes_a_revocation_back_is_not_signed(team: Team) -> None:
    assert team.run("ada", "trust", "revoke", "file", "ab" * 32, team.folder, "--yes").code == 0
    assert team.sign("ada").code == 0
    assert team.show()["state"]["revoked"]["files"] == ["ab" * 32]
    team.plant_state("ada", revoked_files=frozenset())
    ran = team.sign("bob")
    assert ran.code == 1
    assert "none is ever taken back" in ran.err
    assert f"TAKES BACK file {'ab' * 32}" in team.trust("bob", "show").out


def test_an_expired_state_freezes_and_can_still_be_renewed(
    team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hubpolicy.adapters.clock.SystemClock.now", lambda _: LATER)
    shown = team.trust("ada", "show")
    assert shown.code == 2
    assert "EXPIRED" in shown.out
    assert "hubpolicy trust state renew" in shown.err
    assert team.show()["state"]["expired"] is True
    assert team.trust("cleo", "state renew").code == 0
    assert team.state().expires == "2027-01-08T00:00:00Z"
    assert team.trust("ada", "show").code == 0


def with_signatures(path: Path, count: int) -> None:
    document = json.loads(path.read_bytes())
    document["signatures"] = document["signatures"][:count]
    path.write_text(json.dumps(document))


def with_payload_of(path: Path, other: Path) -> None:
    document = json.loads(path.read_bytes())
    document["payload"] = json.loads(other.read_bytes())["payload"]
    path.write_text(json.dumps(document))


def linked(folder: Path) -> None:
    shutil.move(folder, folder.with_name("elsewhere"))
    folder.symlink_to("elsewhere")


def second_pending(team: Team) -> None:
    team.plant_state("ada")
    shutil.copy(team.folder / "pending/state-2.json", team.folder / "pending/state-3.json")


def odd_pending(team: Team) -> None:
    (team.folder / "pending").mkdir(exist_ok=True)
    (team.folder / "pending" / "king-1.json").write_text("{}")


def spoiled(team: Team, case: str) -> None:
    """Do something to the published documents."""
    root, policy, state = (team.folder / name for name in ("root", "policy/1.json", "state.json"))
    ways: dict[str, Callable[[], object]] = {
        "gap": lambda: shutil.copy(root / "1.json", root / "3.json"),
        "replay": lambda: shutil.copy(root / "1.json", root / "2.json"),
        "no root": (root / "1.json").unlink,
        "no policy": policy.unlink,
        "one signature": lambda: with_signatures(root / "1.json", 1),
        "other policy": lambda: with_payload_of(policy, state),
        "unsigned state": lambda: with_signatures(state, 0),
        "linked": lambda: linked(root),
        "two pending": lambda: second_pending(team),
        "odd pending": lambda: odd_pending(team),
    }
    ways[case]()


@pytest.mark.parametrize(
    ("case", "code", "said"),
    [
        ("gap", 2, "there is no root/2.json, and there is root/3.json"),
        ("replay", 1, "got version 1 after none, expected version 2"),
        ("no root", 2, "without root/1.json"),
        ("no policy", 2, "state.json names policy version 1, and there is no policy/1.json"),
        ("one signature", 1, "got 1 of 2 signatures of role root"),
        ("other policy", 1, "got policy"),
        ("unsigned state", 2, "at least one signature"),
        ("linked", 2, "is a symbolic link"),
        ("two pending", 2, "got state version 2, in pending/state-3.json"),
        ("odd pending", 2, "got pending/king-1.json"),
    ],
)
def test_a_folder_that_does_not_hold_together_is_worked_on_by_nobody(
    team: Team, case: str, code: int, said: str
) -> None:
    spoiled(team, case)
    before = contents(team.folder)
    for verb in ("show", "sign", "rotate", "state renew"):
        ran = team.trust("ada", verb)
        assert (ran.code, said in ran.err) == (code, True), (verb, ran)
    assert contents(team.folder) == before


def test_what_is_no_trust_folder(tmp_path: Path, team: Team) -> None:
    (tmp_path / "empty").mkdir()
    for verb in ("show", "sign", "rotate", "policy"):
        ran = team.run("ada", "trust", verb, tmp_path / "empty")
        assert ran.code == 2
        assert "expected a trust folder" in ran.err


def test_an_older_folder_than_this_machine_has_seen_is_not_signed(team: Team) -> None:
    old = contents(team.folder)
    team.trust("ada", "state renew")
    pin = team.show()["pin"]
    assert team.run("bob", "trust", "pin", team.folder, "--sha256", pin).code == 0
    (team.folder / "state.json").write_bytes(old["state.json"])
    team.plant_state("ada")
    ran = team.sign("bob")
    assert ran.code == 1
    assert "as seen before on this machine" in ran.err
    assert team.sign("cleo").code == 0  # who has not seen it cannot know


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


# Who writes into the folder chooses nothing of this machine ------------------------------------

KEYLESS = """
[[identities]]
issuer = "https://issuer.example"
identity = "https://example.org/workflow"
principal = "robot"
trusted_root = "{}"
"""


def with_identity(team: Team, path: str) -> None:
    source = team.folder / "root.toml"
    source.write_text(source.read_text() + KEYLESS.format(path))


@pytest.mark.parametrize("through", ["file", "folder", "dangling"])
def test_a_link_in_the_folder_gives_no_file_of_this_machine_away(team: Team, through: str) -> None:
    secret = team.public_key("ada").with_name("solo.pem")
    (team.folder / "sigstore").mkdir()
    name = {"folder": "sigstore/there/solo.pem"}.get(through, "sigstore/trusted_root.json")
    to = {"file": secret, "folder": secret.parent, "dangling": secret.with_name("none")}[through]
    place = "there" if through == "folder" else "trusted_root.json"
    (team.folder / "sigstore" / place).symlink_to(to)
    with_identity(team, name)
    ran = team.trust("ada", "rotate")
    assert (ran.code, "is a symbolic link" in ran.err) == (2, True), ran
    assert "pending/root-2.json" not in team.files()
    body = secret.read_text().splitlines()[1]
    assert body not in ran.out + ran.err


@pytest.mark.parametrize("name", ["root.toml", "hubpolicy.toml", "keys/ada.pub.pem", "state.json"])
def test_no_document_is_read_through_a_link(team: Team, tmp_path: Path, name: str) -> None:
    (team.folder / name).rename(tmp_path / "moved")
    (team.folder / name).symlink_to(tmp_path / "moved")
    before = team.files()
    ran = team.trust("ada", "policy" if name == "hubpolicy.toml" else "rotate")
    assert (ran.code, "is a symbolic link" in ran.err) == (2, True), ran
    assert team.files() == before


def test_a_private_key_is_never_copied_into_a_root(team: Team) -> None:
    """Somebody put it there by mistake: no link is needed for that."""
    secret = team.public_key("ada").with_name("solo.pem")
    shutil.copy(secret, team.folder / "keys" / "trusted_root.json")
    with_identity(team, "keys/trusted_root.json")
    ran = team.trust("ada", "rotate")
    assert (ran.code, "got a private key" in ran.err) == (2, True), ran
    assert "pending/root-2.json" not in team.files()


def test_what_nobody_could_verify_with_is_not_pinned(team: Team) -> None:
    need_package("sigstore")
    text = Sigstore().trusted_root()
    (team.folder / "trusted_root.json").write_text(text.replace('"tlogs"', '"clogs"'))
    with_identity(team, "trusted_root.json")
    ran = team.trust("ada", "rotate")
    assert (ran.code, "no Sigstore trusted root" in ran.err) == (1, True), ran
    (team.folder / "trusted_root.json").write_text(text)
    assert team.trust("ada", "rotate").code == 0


# What nobody was shown -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def state_of_two(tmp_path_factory: pytest.TempPathFactory) -> Team:
    team = found_team(tmp_path_factory.mktemp("two"), "--role=state=ada,bob,cleo:2")
    assert team.sign("ada", "bob").code == 0
    return team


def test_a_renewal_signs_no_revocation_that_waits(state_of_two: Team, tmp_path: Path) -> None:
    team = copied(state_of_two, tmp_path)
    planted = team.plant_state(revoked_keys=frozenset({team.signer("bob").keyid}))
    before = contents(team.folder)
    ran = team.trust("ada", "state renew")
    assert ran.code == 2
    assert "says more than a renewal" in ran.err
    assert "hubpolicy trust sign DIR" in ran.err
    assert contents(team.folder) == before
    assert not planted.envelope.signatures
