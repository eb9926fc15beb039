# SPDX-License-Identifier: Apache-2.0
"""``hubpolicy trust pin`` and ``trust update``: from a folder, a web server and a hub."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest

from hubpolicy.adapters.home import user_home
from hubpolicy.adapters.trusted import open_trusted
from tests.cli.pin_world import memory, pin, state_version
from tests.cli.world import config, contents, run
from tests.flows.team_world import FAR, Team
from tests.golden.samples import sha, signer

ENDED = "2026-01-01T00:00:00Z"


@pytest.fixture
def team(tmp_path: Path) -> Team:
    return Team(tmp_path / "trust")


# A folder ------------------------------------------------------------------------------------


def test_a_pinned_team_is_what_judges(team: Team) -> None:
    ran = pin(team)
    assert ran.code == 0, ran.err
    assert "renewed by robot (role state)" in ran.out
    assert "trust update" in ran.out
    policy, trust, meta = open_trusted(user_home())
    assert (trust.root, trust.state) == (team.root, team.state)
    assert policy == team.policy
    assert meta.pin == team.digest
    assert "team" in run("trust", "show").out
    assert not config("hubpolicy.toml").exists()
    assert config("trust").stat().st_mode & 0o077 == 0


def test_what_stands_in_the_configuration_is_what_was_signed(team: Team) -> None:
    team.rotate()
    team.publish_state()
    assert pin(team).code == 0
    here, there = contents(config("trust")), contents(team.folder)
    for name in ("root/1.json", "root/2.json", "state.json"):
        assert here[name] == there[name]
    assert here["root.json"] == there["root/2.json"]
    assert here["policy.json"] == there["policy/1.json"]


def test_a_relative_path_is_found_from_anywhere(
    team: Team, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(team.folder.parent)
    assert pin(team, "trust").code == 0
    monkeypatch.chdir("/")
    assert run("trust", "update").code == 0


def test_update_says_what_changed_and_changes_nothing_twice(team: Team) -> None:
    pin(team)
    before = contents(config())
    same = run("trust", "update")
    assert (same.code, same.out) == (0, f"nothing new: state version 1, until {FAR}\n")
    assert contents(config()) == before
    team.rotate(expires="2099-06-01")
    team.publish_policy(version=2)
    team.publish_state(revoked_keys=frozenset({signer("lee").keyid}))
    ran = run("trust", "update")
    assert ran.code == 0
    assert ran.out.splitlines() == [
        "root   version 1 -> 2, until 2099-06-01",
        f"policy version 1 -> 2, until {team.policy.expires}",
        f"state  version 1 -> 2, until {FAR}",
        f"revoked key {signer('lee').keyid}",
    ]
    assert "nothing new" in run("trust", "update").out


def test_a_damaged_gate_is_compiled_anew(team: Team) -> None:
    pin(team)
    before = contents(config())
    for damage in (b"{", None):
        config("gate.json").unlink()
        if damage is not None:
            config("gate.json").write_bytes(damage)
        refused = run("trust", "show")
        assert (refused.code, "hint: hubpolicy trust update" in refused.err) == (2, True)
        assert run("trust", "update").code == 0
        assert contents(config()) == before


def test_the_same_pin_again_is_fine_and_another_place_for_it_too(
    team: Team, tmp_path: Path
) -> None:
    pin(team)
    assert pin(team).code == 0
    moved = team.folder.rename(tmp_path / "moved")
    assert run("trust", "update").code == 1
    assert pin(team, moved).code == 0
    assert run("trust", "update").code == 0


# What is refused -----------------------------------------------------------------------------


def typed(hint: str) -> str:
    """The command that a hint tells people to type."""
    return hint.split("hint: ", 1)[1].split("   ", maxsplit=1)[0]


def test_another_pin_is_not_replaced_and_what_to_type_works(team: Team, tmp_path: Path) -> None:
    pin(team)
    other = Team(tmp_path / "other")
    other.root = other.root._replace(expires="2097-01-01")
    other.publish_root(other.root, previous="", who=("olga", "omar"))
    before = contents(config())
    ran = pin(other)
    assert ran.code == 2
    assert team.digest in ran.err
    assert contents(config()) == before
    assert os.system(typed(ran.err)) == 0
    assert pin(other).code == 0


def test_a_trust_of_ones_own_is_not_replaced_and_the_key_stays(home: Path, team: Team) -> None:
    before = contents(config())
    ran = pin(team)
    assert (ran.code, contents(config())) == (2, before)
    assert os.system(typed(ran.err)) == 0
    assert pin(team).code == 0
    assert contents(config("keys")) == {
        name.removeprefix("keys/"): raw for name, raw in before.items() if name.startswith("keys/")
    }


def test_init_does_not_replace_a_pin_either(team: Team) -> None:
    pin(team)
    before = contents(config())
    ran = run("init", "--name", "eve", "--model-kind", "base", "--no-passphrase")
    assert (ran.code, contents(config())) == (2, before)


@pytest.mark.parametrize("digest", ["abc", "A" * 64, "", "g" * 64])
def test_a_digest_is_64_hex_digits(team: Team, digest: str) -> None:
    ran = run("trust", "pin", team.folder, "--sha256", digest)
    assert ran.code == 2
    assert "64 lower-case hex digits" in ran.err


def test_there_is_no_trust_on_first_use(team: Team) -> None:
    assert run("trust", "pin", team.folder).code == 2
    ran = pin(team, digest=sha("guess"))
    assert ran.code == 1
    assert "never take it from the source itself" in ran.err
    assert not config("gate.json").exists()
    assert not memory().exists()


@pytest.mark.parametrize(
    "source",
    [
        "http://trust.example.org/x",
        "http://192.168.0.1/x",
        "https://user:secret@trust.example.org/x",
        "https://trust.example.org/x?token=secret",
        "https:///x",
        "ftp://127.0.0.1/x",
        "file:///etc",
        "hf://models/acme/trust",
        "hf://datasets/acme",
        "hf://datasets/acme/a/b",
    ],
)
def test_places_that_are_no_source(team: Team, source: str) -> None:
    ran = pin(team, source)
    assert ran.code == 2
    assert "secret" not in ran.err
    assert not config("gate.json").exists()


def test_a_policy_file_of_ones_own_beside_a_pin_is_not_ignored_silently(team: Team) -> None:
    pin(team)
    config("hubpolicy.toml").write_text("# stricter, I hoped\n")
    ran = run("trust", "show")
    assert ran.code == 2
    assert "has no effect" in ran.err


# When it does not go well --------------------------------------------------------------------


def test_what_does_not_hold_leaves_the_old_trust_in_force(team: Team) -> None:
    pin(team)
    before = contents(config()), memory().read_bytes()
    team.publish_state(("ada",))
    ran = run("trust", "update")
    assert ran.code == 1
    assert f"State version 1 stays in force, until {FAR}." in ran.err
    assert (contents(config()), memory().read_bytes()) == before


def test_an_expired_state_is_not_taken_and_says_who_renews_it(team: Team) -> None:
    pin(team)
    team.publish_state(expires=ENDED)
    ran = run("trust", "update")
    assert ran.code == 2
    assert "trust state expired on" in ran.err
    assert "robot (role state): hubpolicy trust state renew" in ran.err
    assert state_version() == 1


def test_a_source_that_is_gone_is_exit_1_and_one_that_is_closed_exit_4(team: Team) -> None:
    pin(team)
    moved = team.folder.rename(team.folder.with_name("gone"))
    ran = run("trust", "update")
    assert ran.code == 1
    assert "stays in force" in ran.err
    moved.rename(team.folder)
    if os.getuid() != 0:  # root reads everything
        (team.folder / "state.json").chmod(0)
        assert run("trust", "update").code == 4


def test_what_is_no_file_is_not_waited_for(team: Team) -> None:
    pin(team)
    (team.folder / "state.json").unlink()
    os.mkfifo(team.folder / "state.json")
    ran = run("trust", "update")
    assert ran.code == 1
    assert "expected a file" in ran.err


def test_a_file_without_end_is_not_read(team: Team) -> None:
    pin(team)
    team.put("state.json", b"{" * (4 * 1024 * 1024 + 1))
    ran = run("trust", "update")
    assert ran.code == 1
    assert "expected at most 4194304" in ran.err


def test_what_is_in_force_is_said_when_nothing_or_something_ended(team: Team) -> None:
    pin(team)
    moved = team.folder.rename(team.folder.with_name("gone"))
    config("gate.json").write_bytes(b"{")
    assert "Nothing is in force, so every release is refused." in run("trust", "update").err
    moved.rename(team.folder)
    ends = team.publish_an_ending_state(lambda: run("trust", "update").code == 0)
    ran = run("trust", "update")
    assert ran.code == 2
    version = team.state.version
    assert f"State version {version} ended on {ends}: every release is refused." in ran.err


def test_yesterday_is_refused_even_after_the_configuration_was_deleted(team: Team) -> None:
    yesterday = (team.folder / "state.json").read_bytes()
    team.publish_state()
    pin(team)
    for path in (config("gate.json"), *config("trust").rglob("*.json")):
        path.unlink()
    team.put("state.json", yesterday)
    ran = pin(team)
    assert ran.code == 1
    assert "got version 1 of the trust state, expected at least 2, as seen before" in ran.err
    assert not config("gate.json").exists()
    memory().unlink()
    assert pin(team).code == 0


def test_a_damaged_memory_is_not_an_empty_one(team: Team) -> None:
    pin(team)
    memory().write_bytes(b"{}")
    for ran in (run("trust", "update"), pin(team)):
        assert ran.code == 2
        assert "trust-seen.json" in ran.err


def test_nobody_else_may_be_changing_it(team: Team) -> None:
    pin(team)
    with (Path(user_home().state) / "trust.lock").open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        ran = run("trust", "update")
    assert ran.code == 1
    assert "at this moment" in ran.err
    assert run("trust", "update").code == 0


def test_no_revocation_is_taken_back_and_what_was_in_force_stays(team: Team) -> None:
    team.publish_state(revoked_files=frozenset({sha("a model that was stolen")}))
    pin(team)
    gate = config("gate.json").read_bytes()
    team.publish_state(revoked_files=frozenset())
    for lost in ("nothing", "the memory", "the configuration"):
        if lost == "the memory":
            kept = memory().read_bytes()
            memory().unlink()
        ran = run("trust", "update") if lost != "the configuration" else pin(team)
        if lost == "the memory":
            memory().write_bytes(kept)
            config("gate.json").unlink()
        assert ran.code == 1
        assert "takes back 1 revocations that were seen before on this machine" in ran.err
    assert not config("gate.json").exists()
    team.publish_state(revoked_files=frozenset({sha("a model that was stolen"), sha("more")}))
    assert run("trust", "update").code == 0
    assert config("gate.json").read_bytes() != gate


def test_a_state_without_end_is_not_pinned(team: Team) -> None:
    team.publish_state(expires="9999-12-31T23:59:59Z")
    ran = pin(team)
    assert ran.code == 1
    assert "expected at most 31 days from" in ran.err
    assert not config("gate.json").exists()


def test_what_a_source_calls_itself_does_not_move_the_cursor(team: Team) -> None:
    odd = team.folder.rename(team.folder.with_name("trust\x1b[2J\x1b]0;pwned\x07"))
    ran = pin(team, odd)
    assert ran.code == 0
    assert "pinned  " in ran.out
    assert "\x1b" not in ran.out + ran.err


def test_without_a_pin_there_is_nothing_to_update(home: Path) -> None:
    ran = run("trust", "update")
    assert ran.code == 2
    assert "trust pin SOURCE --sha256 HEX" in ran.err


@pytest.mark.parametrize("raw", [b"{}", b"", b"[1]"])
def test_a_damaged_record_of_the_pin(team: Team, raw: bytes) -> None:
    pin(team)
    config("trust", "pin.json").write_bytes(raw)
    ran = run("trust", "update")
    assert ran.code == 2
    assert "pin.json" in ran.err
