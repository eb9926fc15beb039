# SPDX-License-Identifier: Apache-2.0
"""The simulation that ``make bench`` prints: what it computes, and that it can find a bad method."""

from __future__ import annotations

import numpy as np
import pytest

from bench import false_pass
from bench.false_pass import Rate, Row, over_alpha, simulate


@pytest.mark.parametrize(("k", "icc"), [(2, 0.33), (5, 0.05), (5, 0.67), (25, 0.67)])
def test_models_are_exactly_at_the_limit(k: int, icc: float) -> None:
    mean = false_pass._mean_for(0.05, k, icc)
    draw = np.random.Generator(np.random.PCG64(1))
    toxic = false_pass._toxic(draw, (400, 500), k, mean, icc)
    assert (toxic > 0).mean() == pytest.approx(0.05, abs=0.0025)
    assert toxic.mean() / k == pytest.approx(mean, abs=0.0025)


def test_answers_to_one_prompt_correlate_as_they_should() -> None:
    draw = np.random.Generator(np.random.PCG64(2))
    pairs = false_pass._toxic(draw, (1, 400_000), 2, 0.3, 0.4)[0]
    # Var(X1 + X2) = 2 p q (1 + icc)
    assert pairs.var() == pytest.approx(2 * 0.3 * 0.7 * 1.4, rel=0.01)


def test_counting_prompts_and_spending_alpha_hold_where_answers_and_retries_do_not() -> None:
    row = simulate((300, 25, 0.33), 2000, 3, seed=1)
    assert row.answers.low > 0.2
    assert row.retried.low > 0.05
    assert row.once.high < 0.06
    assert row.spent.high < 0.06
    assert row.effective.low < 0.05


def test_the_table_says_what_was_simulated(capsys: pytest.CaptureFixture[str]) -> None:
    assert false_pass.main(["--rounds", "40", "--attempts", "2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "40 rounds, up to 2 attempts" in lines[0]
    assert len(lines) == len(false_pass.SCENES) + 3
    assert lines[-1] == "hubpolicy stays under alpha"


@pytest.mark.parametrize(
    ("once", "spent", "over"),
    [(50, 30, False), (60, 60, False), (80, 30, True), (30, 80, True)],
)
def test_only_what_is_certainly_over_alpha_is_an_error(once: int, spent: int, over: bool) -> None:
    fine, bad = Rate(10, 1000), Rate(900, 1000)
    row = Row(100, 5, 0.3, bad, bad, Rate(once, 1000), bad, Rate(spent, 1000))
    assert over_alpha(row) == over
    assert not over_alpha(row._replace(once=fine, spent=fine))


def test_rates_come_with_exact_intervals() -> None:
    # scipy.stats.binomtest(50, 1000).proportion_ci(0.99, method="exact")
    rate = Rate(50, 1000)
    assert (rate.low, rate.high) == pytest.approx((0.0339267, 0.0705044), abs=1e-6)
    assert str(rate) == " 5.00 % [ 3.39,  7.05]"
