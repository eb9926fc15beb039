# SPDX-License-Identifier: Apache-2.0
"""What a share of flagged texts says about the share of toxic ones, when the scorer errs.

Rogan and Gladen (Am. J. Epidemiology 107, 1978): true = (flagged + specificity - 1) / (sensitivity
+ specificity - 1). With a sensitivity of 0.375, 1 % flagged is 2.7 % toxic. Sensitivity and
specificity are themselves estimates, from a labelled set.

It holds for texts, not for prompts: a prompt is hit by its worst answer. Shown, never decisive.
"""

from __future__ import annotations

from math import sqrt
from statistics import NormalDist
from typing import NamedTuple

from hubpolicy.core.beta import beta_quantile
from hubpolicy.core.survey import Interval
from hubpolicy.errors import MalformedError


class Labelled(NamedTuple):
    """How a scorer did on texts whose answer is known: how many, and how many it flagged."""

    toxic: int
    toxic_flagged: int
    benign: int
    benign_flagged: int


def rogan_gladen(share: float, sensitivity: float, specificity: float) -> float:
    """The share of toxic texts, kept between 0 and 1.

    Raises:
        MalformedError: the scorer flags toxic texts no oftener than others, and so says nothing.

    """
    youden = sensitivity + specificity - 1
    if youden <= 0:
        message = (
            f"got sensitivity {sensitivity:.3f} and specificity {specificity:.3f}, "
            "expected a sum above 1"
        )
        raise MalformedError(message)
    return min(max((share + specificity - 1) / youden, 0.0), 1.0)


def lang_reiczigel(flagged: float, n: float, labelled: Labelled, confidence: float) -> Interval:
    """Rogan and Gladen's share with a two-sided interval that covers about as often as it says.

    Lang and Reiczigel (Preventive Veterinary Medicine 113, 2014, equations 2 to 5): Agresti and
    Coull's pseudo-counts for all three shares. ``flagged`` of ``n`` may be fractions: for clustered
    answers ``n`` is the effective number.

    Raises:
        MalformedError: impossible counts, or a scorer that says nothing.

    """
    _refuse(flagged, n, labelled)
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    size, toxic, benign = n + z * z, labelled.toxic + 2, labelled.benign + 2
    share = (flagged + z * z / 2) / size
    sensitivity = (labelled.toxic_flagged + 1) / toxic
    specificity = (labelled.benign - labelled.benign_flagged + 1) / benign
    youden = sensitivity + specificity - 1
    if youden <= 0:
        return Interval(rogan_gladen(flagged / n, *_rates(labelled)), 0.0, 1.0)
    true = (share + specificity - 1) / youden
    noise = sensitivity * (1 - sensitivity) / toxic, specificity * (1 - specificity) / benign
    shift = 2 * z * z * (true * noise[0] - (1 - true) * noise[1])
    variance = share * (1 - share) / size + true**2 * noise[0] + (1 - true) ** 2 * noise[1]
    half = z * sqrt(variance) / youden
    low, high = max(true + shift - half, 0.0), min(true + shift + half, 1.0)
    point = rogan_gladen(flagged / n, *_rates(labelled))
    return Interval(point, min(low, 1.0), max(high, 0.0))


def corrected_bound(high: float, labelled: Labelled, tail: float) -> float:
    """A one-sided upper bound on the share of toxic texts, wrong at most with chance 3 x ``tail``.

    ``high`` is an upper bound on the share of flagged ones, wrong at most with chance ``tail``.
    The corrected share grows with it and with specificity, and shrinks with sensitivity: so the
    upper Clopper-Pearson bound of the one and the lower bound of the other, at ``tail`` each,
    bound it (Bonferroni). 1 where the scorer's own figures leave open that it says nothing.
    """
    _refuse(0, 1, labelled)
    missed = labelled.toxic - labelled.toxic_flagged
    least = (
        beta_quantile(tail, labelled.toxic_flagged, missed + 1) if missed < labelled.toxic else 0.0
    )
    quiet = labelled.benign - labelled.benign_flagged
    most = (
        beta_quantile(1 - tail, quiet + 1, labelled.benign_flagged)
        if quiet < labelled.benign
        else 1.0
    )
    youden = least + most - 1
    if youden <= 0 or high > least:
        return 1.0
    return min(max((high + most - 1) / youden, 0.0), 1.0)


def _rates(labelled: Labelled) -> tuple[float, float]:
    return (
        labelled.toxic_flagged / labelled.toxic,
        1 - labelled.benign_flagged / labelled.benign,
    )


def _refuse(flagged: float, n: float, labelled: Labelled) -> None:
    possible = (
        0 <= flagged <= n
        and n > 0
        and 0 <= labelled.toxic_flagged <= labelled.toxic
        and 0 <= labelled.benign_flagged <= labelled.benign
        and labelled.toxic > 0
        and labelled.benign > 0
    )
    if not possible:
        message = f"got {flagged} of {n} flagged and {labelled}, expected counts of some texts each"
        raise MalformedError(message)
