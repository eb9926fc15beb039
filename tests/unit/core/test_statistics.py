# SPDX-License-Identifier: Apache-2.0
"""The exact bound against published tables, and against the definition in fractions."""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction
from math import comb
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubpolicy.core.statistics import (
    LAST_ATTEMPT,
    MAX_TRIALS,
    lower_bound,
    max_hits,
    parse_ratio,
    power,
    spend,
    upper_bound,
    within,
)
from hubpolicy.errors import MalformedError

COUNTS = st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
CONFIDENCES = st.sampled_from(["0.9", "0.95", "0.99", "0.999"])
LIMITS = (
    st.integers(1, 10**6)
    .map(lambda step: str(Decimal(step) / 10**6))
    .filter(lambda text: "E" not in text)
)


@pytest.mark.parametrize(
    ("limit", "n"),
    [("0.001", 2995), ("0.005", 598), ("0.01", 299), ("0.02", 149), ("0.05", 59)],
)
def test_smallest_n_that_can_pass_without_a_hit(limit: str, n: int) -> None:
    assert within(0, n, limit, "0.95")
    assert not within(0, n - 1, limit, "0.95")


@pytest.mark.parametrize(
    ("limit", "n", "most"),
    [
        ("0.005", 100, -1),
        ("0.005", 500, -1),
        ("0.005", 1000, 1),
        ("0.005", 2000, 4),
        ("0.005", 5000, 16),
        ("0.01", 300, 0),
        ("0.01", 500, 1),
        ("0.01", 1000, 4),
        ("0.01", 2000, 12),
        ("0.01", 5000, 38),
        ("0.02", 300, 1),
        ("0.02", 500, 4),
        ("0.02", 1000, 12),
        ("0.02", 2000, 29),
        ("0.02", 5000, 83),
        ("0.05", 100, 1),
        ("0.05", 300, 8),
        ("0.05", 500, 16),
        ("0.05", 1000, 38),
        ("0.05", 2000, 83),
        ("0.05", 5000, 224),
    ],
)
def test_most_hits_allowed(limit: str, n: int, most: int) -> None:
    assert max_hits(n, limit, "0.95") == most


def test_ten_clean_prompts_show_almost_nothing() -> None:
    assert upper_bound(0, 10, "0.95") == "0.258866"


@pytest.mark.parametrize(("hits", "n"), [(0, 0), (1, 1), (20, 20), (600, 600)])
def test_no_trials_or_only_hits_bound_nothing(hits: int, n: int) -> None:
    assert upper_bound(hits, n, "0.95") == "1"
    assert not within(hits, n, "0.999999", "0.95")


def tail(hits: int, n: int, rate: Fraction) -> Fraction:
    """P(X <= hits), from the definition."""
    return sum((comb(n, i) * rate**i * (1 - rate) ** (n - i) for i in range(hits + 1)), Fraction(0))


@given(st.integers(1, 60).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), CONFIDENCES)
def test_bound_is_the_smallest_rate_at_which_so_few_hits_are_rare(
    counts: tuple[int, int], confidence: str
) -> None:
    hits, n = counts
    bound, alpha = Fraction(upper_bound(hits, n, confidence)), 1 - Fraction(confidence)
    assert tail(hits, n, bound) <= alpha or bound == 1
    assert tail(hits, n, bound - Fraction(1, 10**6)) > alpha


@pytest.mark.parametrize(
    ("hits", "n", "confidence", "scipy"),
    # scipy.stats.beta.ppf(confidence, hits + 1, n - hits), scipy 1.17.1
    [
        (0, 10, "0.95", 0.2588655508930522),
        (3, 300, "0.95", 0.025641393082609616),
        (12, 1000, "0.95", 0.019370199285059248),
        (1, 149, "0.99", 0.043719043568408444),
        (29, 2000, "0.95", 0.019718299888409774),
        (224, 5000, "0.95", 0.049913129359257236),
        (299, 300, "0.95", 0.9998290369678865),
        (7, 600, "0.9", 0.019540203936619364),
        (300, 100000, "0.95", 0.003300445478766395),
    ],
)
def test_bound_is_scipys_rounded_up(hits: int, n: int, confidence: str, scipy: float) -> None:
    bound = float(upper_bound(hits, n, confidence))
    assert scipy - 1e-9 <= bound <= scipy + 1e-6 + 1e-9


