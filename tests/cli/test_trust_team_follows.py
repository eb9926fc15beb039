# SPDX-License-Identifier: Apache-2.0
"""What does not follow in a trust folder, or does not hold together, is worked on by nobody."""

from __future__ import annotations

import json
import shutil
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.cli.team_world import LATER, Team, copied, found_team
from tests.cli.world import contents

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


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
    ends = datetime.fromisoformat(LATER) + timedelta(days=7)
    assert datetime.fromisoformat(team.state().expires) == ends
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
