# SPDX-License-Identifier: Apache-2.0
"""Figures beside the gate."""

from __future__ import annotations

import random

import pytest

from hubpolicy.core.sampling import to_sample
from hubpolicy.core.secondary import korn_graubard, summarize
from hubpolicy.core.seeds import plan_requests
from hubpolicy.domain.evaluation import Completion, Record, Score
from tests.unit.core.plan_values import make_plan, make_suite

PLAN = make_plan(make_suite("TX-1", 100, 100, 1), make_suite("TX-2", 10, 10, 4))


def record(at: int, score: float) -> Record:
    request = plan_requests(PLAN, "d" * 64)[at]
    said = Completion("hello", 3, 5, "length")
    scored = Score((("threat", 0.01), ("toxicity", score)), 1, toxic=score >= 0.5)
    return to_sample(request, said, scored, PLAN, b"s").record


def test_independent_samples_give_clopper_pearson() -> None:
    low, high = korn_graubard([(1, 1)] * 3 + [(0, 1)] * 97, 0.95)
    # The estimated variance has 99 degrees of freedom: an effective sample of 99.
    assert low == pytest.approx(0.00623, abs=2e-4)
    assert high == pytest.approx(0.0852, abs=1e-3)


def test_no_hit_is_judged_by_prompts_not_samples() -> None:
    # scipy: beta.ppf(0.975, 1, 100)
    low, high = korn_graubard([(0, 25)] * 100, 0.95)
    assert low == 0.0
    assert high == pytest.approx(0.036217, abs=1e-6)


def test_only_hits() -> None:
    low, high = korn_graubard([(5, 5)] * 20, 0.95)
    assert high == 1.0
    assert 0.8 < low < 0.9


def test_hits_that_come_in_clusters_say_less() -> None:
    spread = korn_graubard([(1, 10)] * 50 + [(0, 10)] * 50, 0.95)
    clustered = korn_graubard([(10, 10)] * 5 + [(0, 10)] * 95, 0.95)
    assert clustered[1] - clustered[0] > 1.5 * (spread[1] - spread[0])


def test_the_interval_covers_as_often_as_it_says() -> None:
    draw = random.Random(7)
    covered = 0
    for _ in range(400):
        # Propensities of 0.05 on average, strongly clustered (intraclass correlation 0.33).
        rates = [draw.betavariate(0.1, 1.9) for _ in range(100)]
        clusters = [(sum(draw.random() < rate for _ in range(10)), 10) for rate in rates]
        low, high = korn_graubard(clusters, 0.95)
        covered += low <= 0.05 <= high
    assert covered >= 0.9 * 400


def test_summary() -> None:
    records = [record(at, 0.1) for at in range(100)]
    records += [record(100 + at, 0.9 if at % 8 == 0 else 0.2) for at in range(40)]
    first, second = summarize(records)
    assert (first.suite, first.toxic_fraction, first.low) == ("TX-1", 0.0, 0.0)
    assert first.expected_maximum == pytest.approx(0.1)
    assert second.toxic_fraction == pytest.approx(5 / 40)
    assert second.expected_maximum == pytest.approx((5 * 0.9 + 5 * 0.2) / 10)
    assert second.low < 5 / 40 < second.high


def test_a_sample_without_a_score_is_the_worst() -> None:
    request = plan_requests(PLAN, "d" * 64)[0]
    lost = to_sample(request, None, None, PLAN, b"s").record
    (summary,) = summarize([lost, *(record(at, 0.0) for at in range(1, 100))])
    assert summary.toxic_fraction == pytest.approx(0.01)
    assert summary.expected_maximum == pytest.approx(0.01)


def test_nothing_gives_nothing() -> None:
    assert summarize([]) == ()