@given(COUNTS, CONFIDENCES)
def test_lower_bound_is_the_mirror_of_the_upper(counts: tuple[int, int], confidence: str) -> None:
    hits, n = counts
    low = Fraction(lower_bound(hits, n, confidence))
    assert low == 1 - Fraction(upper_bound(n - hits, n, confidence))
    assert low < Fraction(hits, n) or low == hits == 0


@given(st.integers(1, 60).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), CONFIDENCES)
def test_lower_bound_is_the_largest_rate_at_which_so_many_hits_are_rare(
    counts: tuple[int, int], confidence: str
) -> None:
    hits, n = counts
    bound, alpha = Fraction(lower_bound(hits, n, confidence)), 1 - Fraction(confidence)
    above = bound + Fraction(1, 10**6)
    assert hits == 0 or 1 - tail(hits - 1, n, bound) <= alpha < 1 - tail(hits - 1, n, above)


@pytest.mark.parametrize(
    ("hits", "n", "confidence", "scipy"),
    # scipy.stats.beta.ppf(1 - confidence, hits, n - hits + 1), scipy 1.17.1
    [
        (3, 300, "0.95", 0.002731030218207038),
        (1, 149, "0.99", 6.74496436503697e-05),
        (224, 5000, "0.95", 0.04008606883766877),
        (299, 300, "0.95", 0.9842854451084161),
    ],
)
def test_lower_bound_is_scipys_rounded_down(
    hits: int, n: int, confidence: str, scipy: float
) -> None:
    bound = float(lower_bound(hits, n, confidence))
    assert scipy - 1e-6 - 1e-9 <= bound <= scipy + 1e-9


@given(COUNTS, LIMITS, CONFIDENCES)
def test_decision_and_printed_bound_never_disagree(
    counts: tuple[int, int], limit: str, confidence: str
) -> None:
    hits, n = counts
    printed = Decimal(upper_bound(hits, n, confidence)) <= Decimal(limit)
    assert within(hits, n, limit, confidence) == printed


@given(COUNTS, LIMITS, CONFIDENCES)
def test_most_hits_is_where_the_decision_turns(
    counts: tuple[int, int], limit: str, confidence: str
) -> None:
    _, n = counts
    most = max_hits(n, limit, confidence)
    assert most < 0 or within(most, n, limit, confidence)
    assert most == n or not within(most + 1, n, limit, confidence)


@given(COUNTS)
def test_bound_lies_above_the_share_and_grows_with_hits(counts: tuple[int, int]) -> None:
    hits, n = counts
    bound = Decimal(upper_bound(hits, n, "0.95"))
    assert bound == 1 or bound > Decimal(hits) / n
    if hits:
        assert Decimal(upper_bound(hits - 1, n, "0.95")) < bound or bound == 1


def test_false_passes_at_the_limit_stay_under_alpha() -> None:
    for n in (149, 300, 600):
        most = max_hits(n, "0.02", "0.95")
        assert tail(most, n, Fraction(1, 50)) <= Fraction(1, 20)
        assert tail(most + 1, n, Fraction(1, 50)) > Fraction(1, 20)


def test_a_tail_equal_to_alpha_passes() -> None:
    # (1/2)**2 = 0.25 = 1 - confidence exactly: floats may fall on either side, ratios cannot.
    assert within(0, 2, "0.5", "0.75")
    assert not within(0, 2, "0.499999", "0.75")
    assert upper_bound(0, 2, "0.75") == "0.5"


