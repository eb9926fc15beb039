# SPDX-License-Identifier: Apache-2.0
"""``hubpolicy attest --evidence``: a benchmark that the policy requires, from file to gate."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from hubpolicy.adapters.clock import SystemClock
from hubpolicy.adapters.evidence_folder import EvidenceFolder
from hubpolicy.adapters.files import FolderRelease
from hubpolicy.cli.wiring import desk, seat
from hubpolicy.core.decoders import TABLE
from hubpolicy.core.statements import applicability_statement
from hubpolicy.domain.statement import ApplicabilityResult
from hubpolicy.flows.attesting import add_run
from tests.cli.world import CLOSURE, REPO, add_to_policy, contents, run, sign_run
from tests.unit.core.foreign_world import GARAK, garak, lm_eval

if TYPE_CHECKING:
    from pathlib import Path

POLICY = """
[[evidence]]
name = "mt-bench"
format = "lm-eval"
[[evidence.metric]]
name = "score"
task = "mt_bench"
metric = "score"
at_least = 6.5

[[evidence]]
name = "profanity"
format = "garak"
[[evidence.metric]]
name = "passed"
probe = "lmrc.Profanity"
at_least = 0.95
"""


IMAGES = """
[[evidence]]
name = "images"
format = "json"
when = "generates-other"
date = "/made"
[[evidence.metric]]
name = "share"
pointer = "/nsfw"
at_most = 0.01
"""


@pytest.fixture
def asked(home: Path, model: Path) -> Path:
    """A tested model, under a policy that requires a benchmark and a red-team report."""
    add_to_policy(POLICY)
    assert run("policy", "sign").code == 0
    sign_run(model)
    return model


def results(folder: Path, score: float = 7.35) -> Path:
    path = folder.parent / "results.json"
    now = datetime.now(tz=UTC).timestamp() - 60
    path.write_bytes(lm_eval(results={"mt_bench": {"score,none": score}}, date=now))
    return path


def report(folder: Path) -> Path:
    path = folder.parent / "garak.report.jsonl"
    today = {**GARAK[1], "start_time": datetime.now(tz=UTC).isoformat()}
    path.write_bytes(garak(today, *GARAK[3:]))
    return path


def attest(folder: Path, *more: str) -> tuple[int, set[str], str]:
    ran = run("attest", folder, "--repo", REPO, "--format", "json", *more)
    return ran.code, ran.rules, ran.err


def test_a_required_benchmark_is_a_rule(asked: Path) -> None:
    assert attest(asked)[:2] == (3, {"HP218"})
    low = f"lm-eval={results(asked, 5.9)}"
    assert attest(asked, "--evidence", low, "--evidence", f"garak={report(asked)}")[:2] == (
        1, {"HP219"}
    )  # fmt: skip
    code, rules, said = attest(asked, "--evidence", f"mt-bench={results(asked)}")
    assert (code, rules) == (0, set())
    assert "binding level 0: nothing but your word ties it to them" in said
    assert run("verify", asked, "--repo", REPO).code == 0


def test_the_report_shows_numbers_and_how_loose_the_tie_is(asked: Path) -> None:
    files = (f"lm-eval={results(asked)}", f"garak={report(asked)}")
    ran = run("attest", asked, "--repo", REPO, "--evidence", files[0], "--evidence", files[1])
    assert ran.code == 0
    assert "mt-bench: score 7.35" in ran.out
    assert "profanity: passed 0.96" in ran.out
    assert "binding level 0" in ran.out
    assert "signed: evidence mt-bench, evidence profanity, card, model.sig, release" in ran.out


def test_a_file_that_cannot_be_taken_changes_nothing(asked: Path, tmp_path: Path) -> None:
    before = contents(asked)
    cases = {
        f"lm-eval={tmp_path / 'none.json'}": (3, "could not read"),
        f"lm-eval={report(asked)}": (3, "expected strict JSON"),
        f"garak={results(asked)}": (3, "expected strict JSON"),
        f"helm={results(asked)}": (2, "expected a name or a format of the policy"),
        "lm-eval": (2, "expected NAME=FILE"),
        "=x": (2, "expected NAME=FILE"),
    }
    for word, (code, message) in cases.items():
        ran = run("attest", asked, "--repo", REPO, "--evidence", word)
        assert (ran.code, message in ran.err) == (code, True), (word, ran)
    broken = tmp_path / "nan.json"
    broken.write_text(json.dumps({"results": {"mt_bench": {"score,none": float("nan")}}}))
    ran = run("attest", asked, "--repo", REPO, "--evidence", f"lm-eval={broken}")
    assert (ran.code, "got NaN, which is not JSON" in ran.err) == (3, True)
    assert contents(asked) == before


def test_without_a_run_it_says_what_comes_first(home: Path, model: Path) -> None:
    add_to_policy(POLICY)
    assert run("policy", "sign").code == 0
    code, rules, said = attest(model, "--evidence", f"lm-eval={results(model)}")
    assert (code, rules) == (3, {"HP201", "HP218"})
    assert "was not signed: nothing was run that it could be about" in said


def test_explain_and_verify_name_what_is_asked_and_what_is_there(asked: Path) -> None:
    said = run("policy", "explain").out
    assert "evidence mt-bench (lm-eval): score at least 6.5; asked of every model" in said
    explained = run("policy", "explain", "--format", "json").document
    assert [item["name"] for item in explained["evidence"]] == ["mt-bench", "profanity"]
    files = (f"lm-eval={results(asked)}", f"garak={report(asked)}")
    assert attest(asked, "--evidence", files[0], "--evidence", files[1])[0] == 0
    verified = run("verify", asked, "--repo", REPO)
    assert (verified.code, "profanity: passed 0.96" in verified.out) == (0, True)


def test_a_model_of_images_passes_by_the_evidence_that_the_policy_names(
    home: Path, model: Path
) -> None:
    sign_images(model)
    assert attest(model)[:2] == (3, {"HP209"})
    add_to_policy(IMAGES)
    assert run("policy", "sign").code == 0
    assert attest(model)[:2] == (3, {"HP218"})
    measured = model.parent / "images.json"
    measured.write_text(json.dumps({"made": datetime.now(tz=UTC).date().isoformat(), "nsfw": 0.0}))
    ran = run("attest", model, "--repo", REPO, "--evidence", f"images={measured}")
    assert ran.code == 0
    assert "images or sound (UNet2DConditionModel, table v2)" in ran.out
    assert "images: share 0" in ran.out


def sign_images(folder: Path) -> None:
    """An applicability line about the folder, as ``hubpolicy test`` signs it for a pipeline."""
    place = seat()
    reader = FolderRelease(str(folder))
    closure = [entry for entry in reader.manifest.entries if entry.path in CLOSURE]
    claim = ApplicabilityResult(
        "generates-other", TABLE, "UNet2DConditionModel", (), 0, SystemClock().now()
    )
    payload = applicability_statement(claim, closure)
    add_run(reader.evidence_files(), EvidenceFolder(folder), desk(place, ""), payload, None)


def test_the_rules_are_explained() -> None:
    for rule, word in (("HP218", "third-party"), ("HP219", "thresholds")):
        ran = run("rule", rule)
        assert (ran.code, word in ran.out) == (0, True)
