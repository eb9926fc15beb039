# SPDX-License-Identifier: Apache-2.0
"""``hubpolicy waive``: forgiven in the open, for these bytes, until a day; never in advance."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from hubpolicy.adapters.signers.file import create_key
from tests.cli.world import MODEL, REPO, add_to_policy, contents, released, resign, run, sign_run

if TYPE_CHECKING:
    from pathlib import Path

SOON = (datetime.now(UTC) + timedelta(days=30)).date().isoformat()
WAIVABLE = '\n[rules.HP203]\nseverity = "error"\nwaivable = true\n'
BECAUSE = ("--reason", "gated research model", "--yes")


@pytest.fixture
def allowed(home: Path) -> None:
    """The policy lets HP203 be waived."""
    add_to_policy(WAIVABLE)
    assert run("policy", "sign").code == 0


def waive(model: Path, *more: str, rule: str = "HP203", until: str = SOON) -> int:
    return run("waive", rule, model, "--until", until, *BECAUSE, *more).code


def test_a_failed_bound_is_forgiven_shown_and_counted(allowed: None, model: Path) -> None:
    sign_run(model, hits=10)
    assert run("attest", model, "--repo", REPO).code == 1
    ran = run("waive", "HP203", model, "--until", SOON, *BECAUSE)
    assert ran.code == 0
    assert "HP203" in ran.out
    assert "gated research model" in ran.out
    attested = run("attest", model, "--repo", REPO)
    assert attested.code == 0, attested.out
    assert "waived: HP203" in attested.out
    verified = run("verify", model, "--repo", REPO, "--format", "json")
    assert verified.code == 0
    assert {found["rule"] for found in verified.document["waived"]} == {"HP203"}


def test_a_second_waiver_by_the_same_person_replaces_the_first(allowed: None, model: Path) -> None:
    sign_run(model, hits=10)
    run("attest", model, "--repo", REPO)
    assert [waive(model), waive(model)] == [0, 0]
    assert run("attest", model, "--repo", REPO).code == 0


def test_it_ends_with_the_bytes(allowed: None, model: Path) -> None:
    sign_run(model, hits=10)
    run("attest", model, "--repo", REPO)
    waive(model)
    assert run("attest", model, "--repo", REPO).code == 0
    (model / "README.md").write_bytes(MODEL["README.md"] + b"\nOne more line.\n")
    ran = run("attest", model, "--repo", REPO, "--format", "json")
    assert ran.code == 1
    assert "HP203" in ran.rules


@pytest.mark.parametrize(
    ("rule", "until", "code", "said"),
    [
        ("HP203", "2020-01-01", 2, "ended on 2020-01-01"),
        ("HP203", "2099-01-01", 2, "more than 90 days"),
        ("HP203", "tomorrow", 2, "tomorrow"),
        ("HP207", SOON, 2, "nothing to waive"),
        ("HP999", SOON, 2, "got rule 'HP999'"),
    ],
)
def test_what_would_not_hold_is_not_signed(
    allowed: None, model: Path, rule: str, until: str, code: int, said: str
) -> None:
    sign_run(model, hits=10)
    before = contents(model)
    ran = run("waive", rule, model, "--until", until, *BECAUSE)
    assert ran.code == code
    assert said in ran.err
    assert contents(model) == before


def test_the_policy_decides_what_can_be_waived(home: Path, model: Path) -> None:
    sign_run(model, hits=10)
    before = contents(model)
    ran = run("waive", "HP203", model, "--until", SOON, *BECAUSE)
    assert ran.code == 2
    assert "does not mark the rule as waivable" in ran.err
    assert contents(model) == before


def test_what_was_never_asked_is_never_forgiven(allowed: None, model: Path) -> None:
    run("attest", model, "--repo", REPO)
    ran = run("waive", "HP201", model, "--until", SOON, *BECAUSE)
    assert ran.code == 2
    assert "the rule holds the gate" in ran.err


def test_nobody_signs_in_advance(allowed: None, model: Path) -> None:
    released(model)
    ran = run("waive", "HP203", model, "--until", SOON, *BECAUSE)
    assert ran.code == 2
    assert "finds nothing" in ran.err


def test_asking_first_and_no_means_no(allowed: None, model: Path) -> None:
    sign_run(model, hits=10)
    before = contents(model)
    ran = run("waive", "HP203", model, "--until", SOON, "--reason", "x", stdin="n\n")
    assert ran.code == 130
    assert contents(model) == before


def test_in_a_team_the_author_does_not_waive(allowed: None, model: Path) -> None:
    resign(people={"lee": ("approver:safety",)})
    sign_run(model, hits=10)
    run("attest", model, "--repo", REPO)
    ran = run("waive", "HP203", model, "--until", SOON, *BECAUSE)
    assert ran.code == 2
    assert "somebody else must waive" in ran.err


def test_one_card_rule_is_forgiven_and_no_other(home: Path, model: Path) -> None:
    add_to_policy('\n[rules.HP106]\nseverity = "error"\nwaivable = true\n')
    assert run("policy", "sign").code == 0
    text = MODEL["README.md"].replace(b"license: mit", b"license: no-such-licence")
    assert text != MODEL["README.md"]
    (model / "README.md").write_bytes(text)
    sign_run(model)
    ran = run("attest", model, "--repo", REPO, "--format", "json")
    assert (ran.code, ran.rules) == (1, {"HP122"})
    failed = next(f["message"] for f in ran.document["findings"] if f["rule"] == "HP122")
    assert failed.endswith("HP106")
    assert waive(model, rule="HP106") == 0
    assert run("attest", model, "--repo", REPO).code == 0


def test_a_key_that_the_root_does_not_know_waives_nothing(
    allowed: None, model: Path, tmp_path: Path
) -> None:
    sign_run(model, hits=10)
    create_key(tmp_path / "eve.pem")
    assert waive(model, "--key", f"file:{tmp_path / 'eve.pem'}") == 4
