# SPDX-License-Identifier: Apache-2.0
"""What a team's state asks for besides revocations: a later hubpolicy, and when old policies end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest

from hubpolicy import __version__
from tests.cli.team_world import Team, found_team
from tests.cli.world import REPO, add_to_policy, contents, released, run, sign_run

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.world import Ran

TODAY = datetime.now(tz=UTC).date()
SOON = str(TODAY + timedelta(days=30))
SOONER = str(TODAY + timedelta(days=9))
OVER = str(TODAY - timedelta(days=1))


def pinned(team: Team, *people: str) -> None:
    for who in people:
        ran = team.run(who, "trust", "pin", team.folder, "--sha256", team.show()["pin"])
        assert ran.code == 0, ran


def next_policy(team: Team, version: int, *options: str) -> Ran:
    team.edit("hubpolicy.toml", (f"version = {version - 1}", f"version = {version}"))
    return team.trust("ada", "policy", *options)


def set_state(team: Team, *options: str) -> Ran:
    return team.trust("ada", "state set", *options)


def older(team: Team) -> list[tuple[int, str]]:
    return [(each["version"], each["until"]) for each in team.show()["state"]["older_policies"]]


# Older policies ------------------------------------------------------------------------------


def test_releases_under_the_policy_before_have_their_time(team: Team, model: Path) -> None:
    """Bob releases, dora only downloads. The policy changes, and later the time is over."""
    pinned(team, "bob", "dora")
    with patch.dict("os.environ", HOME=str(team.homes / "bob")):
        sign_run(model)
    assert team.run("bob", "attest", model, "--repo", REPO).code == 0

    def verified() -> tuple[int, set[str]]:
        ran = team.run("dora", "verify", model, "--repo", REPO, "--format", "json")
        return ran.code, ran.rules

    ran = next_policy(team, 2, "--older-until", SOON)
    assert ran.code == 0, ran
    assert f"count until: {SOON}" in ran.out
    assert team.sign("ada", "bob").code == 0
    updated = team.run("dora", "trust", "update")
    assert f"policy  version 1 counts for release lines until {SOON}" in updated.out
    assert verified() == (0, set())
    assert team.run("bob", "trust", "update").code == 0
    assert team.run("bob", "attest", model, "--repo", REPO).code == 0  # while there is time
    signed = contents(model)
    assert verified() == (0, set())
    assert team.run("bob", "attest", model, "--repo", REPO).code == 0
    assert contents(model) == signed

    next_policy(team, 3, "--older-until", SOONER)
    assert team.sign("ada", "bob").code == 0
    assert older(team) == [(1, SOON), (2, SOONER)]
    assert set_state(team, "--older-until", OVER).code == 0
    assert team.sign("cleo").code == 0
    assert older(team) == []
    assert team.run("dora", "trust", "update").code == 0
    assert verified() == (1, {"HP309"})


def test_what_counts_is_kept_by_everything_and_ends_earlier_only(team: Team) -> None:
    next_policy(team, 2, "--older-until", SOON)
    assert set_state(team, "--minimum-version", "0.1.0").code == 0  # on top of what waits
    assert team.sign("ada", "bob").code == 0

    def stands() -> tuple[list[tuple[int, str]], str]:
        return older(team), team.show()["state"]["minimum_version"]

    assert stands() == ([(1, SOON)], "0.1.0")
    shown = team.trust("ada", "show").out
    assert "least hubpolicy version 0.1.0" in shown
    assert f"(version 1) counts until {SOON}" in shown
    assert team.trust("cleo", "state renew").code == 0
    assert team.run("cleo", "trust", "revoke", "file", "ab" * 32, team.folder, "--yes").code == 0
    assert team.sign("cleo").code == 0
    assert stands() == ([(1, SOON)], "0.1.0")
    assert set_state(team, "--older-until", SOONER).code == 0
    assert team.sign("cleo").code == 0
    assert stands() == ([(1, SOONER)], "0.1.0")
    assert "nothing changed" in set_state(team, "--older-until", SOON).err
    was = team.state().older_policies
    team.plant_state("ada", older_policies=(was[0]._replace(until=SOON),))
    ran = team.sign("ada")
    assert (ran.code, f"policy version 1 counting until {SOON}" in ran.err) == (1, True)
    next_policy(team, 3)
    assert team.sign("ada", "bob").code == 0
    assert stands() == ([(1, SOONER)], "0.1.0")


def test_time_can_be_given_until_the_policy_is_published_and_not_after(team: Team) -> None:
    ran = next_policy(team, 2)
    assert "releases under policy 1" in ran.out
    assert "count no more" in ran.out
    assert f"hubpolicy trust policy {team.folder} --older-until DATE" in ran.out
    assert team.sign("ada").code == 5
    ran = team.trust("ada", "policy", "--older-until", SOON)
    assert f"count until: {SOON}" in ran.out
    assert "pending/state-2.json was changed: 1 signatures" in ran.out
    assert "--older-until DATE" not in ran.out
    assert team.trust("ada", "policy", "--older-until", SOONER).code == 0  # still ours to say
    (policy, _) = team.show()["pending"]
    assert policy["signatures"][0]["signed"] == ["ada"]  # nothing changed in it
    assert "pending already" in team.trust("ada", "policy").err
    assert team.sign("ada", "bob").code == 0
    assert older(team) == [(1, SOONER)]
    ran = team.trust("ada", "policy", "--older-until", SOON)
    assert (ran.code, "nothing changed" in ran.err) == (2, True)


def test_the_first_policy_and_one_that_is_signed_anew_follow_no_older_one(
    team: Team, tmp_path: Path
) -> None:
    new = found_team(tmp_path / "new")
    ran = new.trust("ada", "policy", "--older-until", SOON)
    assert (ran.code, "no policy is published yet" in ran.err) == (2, True), ran
    revoked = team.signer("ada").keyid
    assert team.run("bob", "trust", "revoke", "key", revoked, team.folder, "--yes").code == 0
    ran = team.trust("bob", "policy", "--older-until", SOON)
    assert (ran.code, "pending already" in ran.err) == (2, True), ran


@pytest.mark.parametrize(
    ("day", "said"),
    [
        (OVER, f"expected a day from {TODAY}"),
        ("2099-01-01", f"expected a day from {TODAY}"),  # after the policy itself
        ("tomorrow", "got --older-until 'tomorrow'"),
        ("2026-11-31", "got --older-until '2026-11-31'"),
    ],
)
def test_a_day_on_which_no_older_policy_could_count(team: Team, day: str, said: str) -> None:
    before = contents(team.folder)
    ran = next_policy(team, 2, "--older-until", day)
    assert (ran.code, said in ran.err) == (2, True), ran
    team.edit("hubpolicy.toml", ("version = 2", "version = 1"))
    assert contents(team.folder) == before


# Least version -------------------------------------------------------------------------------


def test_a_least_version_goes_up_and_never_down(team: Team) -> None:
    assert team.show()["state"]["minimum_version"] is None
    ran = set_state(team, "--minimum-version", "0.0.9")
    assert "least hubpolicy version: none -> 0.0.9" in ran.out
    assert team.sign("ada").code == 0
    assert set_state(team, "--minimum-version", "0.1.0").code == 0
    assert "least hubpolicy version: 0.0.9 -> 0.1.0" in team.trust("bob", "sign", "--yes").out
    assert team.show()["state"]["minimum_version"] == "0.1.0"
    for lower in ("0.0.9", ""):
        team.plant_state("ada", minimum_version=lower)
        ran = team.sign("ada")
        assert ran.code == 1
        assert f"got {lower or 'none'} as the least hubpolicy version" in ran.err
        assert team.trust("ada", "state renew").code == 0
        assert not team.value().pending
    assert team.show()["state"]["minimum_version"] == "0.1.0"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "got neither --minimum-version nor --older-until"),
        (("--minimum-version", "99.0.0"), f"and this is hubpolicy {__version__}"),
        (("--minimum-version", "0.0.1"), "0.0.2 is asked for: it never goes down"),
        (("--minimum-version", "0.0.2"), "nothing changed"),
        (("--minimum-version", "1"), "expected a version like 1.2.0"),
        (("--minimum-version", "v0.1.0"), "expected a version like 1.2.0"),
        (("--minimum-version", "0.1.0rc1"), "expected a version like 1.2.0"),
        (("--older-until", "soon"), "expected a date"),
        (("--older-until", SOON), "nothing changed"),
    ],
)
def test_what_makes_no_sense_is_not_prepared(
    team: Team, options: tuple[str, ...], said: str
) -> None:
    assert set_state(team, "--minimum-version", "0.0.2").code == 0
    assert team.sign("ada").code == 0
    before = contents(team.folder)
    ran = set_state(team, *options)
    assert (ran.code, said in ran.err, ran.out) == (2, True, ""), ran
    assert contents(team.folder) == before


def test_one_person_asks_for_a_version_in_a_trust_of_their_own(home: Path) -> None:
    def least() -> str | None:
        found: str | None = shown()["state"]["minimum_version"]
        return found

    def shown() -> dict[str, Any]:
        return run("trust", "show", "--format", "json").document

    before = shown()["state"]["version"]
    for typed, code, said, stands in (
        ((), 2, "got neither --minimum-version", None),
        (("--minimum-version", "99.0.0"), 2, f"and this is hubpolicy {__version__}", None),
        (("--minimum-version", "0.0.2"), 0, "least hubpolicy version: 0.0.2", "0.0.2"),
        (("--minimum-version", "0.0.1"), 2, "it never goes down", "0.0.2"),
        (("--minimum-version", "0.0.2"), 2, "nothing changed", "0.0.2"),
    ):
        ran = run("trust", "state", "set", *typed)
        assert (ran.code, said in ran.out + ran.err, least()) == (code, True, stands), ran
    assert shown()["state"]["version"] == before + 1
    assert run("policy", "sign").code == 0
    assert least() == "0.0.2", "what signs the state next keeps it"


def test_what_is_a_teams_is_asked_in_its_folder(team: Team) -> None:
    pinned(team, "ada")
    ran = team.run("ada", "trust", "state", "set", "--minimum-version", "0.0.2")
    assert (ran.code, "is a team's" in ran.err, "set DIR" in ran.err) == (2, True, True), ran


@pytest.mark.parametrize(
    ("verb", "options"),
    [
        (("state", "set"), ("--minimum-version", "0.0.2")),
        (("revoke", "file", "ab" * 32), ("--yes",)),
    ],
)
def test_a_key_for_what_is_only_prepared_is_refused_and_not_ignored(
    team: Team, verb: tuple[str, ...], options: tuple[str, ...]
) -> None:
    """Whoever names a key believes that it signs; ``HUBPOLICY_KEY`` stands there for everything."""
    key = f"file:{team.public_key('bob').with_name('solo.pem')}"
    before = contents(team.folder)
    ran = team.run("ada", "trust", *verb, team.folder, *options, "--key", key)
    assert (ran.code, ran.out) == (2, ""), ran
    assert "nobody signs it yet" in ran.err
    assert f"hubpolicy trust sign {team.folder} --key {key}" in ran.err
    assert contents(team.folder) == before
    ran = team.run("ada", "trust", *verb, team.folder, *options, HUBPOLICY_KEY=key)
    assert ran.code == 0, ran
    (pending,) = team.value().pending
    assert not pending.envelope.signatures
    said = team.run("ada", "trust", "sign", team.folder, "--yes", "--key", key)
    assert (said.code, "signed as bob" in said.out) == (0, True), said


def test_a_hubpolicy_that_is_too_old_judges_nothing_and_says_what_to_do(
    team: Team, model: Path
) -> None:
    pinned(team, "bob")
    with patch.dict("os.environ", HOME=str(team.homes / "bob")):
        sign_run(model)
    assert team.run("bob", "attest", model, "--repo", REPO).code == 0
    assert team.run("bob", "verify", model, "--repo", REPO).code == 0
    team.plant_state(minimum_version="99.1.0")  # somebody else's hubpolicy made it
    signed = team.sign("ada")
    assert "would judge no more; it never goes back" in signed.out
    updated = team.run("bob", "trust", "update")
    assert updated.code == 0
    assert "needs   hubpolicy 99.1.0 or later; this one is older" in updated.out
    for arguments in (
        ("verify", model, "--repo", REPO),
        ("attest", model, "--repo", REPO),
        ("approvals", model),
        ("approve", model, "--as", "safety", "--yes"),
        ("waive", "HP110", model, "--until", SOON, "--reason", "why not", "--yes"),
    ):
        ran = team.run("bob", *arguments)
        assert ran.code == 2, (arguments, ran)
        assert f"this is hubpolicy {__version__}, and trust state 2 asks for 99.1.0" in ran.err
        assert "pip install --upgrade 'hubpolicy>=99.1.0'" in ran.err
    looked = team.run("bob", "doctor", "--offline")
    assert "HP903" in looked.out
    assert "asks for 99.1.0 or later" in looked.out
    assert team.run("bob", "trust", "show").code == 0  # what says so can be read


# One person ----------------------------------------------------------------------------------


def test_one_person_gives_their_releases_time_too(home: Path, model: Path) -> None:
    released(model)
    add_to_policy("version = 2", old="version = 1")
    ran = run("policy", "sign", "--older-until", SOON)
    assert (ran.code, f"need a new release line after {SOON}" in ran.out) == (0, True), ran
    assert run("verify", model, "--repo", REPO).code == 0
    assert f"(version 1) counts until {SOON}" in run("trust", "show").out
    assert run("trust", "revoke", "file", "ab" * 32, "--yes").code == 0
    assert f"(version 1) counts until {SOON}" in run("trust", "show").out
    ran = run("policy", "sign", "--older-until", SOON)
    assert (ran.code, "follows no older one" in ran.err) == (2, True), ran
    add_to_policy("version = 3", old="version = 2")
    assert run("policy", "sign").code == 0
    assert run("verify", model, "--repo", REPO).code == 0  # its own time is not over
