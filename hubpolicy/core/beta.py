# SPDX-License-Identifier: Apache-2.0
"""The beta and Student distributions in floats, for intervals that are shown and decide nothing.

What decides is counted in integers (``core/statistics.py``).
"""

from __future__ import annotations

from math import exp, lgamma, log, log1p, sqrt

_ITERATIONS = 2000
_TINY = 1e-300
_CLOSE = 1e-14


def beta_cdf(x: float, a: float, b: float) -> float:
    """Regularised incomplete beta function, by its continued fraction (DLMF 8.17.22)."""
    if x <= 0 or x >= 1:
        return float(x >= 1)
    if x > (a + 1) / (a + b + 2):
        return 1 - beta_cdf(1 - x, b, a)
    front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x)) / a
    c, d = 1.0, 1 / _away(1 - (a + b) * x / (a + 1))
    value = d
    for m in range(1, _ITERATIONS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for step in (even, odd):
            d = 1 / _away(1 + step * d)
            c = _away(1 + step / c)
            value *= c * d
        if abs(c * d - 1) < _CLOSE:
            break
    return min(1.0, front * value)


def beta_quantile(probability: float, a: float, b: float) -> float:
    """Where the distribution function reaches ``probability``, by bisection."""
    low, high = 0.0, 1.0
    while True:
        middle = (low + high) / 2
        if not low < middle < high:
            return middle
        if beta_cdf(middle, a, b) < probability:
            low = middle
        else:
            high = middle


def student_quantile(tail: float, freedom: float) -> float:
    """The t that is exceeded with probability ``tail`` (0 to 0.5) at ``freedom`` degrees."""
    x = beta_quantile(2 * tail, freedom / 2, 0.5)
    return sqrt(freedom * (1 - x) / x)


def _away(value: float) -> float:
    """Keep a divisor off zero (Lentz's method)."""
    return value if abs(value) > _TINY else _TINY
