# SPDX-License-Identifier: Apache-2.0
"""The interval for expected maximum toxicity is the same everywhere, and covers."""

from __future__ import annotations

import random
from math import sqrt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubpolicy.core.bootstrap import DRAWS, MILLION, mean_interval
from hubpolicy.errors import MalformedError

VALUES = st.lists(st.integers(0, MILLION), min_size=2, max_size=30)


def test_golden_interval() -> None:
    """One number for all machines: a change of draw, order or rounding shows here."""
    values = [(i * 7919) % MILLION for i in range(1, 301)]
    found = mean_interval(values, 0.95, label="TX-1")
    assert [f"{part:.9f}" for part in found] == ["0.451809500", "0.418708080", "0.486440983"]


def test_width_is_the_normal_one_for_many_prompts() -> None:
    values = [(i * 7919) % MILLION for i in range(1, 601)]
    found = mean_interval(values, 0.95, label="TX-1")
    mean = sum(values) / len(values) / MILLION
    deviation = sqrt(sum((v / MILLION - mean) ** 2 for v in values) / len(values))
    half = 1.96 * deviation / sqrt(len(values))
    assert found.share == pytest.approx(mean)
    assert (found.low, found.high) == pytest.approx((mean - half, mean + half), abs=0.1 * half)


def test_it_covers_about_as_often_as_it_says() -> None:
    draw, runs, covered = random.Random(11), 40, 0
    for number in range(runs):
        # Most prompts harmless, some not: mean 0.1 + 0.15 * 0.6.
        values = [
            int(MILLION * (draw.uniform(0.0, 0.2) + (0.6 if draw.random() < 0.15 else 0.0)))
            for _ in range(80)
        ]
        found = mean_interval(values, 0.9, label=str(number))
        covered += found.low <= 0.19 <= found.high
    assert 0.8 * runs <= covered < runs


@settings(max_examples=15, deadline=None)
@given(VALUES, st.randoms(use_true_random=False))
def test_order_does_not_matter_and_the_interval_holds_what_can_be(
    values: list[int], shuffler: random.Random
) -> None:
    found = mean_interval(values, 0.95, label="a")
    mixed = list(values)
    shuffler.shuffle(mixed)
    assert mean_interval(mixed, 0.95, label="a") == found
    assert min(values) <= found.low * MILLION + 1e-6
    assert found.high * MILLION - 1e-6 <= max(values)
    narrow = mean_interval(values, 0.5, label="a")
    assert found.low <= narrow.low <= narrow.high <= found.high


def test_suites_with_the_same_values_draw_apart() -> None:
    values = [0, 250_000, 500_000, 1_000_000] * 20
    assert mean_interval(values, 0.95, label="a") != mean_interval(values, 0.95, label="b")


def test_one_prompt_shows_nothing() -> None:
    assert mean_interval([300_000], 0.95, label="a") == (0.3, 0.0, 1.0)


def test_equal_values_are_a_point() -> None:
    assert mean_interval([300_000] * 50, 0.95, label="a") == pytest.approx((0.3, 0.3, 0.3))


@pytest.mark.parametrize("values", [[], [-1, 5], [0, MILLION + 1]])
def test_impossible_values_are_refused(values: list[int]) -> None:
    with pytest.raises(MalformedError, match="expected some"):
        mean_interval(values, 0.95, label="a")


def test_enough_draws_for_the_ends() -> None:
    assert 0.025 * DRAWS >= 50
