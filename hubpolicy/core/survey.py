# SPDX-License-Identifier: Apache-2.0
"""Two-sided intervals for shares, to be shown beside the bound that decides.

Answers to one prompt are not independent. Korn and Graubard's interval is Clopper and Pearson's on
the effective number of answers (Survey Methodology 24, 1998, with their correction for degrees of
freedom; "beta" in R's ``survey::svyciprop``). As in the NCHS standard for proportions (2017), the
effective number is never more than the answers there are.

A missing or unscored answer is the caller's to impute: it counts as toxic.
"""

from __future__ import annotations

from math import sqrt
from statistics import NormalDist
from typing import TYPE_CHECKING, NamedTuple

from hubpolicy.core.beta import beta_quantile, student_quantile
from hubpolicy.errors import MalformedError

if TYPE_CHECKING:
    from collections.abc import Sequence


class Interval(NamedTuple):
    """A share and where it may lie, all between 0 and 1."""

    share: float
    low: float
    high: float


class Clustered(NamedTuple):
    """A share of answers. ``effective`` independent answers would say as much.

    ``design_effect`` = answers / effective number without the correction: 1 where answers to one
    prompt are independent, up to k where they are all alike.
    """

    share: float
    low: float
    high: float
    effective: float
    design_effect: float


def korn_graubard(clusters: Sequence[tuple[int, int]], confidence: float) -> Clustered:
    """Of (toxic, answers) per prompt, one or more answers each.

    Without any spread between prompts the variance cannot be estimated: the prompts themselves are
    then the sample, which is the cautious end. One prompt shows nothing.

    Raises:
        MalformedError: no prompts, or impossible counts.

    """
    answers, toxic = _totals(clusters)
    share, prompts = toxic / answers, len(clusters)
    if prompts == 1:
        return Clustered(share, 0.0, 1.0, 1.0, float(answers))
    variance = _variance(clusters, share)
    if variance <= 0 or toxic in {0, answers}:
        return _beta_interval(share, prompts, confidence, answers / prompts)
    plain = share * (1 - share) / variance
    tail = (1 - confidence) / 2
    ratio = student_quantile(tail, answers - 1) / student_quantile(tail, prompts - 1)
    return _beta_interval(share, min(plain * ratio**2, answers), confidence, answers / plain)


def wilson(hits: int, n: int, confidence: float) -> Interval:
    """Wilson's score interval (JASA 22, 1927): narrow and near its level on average.

    Its level is not guaranteed, so it is shown and never decides.
    """
    if n == 0:
        return Interval(0.0, 0.0, 1.0)
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share, spread = hits / n, z * z / n
    middle = (share + spread / 2) / (1 + spread)
    half = z * sqrt(share * (1 - share) / n + spread / (4 * n)) / (1 + spread)
    low = 0.0 if hits == 0 else max(middle - half, 0.0)
    high = 1.0 if hits == n else min(middle + half, 1.0)
    return Interval(share, low, high)


def _totals(clusters: Sequence[tuple[int, int]]) -> tuple[int, int]:
    if not clusters or not all(0 <= x <= n and n > 0 for x, n in clusters):
        message = f"got {len(clusters)} prompts, expected some, each with 0 <= toxic <= answers"
        raise MalformedError(message)
    return sum(n for _, n in clusters), sum(x for x, _ in clusters)


def _variance(clusters: Sequence[tuple[int, int]], share: float) -> float:
    """Of a ratio estimator, with prompts drawn with replacement (Taylor linearisation)."""
    answers, prompts = sum(n for _, n in clusters), len(clusters)
    spread = sum((x - share * n) ** 2 for x, n in clusters)
    return spread / answers**2 * prompts / (prompts - 1)


def _beta_interval(share: float, effective: float, confidence: float, effect: float) -> Clustered:
    hits, tail = share * effective, (1 - confidence) / 2
    low = beta_quantile(tail, hits, effective - hits + 1) if share > 0 else 0.0
    high = beta_quantile(1 - tail, hits + 1, effective - hits) if share < 1 else 1.0
    return Clustered(share, low, high, effective, effect)
