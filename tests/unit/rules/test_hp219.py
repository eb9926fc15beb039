# SPDX-License-Identifier: Apache-2.0
"""The gate compares numbers with its own policy; the word in the signed line means nothing."""

from __future__ import annotations

import pytest

from hubpolicy.core.judge import judge
from hubpolicy.core.rules import hp219
from hubpolicy.domain.finding import Severity
from hubpolicy.domain.policy import RuleSetting
from hubpolicy.domain.statement import ForeignEvidence, Waiver
from tests.golden.samples import MANIFEST, TRUST
from tests.unit.core.foreign_world import ITEM, SCORE, asking_for, evidence_line
from tests.unit.core.release_world import (
    judged_by,
    release,
    rules_of,
    run_line,
    waiver_line,
    with_digest,
)

ASKS = asking_for(ITEM)


@pytest.mark.parametrize(
    ("value", "comparison", "threshold", "passes"),
    [
        ("7.35", "at least", "6.5", True),
        ("6.5", "at least", "6.5", True),
        ("6.50", "at least", "6.5", True),
        ("6.499999999999999999", "at least", "6.5", False),
        ("-6.5", "at least", "6.5", False),
        ("10", "at least", "9", True),  # as text "10" sorts before "9"
        ("0.01", "at most", "0.01", True),
        ("0.010000000000000001", "at most", "0.01", False),
        ("-1", "at most", "0", True),
    ],
)
def test_numbers_are_compared_exactly(
    value: str, comparison: str, threshold: str, passes: bool
) -> None:
    asked = SCORE._replace(comparison=comparison, threshold=threshold)  # type: ignore[arg-type]
    policy = asking_for(ITEM._replace(metrics=(asked,)))
    decision = judge(release(evidence_line(value), policy=policy))
    assert (decision.verdict, rules_of(decision)) == (
        ("passed", set()) if passes else ("failed", {"HP219"})
    )


def test_the_finding_says_what_whose_and_how_loose() -> None:
    (finding,) = hp219.check(release(evidence_line("5.9"), policy=ASKS))
    assert finding.message == (
        "evidence 'mt-bench': got score 5.9, expected at least 6.5 "
        "(imported by ci, lm-eval, binding level 0)"
    )
    assert finding.effect == "failed"


def test_a_word_said_against_a_lower_threshold_does_not_pass() -> None:
    line = evidence_line("5.9", threshold="1")
    assert isinstance(line.predicate, ForeignEvidence)
    assert line.statement.predicate["result"] == "PASSED"
    assert rules_of(judge(release(line, policy=ASKS))) == {"HP219"}


def test_a_word_said_against_a_higher_threshold_does_not_fail() -> None:
    line = evidence_line("7", threshold="9")
    assert line.statement.predicate["result"] == "FAILED"
    assert judge(release(line, policy=ASKS)).verdict == "passed"
    other = evidence_line("7", comparison="at most", threshold="1")
    assert judge(release(other, policy=ASKS)).verdict == "passed"


def test_one_bad_number_fails_beside_a_good_one() -> None:
    lines = (run_line(), evidence_line("7.35"), evidence_line("5.9"))
    (finding,) = hp219.check(judged_by(ASKS, lines, MANIFEST, TRUST))
    assert "5.9" in finding.message


def test_evidence_that_nobody_asks_for_is_not_judged() -> None:
    assert hp219.check(release(evidence_line("0"))) == ()


def test_a_bad_number_can_be_waived_where_the_policy_says_so_and_a_missing_one_never() -> None:
    settings = (RuleSetting("HP219", Severity.ERROR, waivable=True),)
    policy = with_digest(ASKS._replace(rules=settings))
    waiver = waiver_line(Waiver("HP219", "lee", "known, and mended next week", "2026-12-31"))
    decision = judge(release(evidence_line("5.9"), waiver, policy=policy))
    assert (decision.verdict, [f.rule for f in decision.waived]) == ("passed", ["HP219"])
    missing = judge(release(waiver, policy=policy))
    assert missing.verdict != "passed"
    assert "HP218" in rules_of(missing)
