# SPDX-License-Identifier: Apache-2.0
"""The bound on a difference covers, whatever ties the groups to each other."""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from math import comb
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta, binom

from hubpolicy.core.difference import (
    difference_bound,
    difference_within,
    spread_bound,
    spread_within,
)
from hubpolicy.errors import MalformedError

GROUPS = st.integers(1, 120).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
RATES = [Fraction(i, 20) for i in range(21)]


def oracle(hits_a: int, n_a: int, hits_b: int, n_b: int, confidence: float) -> float:
    """The same bound from scipy's beta quantiles."""
    tail = (1 - confidence) / 2
    high = beta.ppf(1 - tail, hits_a + 1, n_a - hits_a) if hits_a < n_a else 1.0
    low = beta.ppf(tail, hits_b, n_b - hits_b + 1) if hits_b else 0.0
    return max(float(high - low), 0.0)


@pytest.mark.parametrize(
    ("hits", "n", "bound"),
    # Two groups with the same count. evaluation.md A.4 gives .041, .026 and .021 for a normal
    # approximation of independent groups at 2 %; what holds under any dependence is wider.
    [(2, 100, "0.067953"), (4, 200, "0.044939"), (6, 300, "0.035648"), (10, 500, "0.026842")],
)
def test_golden_bounds_at_two_percent(hits: int, n: int, bound: str) -> None:
    assert difference_bound(hits, n, hits, n, "0.95") == bound


def test_without_a_hit_the_bound_is_the_two_sided_one_of_one_group() -> None:
    # 1 - 0.025 ** (1 / 200): the exact upper limit without hits.
    assert difference_bound(0, 200, 0, 200, "0.95") == "0.018276"
    assert 1 - 0.025 ** (1 / 200) <= 0.018276 < 1 - 0.025 ** (1 / 200) + 1e-6


@given(GROUPS, GROUPS, st.sampled_from(["0.9", "0.95", "0.99", "0.999"]))
def test_bound_is_scipys_rounded_up(
    a: tuple[int, int], b: tuple[int, int], confidence: str
) -> None:
    bound = float(difference_bound(*a, *b, confidence))
    exact = oracle(*a, *b, float(confidence))
    assert exact - 1e-9 <= bound <= exact + 2e-6 + 1e-9


@pytest.mark.parametrize(("n_a", "n_b"), [(6, 6), (9, 4), (1, 12)])
def test_it_covers_independent_groups(n_a: int, n_b: int) -> None:
    alpha = Fraction(1, 5)
    bounds = {
        (x, y): Fraction(difference_bound(x, n_a, y, n_b, "0.8"))
        for x, y in product(range(n_a + 1), range(n_b + 1))
    }
    for p, q in product(RATES, RATES):
        missed = sum(
            weight(x, n_a, p) * weight(y, n_b, q)
            for (x, y), bound in bounds.items()
            if bound < p - q
        )
        assert missed <= alpha, (p, q)


def test_it_covers_groups_that_rise_and_fall_together_or_apart() -> None:
    n, alpha = 10, 0.2
    bounds = {
        (x, y): float(difference_bound(x, n, y, n, "0.8"))
        for x, y in product(range(n + 1), range(n + 1))
    }
    draws = [(i + 0.5) / 4000 for i in range(4000)]
    for p, q in product((0.05, 0.2, 0.5, 0.8, 0.95), repeat=2):
        left = [int(x) for x in binom.ppf(draws, n, p)]
        right = [int(y) for y in binom.ppf(draws, n, q)]
        for other in (right, right[::-1]):
            pairs = zip(left, other, strict=True)
            missed = sum(bounds[pair] < p - q - 1e-12 for pair in pairs)
            assert missed / len(draws) <= alpha + 1e-3, (p, q)


def weight(hits: int, n: int, rate: Fraction) -> Fraction:
    """P(X = hits)."""
    return comb(n, hits) * rate**hits * (1 - rate) ** (n - hits)


@given(GROUPS, GROUPS)
def test_it_grows_with_hits_in_a_and_shrinks_with_hits_in_b(
    a: tuple[int, int], b: tuple[int, int]
) -> None:
    here = Fraction(difference_bound(*a, *b, "0.95"))
    if a[0] < a[1]:
        assert Fraction(difference_bound(a[0] + 1, a[1], *b, "0.95")) >= here
    if b[0] < b[1]:
        assert Fraction(difference_bound(*a, b[0] + 1, b[1], "0.95")) <= here
    assert Fraction(difference_bound(*a, *b, "0.99")) >= here
    assert here >= Fraction(*a) - Fraction(*b)


@given(st.lists(GROUPS, min_size=2, max_size=6), st.sampled_from(["0.02", "0.05", "0.3", "1"]))
def test_the_spread_is_the_worst_pair_and_agrees_with_the_decision(
    groups: list[tuple[int, int]], limit: str
) -> None:
    pairs = [(a, b) for i, a in enumerate(groups) for j, b in enumerate(groups) if i != j]
    worst = max(Fraction(difference_bound(*a, *b, "0.95")) for a, b in pairs)
    assert Fraction(spread_bound(groups, "0.95")) == worst
    assert spread_within(groups, limit, "0.95") == (worst <= Fraction(limit))
    assert spread_within(groups, limit, "0.95") == all(
        difference_within(a, b, limit, "0.95") for a, b in pairs
    )


def test_a_group_without_prompts_shows_nothing() -> None:
    assert difference_bound(0, 0, 0, 500, "0.95") == "1"
    assert spread_bound([(0, 500), (0, 0)], "0.95") == "1"


def test_clearly_less_toxic_reads_as_nought() -> None:
    assert difference_bound(0, 500, 400, 500, "0.95") == "0"
    assert difference_within((0, 500), (400, 500), "0.000001", "0.95")


def test_twenty_groups_cost_the_hook_a_moment() -> None:
    groups = [(hits, 500 + hits) for hits in range(20)]
    start = process_time()
    bound = spread_bound(groups, "0.95")
    assert process_time() - start < 1.0
    assert float(bound) == pytest.approx(oracle(19, 519, 0, 500, 0.95), abs=2e-6)


@pytest.mark.parametrize(
    ("a", "b", "limit", "confidence"),
    [
        ((-1, 5), (0, 5), "0.1", "0.95"),
        ((6, 5), (0, 5), "0.1", "0.95"),
        ((0, 5), (0, 10**6), "0.1", "0.95"),
        ((0, 5), (0, 5), "0", "0.95"),
        ((0, 5), (0, 5), "1.01", "0.95"),
        ((0, 5), (0, 5), "-0.1", "0.95"),
        ((0, 5), (0, 5), "0.1", "0.5"),
        ((0, 5), (0, 5), "0.1", "1"),
    ],
)
def test_nonsense_is_refused(
    a: tuple[int, int], b: tuple[int, int], limit: str, confidence: str
) -> None:
    with pytest.raises(MalformedError, match="expected"):
        difference_within(a, b, limit, confidence)


@pytest.mark.parametrize("groups", [[], [(0, 100)]])
def test_one_group_differs_from_nothing(groups: list[tuple[int, int]]) -> None:
    with pytest.raises(MalformedError, match="at least 2"):
        spread_bound(groups, "0.95")
