# SPDX-License-Identifier: Apache-2.0
"""Evidence that the policy asks for: there, of these bytes, from the right place, fresh, enough."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hubpolicy.core import statements
from hubpolicy.core.judge import INPUTS, judge
from hubpolicy.core.rules import hp218
from hubpolicy.domain.policy import RoleRequirement
from hubpolicy.domain.statement import ApplicabilityResult, FirstRelease
from tests.golden.samples import (
    APPLICABILITY,
    CLOSURE,
    EVIDENCE,
    MANIFEST,
    MT_BENCH,
    NOW,
    ROOT,
    TRUST,
    key,
)
from tests.unit.core.foreign_world import ITEM, PROFANITY, SCORE, asking_for, evidence_line
from tests.unit.core.release_world import (
    POLICY,
    as_listing,
    card_line,
    changed,
    judged_by,
    release,
    rules_of,
    run_line,
    signed,
    unreleased,
)

if TYPE_CHECKING:
    from hubpolicy.core.evidence import Evidence
    from hubpolicy.core.verify import VerifiedStatement

ASKS = asking_for(ITEM)


def applicability_line(decision: str) -> VerifiedStatement:
    made: ApplicabilityResult = APPLICABILITY._replace(decision=decision)  # type: ignore[arg-type]
    return signed(statements.applicability_statement(made, CLOSURE), "ci")


def test_with_the_evidence_it_passes_and_without_it_is_inconclusive() -> None:
    good = release(evidence_line(), policy=ASKS)
    assert judge(good).verdict == "passed"
    decision = judge(release(policy=ASKS))
    assert (decision.verdict, rules_of(decision)) == ("inconclusive", {"HP218"})
    (finding,) = decision.findings
    assert finding.message == "evidence 'mt-bench': none is signed about these bytes"
    assert "hubpolicy attest PATH --evidence mt-bench=FILE" in finding.fix
    assert judge(unreleased(policy=ASKS), INPUTS).verdict == "inconclusive"


def test_a_policy_that_asks_for_none_is_content_with_any() -> None:
    assert hp218.check(release()) == ()
    assert judge(release(evidence_line("0"))).verdict == "passed"


def test_before_anything_was_run_it_is_missing_too() -> None:
    (finding,) = hp218.check(judged_by(ASKS, (card_line(), evidence_line())))
    assert "nothing was run yet" in finding.message
    assert finding.effect == "inconclusive"


def test_evidence_about_other_bytes_is_none() -> None:
    other = changed(MANIFEST, "model.safetensors")
    closure = [e for e in other.entries if e.path in {c.path for c in CLOSURE}]
    about_other = evidence_line(closure=closure)
    assert _reasons(release(about_other, policy=ASKS)) == ["none is signed about these bytes"]


def test_evidence_about_a_part_of_what_was_loaded_is_none_and_about_more_is_fine() -> None:
    part = evidence_line(closure=CLOSURE[:2])
    assert _reasons(release(part, policy=ASKS)) == ["none is signed about these bytes"]
    more = evidence_line(closure=MANIFEST.entries)
    assert _reasons(release(more, policy=ASKS)) == []


def test_a_hub_listing_is_enough_to_see_it() -> None:
    assert judge(as_listing(release(evidence_line(), policy=ASKS))).verdict == "passed"
    assert _reasons(as_listing(release(policy=ASKS))) != []


def _reasons(evidence: Evidence) -> list[str]:
    return [finding.message.partition(": ")[2] for finding in hp218.check(evidence)]


@pytest.mark.parametrize(
    "line",
    [
        evidence_line(evidence=EVIDENCE._replace(format="json")),
        evidence_line(source=(("filter", "none"), ("metric", "score"), ("task", "mt_bench_easy"))),
        evidence_line(source=()),
        evidence_line(name="other"),
    ],
)
def test_a_number_from_elsewhere_is_not_the_one_that_was_asked_for(
    line: VerifiedStatement,
) -> None:
    evidence = release(line, policy=ASKS)
    assert _reasons(evidence) == ["what is signed was not taken from where the policy says"]


def test_under_another_name_it_is_other_evidence() -> None:
    other = evidence_line(evidence=EVIDENCE._replace(name="mt-bench-2"))
    assert _reasons(release(other, policy=ASKS)) == ["none is signed about these bytes"]


def test_every_item_and_every_number_of_an_item_is_asked_for() -> None:
    both = asking_for(ITEM, PROFANITY)
    (finding,) = hp218.check(release(evidence_line(), policy=both))
    assert finding.message.startswith("evidence 'profanity'")
    two = ITEM._replace(metrics=(SCORE, SCORE._replace(name="turn-2")))
    assert _reasons(release(evidence_line(), policy=asking_for(two))) != []
    full = EVIDENCE._replace(metrics=(MT_BENCH, MT_BENCH._replace(name="turn-2")))
    line = signed(statements.foreign_statement(full, CLOSURE, tool_version="1"), "ci")
    assert _reasons(release(line, policy=asking_for(two))) == []
    assert _reasons(release(line, policy=ASKS)) == []


# Time ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("measured_on", "days", "reasons"),
    [
        ("2026-11-19T14:59:00Z", 3, []),
        ("2026-11-19T14:58:59Z", 3, ["measured 4 days ago, expected at most 3"]),
        ("2026-11-20", 3, []),
        ("2026-11-19", 3, ["measured 4 days ago, expected at most 3"]),  # from its first second
        ("2026-08-01", 90, ["measured 114 days ago, expected at most 90"]),
        ("1970-01-01", 90, ["measured 20780 days ago, expected at most 90"]),
    ],
)
def test_evidence_grows_old(measured_on: str, days: int, reasons: list[str]) -> None:
    line = evidence_line(evidence=EVIDENCE._replace(measured_on=measured_on))
    policy = asking_for(ITEM._replace(max_age_days=days))
    assert _reasons(release(line, policy=policy)) == reasons


def test_it_is_judged_at_its_first_release_and_stays_fresh_after() -> None:
    line = evidence_line(evidence=EVIDENCE._replace(measured_on="2026-06-01"))
    now = unreleased(line, policy=ASKS)
    assert _reasons(now) == ["measured 175 days ago, expected at most 90"]
    first = FirstRelease(line.payload_sha256, "2026-07-01T00:00:00Z", "0" * 64)
    assert _reasons(now._replace(first_released=(first,))) == []


def test_evidence_that_was_measured_after_its_release_is_misdated() -> None:
    line = evidence_line(evidence=EVIDENCE._replace(measured_on=NOW))
    first = FirstRelease(line.payload_sha256, "2026-11-01T00:00:00Z", "0" * 64)
    evidence = unreleased(line, policy=ASKS)._replace(first_released=(first,))
    assert _reasons(evidence) == [f"measured on {NOW}, which is after its release"]


# Enough ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("samples", "asked", "reasons"),
    [
        (80, 80, []),
        (10, 80, ["score rests on 10 samples, expected at least 80"]),
        (0, 1, ["score rests on an unknown number of samples, expected at least 1"]),
        (0, 0, []),
    ],
)
def test_a_number_that_rests_on_little_is_not_enough(
    samples: int, asked: int, reasons: list[str]
) -> None:
    policy = asking_for(ITEM._replace(metrics=(SCORE._replace(min_samples=asked),)))
    assert _reasons(release(evidence_line(samples=samples), policy=policy)) == reasons


def test_two_checkers_are_two_people_who_import() -> None:
    people = {"checker": frozenset({"ci", "bot"})}
    root = ROOT._replace(
        keys=(*ROOT.keys, key("bot")),
        roles=tuple(r._replace(principals=people.get(r.name, r.principals)) for r in ROOT.roles),
    )
    trust = TRUST._replace(root=root)
    policy = asking_for(ITEM)._replace(
        roles=(RoleRequirement("releaser", 1), RoleRequirement("checker", 2))
    )
    one = judged_by(policy, (run_line(trust=trust), evidence_line(trust=trust)), trust=trust)
    assert _reasons(one) == ["signed by 1 of 2 checkers"]
    two = judged_by(policy, (*one.lines, evidence_line(who="bot", trust=trust)), trust=trust)
    assert _reasons(two) == []


# Of which models -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("when", "decision", "asked"),
    [
        ("always", "generates-text", True),
        ("always", "no-generated-output", True),
        ("always", "generates-other", True),
        ("generates-text", "generates-text", True),
        ("generates-text", "no-generated-output", False),
        ("generates-text", "generates-other", False),
        ("generates-other", "generates-text", False),
        ("generates-other", "no-generated-output", False),
        ("generates-other", "generates-other", True),
    ],
)
def test_evidence_is_asked_of_some_models_only(when: str, decision: str, asked: bool) -> None:
    policy = asking_for(ITEM._replace(when=when))  # type: ignore[arg-type]
    line = run_line() if decision == "generates-text" else applicability_line(decision)
    assert bool(_reasons(judged_by(policy, (line,)))) == asked


def test_a_model_of_images_passes_with_the_evidence_that_the_policy_names_for_it() -> None:
    images = applicability_line("generates-other")
    plain = judge(judged_by(POLICY, (card_line(), images)), INPUTS)
    assert (plain.verdict, rules_of(plain)) == ("inconclusive", {"HP209"})
    policy = asking_for(ITEM._replace(when="generates-other"))
    missing = judge(judged_by(policy, (card_line(), images)), INPUTS)
    assert (missing.verdict, rules_of(missing)) == ("inconclusive", {"HP218"})
    there = judged_by(policy, (card_line(), images, evidence_line()))
    assert judge(there, INPUTS).verdict == "passed"
    bad = judged_by(policy, (card_line(), images, evidence_line("1")))
    assert rules_of(judge(bad, INPUTS)) == {"HP219"}


def test_evidence_for_text_does_not_stand_in_for_images() -> None:
    images = applicability_line("generates-other")
    evidence = judged_by(ASKS, (card_line(), images, evidence_line()))
    assert rules_of(judge(evidence, INPUTS)) == {"HP209"}
