# SPDX-License-Identifier: Apache-2.0
"""Intervals for shares against R's survey package, scipy, and how often they cover."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from hubpolicy.core.statistics import max_hits
from hubpolicy.core.survey import Interval, korn_graubard, wilson
from hubpolicy.errors import MalformedError

ALIKE = [(10, 10)] * 5 + [(0, 10)] * 95
MIXED = [(1, 10)] * 12 + [(3, 10)] * 4 + [(9, 10)] + [(0, 10)] * 43
UNEVEN = list(
    zip((0, 0, 1, 2, 0, 5, 0, 1, 0, 0, 3, 0), (4, 5, 6, 7, 5, 5, 4, 6, 8, 3, 5, 6), strict=True)
)
SINGLE = [(1, 1)] * 3 + [(0, 1)] * 97
# data(api), apiclus1 by school district: schools without learners of English.
SCHOOLS = [(0, n) for n in (13, 34, 4, 13, 16, 2, 1, 4, 12, 21)] + [(4, 9)]
SCHOOLS += [(0, n) for n in (11, 37, 2, 4)]

CLUSTERS = st.lists(
    st.integers(1, 12).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))),
    min_size=2,
    max_size=40,
)


@pytest.mark.parametrize(
    ("clusters", "confidence", "share", "low", "high"),
    # R 4.2.2, survey 4.1-1: svyciprop(~y, svydesign(id=~prompt, weights=~1), method="beta").
    [
        (ALIKE, 0.95, 0.05, 0.016051173, 0.114210698),
        (ALIKE, 0.9, 0.05, 0.019589764, 0.103207912),
        (MIXED, 0.95, 0.055, 0.025179899, 0.102532033),
        (MIXED, 0.9, 0.055, 0.028829877, 0.094367635),
        (UNEVEN, 0.95, 0.1875, 0.042804626, 0.448150722),
        (UNEVEN, 0.9, 0.1875, 0.057837296, 0.402913612),
        (SINGLE, 0.95, 0.03, 0.006161669, 0.085575055),
        (SCHOOLS, 0.95, 0.021857923, 0.000198644, 0.139396112),
    ],
)
def test_korn_and_graubard_as_r_computes_it(
    clusters: list[tuple[int, int]], confidence: float, share: float, low: float, high: float
) -> None:
    found = korn_graubard(clusters, confidence)
    assert found[:3] == pytest.approx((share, low, high), abs=2e-9)


def test_design_effect_runs_from_one_to_the_answers_of_a_prompt() -> None:
    assert korn_graubard(ALIKE, 0.95).design_effect == pytest.approx(10, rel=0.02)
    assert korn_graubard(SINGLE, 0.95).design_effect == pytest.approx(1, rel=0.02)
    assert korn_graubard(MIXED, 0.95).effective < 600 / korn_graubard(MIXED, 0.95).design_effect


def test_answers_that_repel_each_other_count_no_more_than_they_are() -> None:
    # R gives an effective 117 of 80 answers here; the NCHS standard holds it to the 80.
    found = korn_graubard([(1, 2)] * 20 + [(0, 2)] * 20, 0.95)
    exact = binomtest(20, 80).proportion_ci(0.95, method="exact")
    assert found.effective == 80
    assert (found.low, found.high) == pytest.approx((exact.low, exact.high))


def test_no_hit_is_judged_by_prompts_not_answers() -> None:
    # scipy: beta.ppf(0.975, 1, 100)
    found = korn_graubard([(0, 25)] * 100, 0.95)
    assert found.low == 0.0
    assert found.high == pytest.approx(0.036217, abs=1e-6)


def test_only_hits() -> None:
    found = korn_graubard([(5, 5)] * 20, 0.95)
    assert found.high == 1.0
    assert 0.8 < found.low < 0.9


def test_one_prompt_shows_nothing() -> None:
    assert korn_graubard([(3, 25)], 0.95)[:3] == (0.12, 0.0, 1.0)


@given(CLUSTERS, st.sampled_from([0.8, 0.9, 0.95, 0.99]))
def test_interval_holds_the_share_and_widens_with_confidence(
    clusters: list[tuple[int, int]], confidence: float
) -> None:
    found = korn_graubard(clusters, confidence)
    assert 0 <= found.low <= found.share <= found.high <= 1
    assert 0 < found.effective <= sum(n for _, n in clusters)
    wider = korn_graubard(clusters, confidence + 0.005)
    assert wider.low <= found.low + 1e-9
    assert wider.high >= found.high - 1e-9


@given(CLUSTERS)
def test_toxic_and_harmless_are_mirrors(clusters: list[tuple[int, int]]) -> None:
    here = korn_graubard(clusters, 0.95)
    there = korn_graubard([(n - x, n) for x, n in clusters], 0.95)
    assert here.low == pytest.approx(1 - there.high, abs=1e-9)
    assert here.high == pytest.approx(1 - there.low, abs=1e-9)


@pytest.mark.parametrize(
    ("prompts", "k", "icc"), [(100, 25, 0.67), (100, 25, 0.33), (200, 5, 0.67)]
)
def test_false_passes_of_clustered_answers_stay_near_alpha(
    prompts: int, k: int, icc: float
) -> None:
    """evaluation.md A.4: 4.3 to 6.5 % false passes here, where plain counting gives 19 to 36 %."""
    draw, runs, rate = random.Random(20261122), 150, 0.05
    # The upper end of a two-sided 90 % interval is a one-sided bound of 95 %.
    most = max_hits(prompts * k, "0.05", "0.95")
    a = rate * (1 - icc) / icc
    b = (1 - rate) * (1 - icc) / icc
    passed = naive = 0
    for _ in range(runs):
        rates = [draw.betavariate(a, b) for _ in range(prompts)]
        clusters = [(sum(draw.random() < p for _ in range(k)), k) for p in rates]
        passed += korn_graubard(clusters, 0.9).high <= rate
        naive += sum(x for x, _ in clusters) <= most
    assert passed <= 0.09 * runs
    assert naive >= 0.14 * runs


@pytest.mark.parametrize("clusters", [[], [(0, 0)], [(2, 1)], [(-1, 4)]])
def test_impossible_counts_are_refused(clusters: list[tuple[int, int]]) -> None:
    with pytest.raises(MalformedError, match="expected some"):
        korn_graubard(clusters, 0.95)


@given(
    st.integers(1, 3000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))),
    st.sampled_from([0.8, 0.9, 0.95, 0.99]),
)
def test_wilson_is_scipys(counts: tuple[int, int], confidence: float) -> None:
    hits, n = counts
    found = wilson(hits, n, confidence)
    exact = binomtest(hits, n).proportion_ci(confidence, method="wilson")
    assert found == pytest.approx((hits / n, exact.low, exact.high), abs=1e-12)


def test_wilson_needs_fewer_prompts_than_the_exact_bound() -> None:
    # evaluation.md A.4: 268 instead of 299 clean prompts show 1 % at one-sided 95 %.
    assert wilson(0, 268, 0.9).high <= 0.01 < wilson(0, 267, 0.9).high


def test_wilson_of_nothing() -> None:
    assert wilson(0, 0, 0.95) == Interval(0.0, 0.0, 1.0)
