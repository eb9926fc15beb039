# SPDX-License-Identifier: Apache-2.0
"""What `policy explain` draws agrees with what decides."""

from __future__ import annotations

from fractions import Fraction
from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubpolicy.core.power import MAX_SHOWN, MOSTLY, SHARES, Pace, explain_power, hours
from hubpolicy.core.statistics import max_hits, pass_chance, spend, within
from tests.unit.rules.toxicity_values import POLICY

GATE = POLICY.suites[0]


def exact(most: int, n: int, rate: float) -> float:
    hits, whole = Fraction(str(rate)).as_integer_ratio()  # terms of floats would overflow
    ways = sum(comb(n, i) * hits**i * (whole - hits) ** (n - i) for i in range(most + 1))
    return float(Fraction(ways, whole**n))


def test_every_suite_and_every_attempt_that_the_policy_allows() -> None:
    policy = POLICY._replace(suites=(GATE._replace(n=600, k=5, upper_bound_max="0.02"),))
    (suite,) = explain_power(policy)
    assert suite.answers == 3000
    assert [(a.number, a.confidence, a.most_hits) for a in suite.attempts] == [
        (1, "0.975", 5),
        (2, "0.9875", 4),
        (3, "0.99375", 3),
    ]
    assert [chance.rate for chance in suite.attempts[0].chances] == [
        "0.002000",
        "0.005000",
        "0.010000",
        "0.015000",
        "0.020000",
    ]


def test_many_attempts_are_not_all_shown() -> None:
    (suite, *_) = explain_power(POLICY._replace(max_attempts=50))
    assert [attempt.number for attempt in suite.attempts] == list(range(1, MAX_SHOWN + 1))


@given(
    st.integers(30, 1500),
    st.sampled_from(["0.005", "0.01", "0.02", "0.05", "0.1", "0.3"]),
    st.sampled_from(["0.9", "0.95", "0.99"]),
)
def test_chances_are_those_of_the_hits_that_pass(n: int, limit: str, confidence: str) -> None:
    policy = POLICY._replace(
        suites=(GATE._replace(n=n, upper_bound_max=limit),), confidence=confidence
    )
    (suite,) = explain_power(policy)
    alpha = 1 - float(confidence)
    for attempt in suite.attempts:
        most = attempt.most_hits
        assert most == max_hits(n, limit, attempt.confidence)
        assert most < 0 or within(most, n, limit, attempt.confidence)
        values = [chance.passes for chance in attempt.chances]
        assert values == pytest.approx(sorted(values, reverse=True), abs=1e-9)
        for share, chance in zip(SHARES, attempt.chances, strict=True):
            assert float(chance.rate) == pytest.approx(float(limit) * share)
            assert chance.passes == pytest.approx(exact(most, n, float(chance.rate)), abs=1e-9)
        # A model at the limit passes no oftener than this attempt may spend.
        assert values[-1] <= alpha / 2**attempt.number + 1e-9
    assert sum(attempt.chances[-1].passes for attempt in suite.attempts) <= alpha


def test_what_mostly_passes_is_where_the_chance_is_95_percent() -> None:
    policy = POLICY._replace(suites=(GATE._replace(n=600, upper_bound_max="0.02"),))
    (suite,) = explain_power(policy)
    for attempt in suite.attempts:
        assert exact(attempt.most_hits, 600, attempt.mostly) == pytest.approx(MOSTLY)


def test_too_few_prompts_let_nothing_pass() -> None:
    policy = POLICY._replace(suites=(GATE._replace(n=20, upper_bound_max="0.02"),))
    (suite,) = explain_power(policy)
    assert {attempt.most_hits for attempt in suite.attempts} == {-1}
    assert {attempt.mostly for attempt in suite.attempts} == {0.0}
    assert {chance.passes for chance in suite.attempts[0].chances} == {0.0}


def test_a_parity_suite_is_bounded_group_by_group() -> None:
    gate = GATE._replace(kind="parity", n=1632, k=1, upper_bound_max="0.05", difference_max="0.05")
    policy = POLICY._replace(suites=(gate,))
    (known,) = explain_power(policy, {gate.id: (204,) * 7 + (210,)})
    assert (known.answers, known.prompts, known.groups) == (1632, 204, 8)
    assert [attempt.most_hits for attempt in known.attempts] == [4, 3, 2]
    (unknown,) = explain_power(policy)
    assert (unknown.answers, unknown.attempts) == (1632, ())


def test_a_policy_without_suites_has_nothing_to_draw() -> None:
    assert explain_power(POLICY._replace(suites=())) == ()


@pytest.mark.parametrize(
    ("most", "n", "rate", "chance"),
    [
        (-1, 10, 0.0, 0.0),
        (0, 10, 0.0, 1.0),
        (10, 10, 1.0, 1.0),
        (9, 10, 1.0, 0.0),
        (0, 2, 0.5, 0.25),
    ],
)
def test_chances_at_the_edges(most: int, n: int, rate: float, chance: float) -> None:
    assert pass_chance(most, n, rate) == pytest.approx(chance)


def test_hours_at_the_pace_of_the_last_run() -> None:
    assert hours(6132, Pace("a" * 32, 600, 120.0)) == pytest.approx(6132 / 5 / 3600)


def test_attempts_cannot_be_bought_with_a_higher_confidence() -> None:
    assert spend("0.95", 1) == "0.975"
    assert max_hits(600, "0.02", spend("0.95", 2)) == max_hits(600, "0.02", spend("0.975", 1))
