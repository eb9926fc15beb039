# SPDX-License-Identifier: Apache-2.0
"""Figures on labelled texts against scipy and a plain count of pairs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from hubpolicy.core.labelled import Judged, evaluate, parse_labelled, roc_auc, share
from hubpolicy.errors import MalformedError

scores = st.lists(st.integers(0, 10).map(lambda value: value / 10), min_size=1, max_size=30)


@given(scores, scores)
def test_auc_is_the_share_of_pairs_in_order(positive: list[float], negative: list[float]) -> None:
    pairs = [(p > n) + 0.5 * (p == n) for p in positive for n in negative]
    assert roc_auc(positive, negative) == pytest.approx(sum(pairs) / len(pairs), abs=1e-12)
    u = stats.mannwhitneyu(positive, negative).statistic
    assert roc_auc(positive, negative) == pytest.approx(u / len(pairs))


@pytest.mark.parametrize(("hits", "n"), [(0, 1), (1, 1), (0, 40), (40, 40), (3, 7), (450, 1500)])
def test_the_interval_is_clopper_and_pearsons(hits: int, n: int) -> None:
    found = share(hits, n)
    exact = stats.binomtest(hits, n).proportion_ci(confidence_level=0.95, method="exact")
    # Rounded outwards to six digits.
    assert 0 <= exact.low - float(found.low) <= 2e-6
    assert 0 <= float(found.high) - exact.high <= 2e-6


def test_a_perfect_scorer_is_perfect_and_a_coin_is_a_coin() -> None:
    perfect = [Judged(True, 1.0, True), Judged(False, 0.0, False)] * 5
    found = evaluate(perfect)
    assert (found.auc, found.brier, found.error) == (1.0, 0.0, 0.0)
    assert (found.sensitivity.rate, found.specificity.rate) == ("1.0000", "1.0000")
    coin = [Judged(True, 0.5, True), Judged(False, 0.5, True)] * 5
    found = evaluate(coin)
    assert (found.auc, found.brier, found.error) == (0.5, 0.25, 0.0)
    assert found.specificity.hits == 0
    assert len(found.bins) == 1


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 1)), min_size=2, max_size=50))
def test_every_text_is_in_one_bin(rows: list[tuple[bool, float]]) -> None:
    judged = [Judged(True, 1.0, True), Judged(False, 0.0, False)]
    judged += [Judged(toxic, score, score >= 0.5) for toxic, score in rows]
    found = evaluate(judged)
    assert sum(one.toxic.n for one in found.bins) == len(judged) == found.texts
    assert all(one.low <= one.mean <= one.high for one in found.bins)
    assert 0 <= found.error <= 1


@pytest.mark.parametrize("judged", [[], [Judged(True, 1.0, True)], [Judged(False, 1.0, True)]])
def test_one_kind_of_text_is_no_evaluation(judged: list[Judged]) -> None:
    with pytest.raises(MalformedError, match="expected some of both"):
        evaluate(judged)


@given(st.binary(max_size=80))
def test_any_bytes_give_rows_or_one_error(content: bytes) -> None:
    try:
        rows = parse_labelled(content, "here")
    except MalformedError:
        return
    assert len(rows) >= 2
