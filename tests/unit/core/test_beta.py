# SPDX-License-Identifier: Apache-2.0
"""Our own beta and Student quantiles against R and scipy."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta, t

from hubpolicy.core.beta import beta_cdf, beta_quantile, student_quantile

SHAPES = st.floats(0.3, 3000.0)


@pytest.mark.parametrize(
    ("probability", "a", "b", "quantile"),
    # R 4.2.2: qbeta(probability, a, b)
    [
        (0.025, 0.3, 99.2, 3.22272799079e-08),
        (0.975, 1.3, 98.7, 0.0425077638813),
        (0.5, 5, 5, 0.5),
        (1e-9, 2, 3000.5, 1.49023747144e-08),
        (0.999, 40.25, 0.75, 0.999997772958),
    ],
)
def test_beta_quantiles_of_r(probability: float, a: float, b: float, quantile: float) -> None:
    assert beta_quantile(probability, a, b) == pytest.approx(quantile, rel=1e-9)


@pytest.mark.parametrize(
    ("tail", "freedom", "quantile"),
    # R 4.2.2: qt(1 - tail, freedom)
    [
        (1e-6, 2, 707.105720516),
        (1e-6, 99, 5.05197399825),
        (0.025, 1, 12.7062047362),
        (0.025, 2, 4.30265272975),
        (0.025, 11, 2.20098516009),
        (0.025, 99, 1.98421695159),
        (0.025, 2999, 1.96075531921),
        (0.3, 1, 0.726542528005),
        (0.3, 2999, 0.524456253385),
    ],
)
def test_student_quantiles_of_r(tail: float, freedom: float, quantile: float) -> None:
    assert student_quantile(tail, freedom) == pytest.approx(quantile, rel=1e-8)


@given(st.floats(0.0, 1.0), SHAPES, SHAPES)
def test_beta_distribution_is_scipys(x: float, a: float, b: float) -> None:
    assert beta_cdf(x, a, b) == pytest.approx(float(beta.cdf(x, a, b)), abs=1e-10)


@given(st.floats(0.0005, 0.9995), SHAPES, SHAPES)
def test_quantile_undoes_the_distribution(probability: float, a: float, b: float) -> None:
    assert beta_cdf(beta_quantile(probability, a, b), a, b) == pytest.approx(probability, abs=1e-9)


@given(st.floats(0.001, 0.49), st.integers(1, 20000))
def test_student_is_scipys(tail: float, freedom: int) -> None:
    assert student_quantile(tail, freedom) == pytest.approx(float(t.isf(tail, freedom)), rel=1e-6)