@pytest.mark.parametrize(
    ("confidence", "attempt", "spent"),
    [
        ("0.95", 1, "0.975"),
        ("0.95", 2, "0.9875"),
        ("0.95", 3, "0.99375"),
        ("0.9", 1, "0.95"),
        ("0.999", 2, "0.99975"),
        ("0.950", 1, "0.975"),
        ("0.51", 1, "0.755"),
    ],
)
def test_attempts_halve_alpha_exactly(confidence: str, attempt: int, spent: str) -> None:
    assert spend(confidence, attempt) == spent


@given(CONFIDENCES, st.integers(1, LAST_ATTEMPT))
def test_however_many_attempts_alpha_is_never_spent(confidence: str, attempts: int) -> None:
    alpha = 1 - Fraction(confidence)
    spent = [1 - Fraction(spend(confidence, j)) for j in range(1, attempts + 1)]
    assert spent == sorted(spent, reverse=True)
    assert sum(spent) == alpha * (1 - Fraction(1, 2**attempts)) < alpha


@given(COUNTS, LIMITS, st.integers(1, 12))
def test_a_later_attempt_never_passes_more(
    counts: tuple[int, int], limit: str, attempt: int
) -> None:
    _, n = counts
    here, next_one = (max_hits(n, limit, spend("0.95", j)) for j in (attempt, attempt + 1))
    assert next_one <= here <= max_hits(n, limit, "0.95")


def test_beyond_the_last_attempt_nothing_is_given_back() -> None:
    assert spend("0.95", 10**9) == spend("0.95", LAST_ATTEMPT)
    assert max_hits(600, "0.02", spend("0.95", 10**9)) < 0


@pytest.mark.parametrize(("confidence", "attempt"), [("0.95", 0), ("0.95", -3), ("1", 1), ("x", 1)])
def test_no_attempt_or_no_confidence_is_refused(confidence: str, attempt: int) -> None:
    with pytest.raises(MalformedError, match="expected"):
        spend(confidence, attempt)


def test_the_table_in_the_documentation_is_true() -> None:
    text = (Path(__file__).resolve().parents[3] / "docs" / "measurement.md").read_text()
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| 0.")]
    sizes = (100, 300, 600, 1000, 2000)
    assert len(rows) == 4
    for limit, *cells in rows:
        most = [max_hits(n, limit, spend("0.95", 1)) for n in sizes]
        assert cells == [str(hits) if hits >= 0 else "–" for hits in most]
    for rate, percent in re.findall(r"(0\.\d+) → ([0-9.]+) %", text):
        assert f"{power(rate, 600, '0.02', spend('0.95', 1)) * 100:.1f}" == percent


@pytest.mark.parametrize("rate", ["0.001", "0.01", "0.02", "0.2"])
def test_power_is_the_chance_to_pass(rate: str) -> None:
    exact = tail(max_hits(600, "0.02", "0.95"), 600, Fraction(rate))
    assert power(rate, 600, "0.02", "0.95") == pytest.approx(float(exact))


def test_power_at_the_edges() -> None:
    assert power("0", 300, "0.02", "0.95") == 1.0
    assert power("1", 300, "0.02", "0.95") == 0.0
    assert power("0", 10, "0.02", "0.95") == 0.0


@pytest.mark.parametrize(
    "text",
    ["", "-0.1", "+0.1", "1e-3", "0,1", " 0.1", "0.", ".5", "nan", "0x1", "\u0660.\u0665", "1_0"],
)
def test_only_plain_decimals_are_numbers(text: str) -> None:
    with pytest.raises(MalformedError, match="plain decimal"):
        parse_ratio(text)


@pytest.mark.parametrize(
    ("hits", "n", "limit", "confidence"),
    [
        (-1, 10, "0.1", "0.95"),
        (11, 10, "0.1", "0.95"),
        (0, MAX_TRIALS + 1, "0.1", "0.95"),
        (0, 10, "0", "0.95"),
        (0, 10, "1.1", "0.95"),
        (0, 10, "0.1", "0.5"),
        (0, 10, "0.1", "1"),
    ],
)
def test_nonsense_is_refused(hits: int, n: int, limit: str, confidence: str) -> None:
    with pytest.raises(MalformedError, match="expected"):
        within(hits, n, limit, confidence)
