# SPDX-License-Identifier: Apache-2.0
"""Mode observe at the command line: signed with an end, and nothing passes under it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hubpolicy.core.line_files import RELEASE_FILE
from tests.cli.team_world import found_team
from tests.cli.world import REPO, config, contents, observing, released, run, sign_run

if TYPE_CHECKING:
    from pathlib import Path


def observe(*, days: int = 30) -> None:
    """Sign the policy in mode observe."""
    path = config("hubpolicy.toml")
    path.write_text(observing(path.read_text(), days=days))
    ran = run("policy", "sign")
    assert ran.code == 0, ran


@pytest.mark.parametrize("days", [-1, 91, 4000])
def test_an_end_that_has_passed_or_is_too_far_ahead_is_not_signed(home: Path, days: int) -> None:
    path = config("hubpolicy.toml")
    path.write_text(observing(path.read_text(), days=days))
    before = contents(config())
    for arguments in (("policy", "check"), ("policy", "sign")):
        ran = run(*arguments)
        assert ran.code == 2
        assert "observe_until" in ran.err
    assert contents(config()) == before


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('mode = "enforce"', 'mode = "observe"', "'observe_until' is a required property"),
        ('mode = "enforce"', 'mode = "enforce"\nobserve_until = 2026-12-24', "of no other mode"),
        ('mode = "enforce"', "observe_until = 2026-12-24", "of no other mode"),
        ('mode = "enforce"', 'mode = "observe"\nobserve_until = "soon"', "'soon'"),
    ],
)
def test_an_observation_without_an_end_is_no_policy(
    home: Path, old: str, new: str, words: str
) -> None:
    path = config("hubpolicy.toml")
    path.write_text(path.read_text().replace(old, new, 1))
    for arguments in (("policy", "check"), ("policy", "sign")):
        ran = run(*arguments)
        assert (ran.code, words in ran.err) == (2, True), ran


def test_attest_signs_what_is_known_and_no_release_line(home: Path, model: Path) -> None:
    observe()
    sign_run(model)
    ran = run("attest", model, "--repo", REPO, "--format", "json")
    assert (ran.code, ran.document["verdict"]) == (3, "inconclusive")
    assert ran.rules == {"HP330"}
    assert "No release line was signed." in ran.document["closing"]
    lines = (model / RELEASE_FILE).read_bytes().splitlines()
    assert len(lines) == 2  # the run and the card


def test_a_release_of_before_is_not_passed_and_evidence_of_a_run_is_kept(
    home: Path, model: Path
) -> None:
    released(model)
    observe()
    ran = run("verify", model, "--repo", REPO, "--format", "json")
    assert (ran.code, ran.document["verdict"]) == (1, "failed")
    assert {"HP309", "HP330"} <= ran.rules
    text = config("hubpolicy.toml").read_text()
    (until,) = [line for line in text.splitlines() if line.startswith("observe_until")]
    config("hubpolicy.toml").write_text(
        text.replace('"observe"', '"enforce"').replace(until + "\n", "")
    )
    assert run("policy", "sign").code == 0
    assert run("attest", model).code == 0  # nothing is tested twice


def test_push_uploads_nothing(home: Path, model: Path) -> None:
    observe()
    sign_run(model)
    before = contents(model)
    nowhere = "http://127.0.0.1:9"
    ran = run("push", model, REPO, "--format", "json", HF_ENDPOINT=nowhere)
    assert (ran.code, "HP330" in ran.rules) == (1, True)
    assert ran.document["closing"] == "Nothing was uploaded."
    assert contents(model) == before


def test_the_people_s_part_is_not_passed_either(home: Path, model: Path) -> None:
    observe()
    sign_run(model)
    ran = run("approvals", model, "--format", "json")
    assert (ran.code, ran.rules) == (1, {"HP330"})


def test_explain_says_until_when(home: Path) -> None:
    observe(days=7)
    assert "mode observe until 20" in run("policy", "explain").out
    assert run("policy", "explain", "--format", "json").document["policy"]["observe_until"]


@pytest.mark.parametrize("name", ["HUBPOLICY_MODE", "HUBPOLICY_OBSERVE"])
def test_no_variable_chooses_it(home: Path, model: Path, name: str) -> None:
    for value in ("observe", "1"):
        ran = run("attest", model, "--repo", REPO, **{name: value})
        assert (ran.code, "HP201" in ran.out, "HP330" in ran.out) == (3, True, False)


LAX = 'schema = "hubpolicy/policy/1"\nmode = "observe"\nobserve_until = 2026-12-24\n'


@pytest.mark.parametrize("text", [LAX, LAX.replace("observe_until = 2026-12-24\n", "")])
def test_no_child_chooses_it(home: Path, model: Path, text: str, tmp_path: Path) -> None:
    """Not by ``-c``, not by a variable that names a file, not by a file in the folder."""
    lax = tmp_path / "lax.toml"
    lax.write_text(text)
    tries = [
        run("-c", lax, "attest", model, "--repo", REPO),
        run("attest", model, "--repo", REPO, HUBPOLICY_CONFIG=str(lax)),
    ]
    (model / "hubpolicy.toml").write_text(text)
    tries.append(run("attest", model, "--repo", REPO))
    for ran in tries:
        assert (ran.code, "observe" in ran.err, "HP330" in ran.out) == (2, True, False), ran


def test_a_child_cannot_end_or_prolong_it_either(home: Path, model: Path, tmp_path: Path) -> None:
    observe(days=7)
    sign_run(model)
    child = tmp_path / "child.toml"
    for line in ('mode = "enforce"', "observe_until = 2027-01-31", "observe_until = 2026-11-23"):
        child.write_text(f'schema = "hubpolicy/policy/1"\n{line}\n')
        assert run("-c", child, "verify", model, "--repo", REPO).code == 2


def test_a_team_cannot_sign_a_long_one(tmp_path: Path) -> None:
    team = found_team(tmp_path)
    assert team.sign("ada", "bob").code == 0
    source = team.folder / "hubpolicy.toml"
    good = source.read_text().replace("version = 1", "version = 2")
    source.write_text(observing(good, days=91))
    before = team.files()
    ran = team.trust("ada", "policy")
    assert (ran.code, "observe_until" in ran.err) == (2, True)
    assert team.files() == before
    source.write_text(observing(good, days=30))
    assert team.trust("ada", "policy").code == 0
    assert team.sign("ada", "bob").code == 0


def test_doctor_claims_no_tier_meanwhile(home: Path, model: Path) -> None:
    observe(days=30)
    ran = run("doctor", model, "--offline")
    assert "no tier: the policy only observes" in ran.out
    assert "hooks let everything go, nothing passes" in ran.out
