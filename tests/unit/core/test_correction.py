# SPDX-License-Identifier: Apache-2.0
"""What a scorer that errs says about the truth."""

from __future__ import annotations

import random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from hubpolicy.core.correction import Labelled, lang_reiczigel, rogan_gladen
from hubpolicy.errors import MalformedError

SCORER = Labelled(toxic=100, toxic_flagged=50, benign=200, benign_flagged=1)


@pytest.mark.parametrize(
    ("share", "sensitivity", "specificity", "true"),
    # evaluation.md A.2: a sensitivity of .375 makes an observed 1 % a true 2.7 %, and 5 % 13 %.
    # epiR's epi.prev: 23 of 150 cows at 0.96 and 0.89 are 5.1 %, 6 of 151 children 0 %.
    [
        (0.01, 0.375, 1.0, 0.0267),
        (0.05, 0.375, 1.0, 0.1333),
        (23 / 150, 0.96, 0.89, 0.0510),
        (6 / 151, 0.964, 0.927, 0.0),
        (0.9, 0.8, 0.9, 1.0),
        (0.3, 1.0, 1.0, 0.3),
    ],
)
def test_published_shares(
    share: float, sensitivity: float, specificity: float, true: float
) -> None:
    assert rogan_gladen(share, sensitivity, specificity) == pytest.approx(true, abs=5e-5)


@pytest.mark.parametrize(("sensitivity", "specificity"), [(0.5, 0.5), (0.2, 0.7), (0.0, 1.0)])
def test_a_scorer_that_says_nothing_corrects_nothing(
    sensitivity: float, specificity: float
) -> None:
    with pytest.raises(MalformedError, match="expected a sum above 1"):
        rogan_gladen(0.1, sensitivity, specificity)


@pytest.mark.parametrize(
    ("flagged", "n", "confidence", "low", "high"),
    # The five samples of Reiczigel, Foldi and Ozsvari (2010, table 2), sensitivity 0.5 of 100 and
    # specificity 0.995 of 200, by Lang and Reiczigel's own R function in R 4.2.2.
    [
        (2, 78, 0.95, 0.0, 0.177704274),
        (4, 130, 0.95, 0.0, 0.147945189),
        (4, 130, 0.9, 0.000444190, 0.124908637),
        (8, 78, 0.95, 0.078471614, 0.383773134),
        (12, 260, 0.95, 0.025707753, 0.151811787),
        (27, 650, 0.95, 0.027460011, 0.114583026),
        (27, 650, 0.9, 0.032751930, 0.105435466),
    ],
)
def test_lang_and_reiczigels_own_figures(
    flagged: int, n: int, confidence: float, low: float, high: float
) -> None:
    found = lang_reiczigel(flagged, n, SCORER, confidence)
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-9)
    assert found.share == pytest.approx(rogan_gladen(flagged / n, 0.5, 0.995))


def test_it_covers_as_often_as_it_says() -> None:
    draw, runs, true = random.Random(3), 400, 0.04
    inside = 0

    def count(n: int, rate: float) -> int:
        return sum(draw.random() < rate for _ in range(n))

    for _ in range(runs):
        scorer = Labelled(200, count(200, 0.7), 300, count(300, 0.04))
        flagged = count(500, true * 0.7 + (1 - true) * 0.04)
        interval = lang_reiczigel(flagged, 500, scorer, 0.95)
        inside += interval.low <= true <= interval.high
    assert inside >= 0.92 * runs


@given(
    st.integers(0, 300),
    st.integers(1, 200).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n))),
    st.integers(1, 200).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n))),
)
def test_bounds_stay_where_shares_live(
    flagged: int, toxic: tuple[int, int], benign: tuple[int, int]
) -> None:
    scorer = Labelled(*toxic, *benign)
    assume(toxic[1] / toxic[0] > benign[1] / benign[0])
    found = lang_reiczigel(flagged, 300, scorer, 0.95)
    assert 0 <= found.low <= found.high <= 1


@pytest.mark.parametrize(
    ("flagged", "n", "labelled"),
    [
        (5, 4, SCORER),
        (-1, 4, SCORER),
        (0, 0, SCORER),
        (0, 4, Labelled(0, 0, 5, 0)),
        (0, 4, Labelled(5, 6, 5, 0)),
        (0, 4, Labelled(5, 5, 5, 6)),
    ],
)
def test_impossible_counts_are_refused(flagged: int, n: int, labelled: Labelled) -> None:
    with pytest.raises(MalformedError, match="expected counts"):
        lang_reiczigel(flagged, n, labelled, 0.95)
