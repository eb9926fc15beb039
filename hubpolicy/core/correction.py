# SPDX-License-Identifier: Apache-2.0
"""What a share of flagged texts says about the share of toxic ones, when the scorer errs.

Rogan and Gladen (Am. J. Epidemiology 107, 1978): true = (flagged + specificity - 1) / (sensitivity
+ specificity - 1). With a sensitivity of 0.375, 1 % flagged is 2.7 % toxic. Sensitivity and
specificity are themselves estimates, from a labelled set.

It holds for texts, not for prompts: a prompt is hit by its worst answer. Shown, never decisive;
what a policy may gate is the exact bound of ``core/side_bounds.py``.
"""

from __future__ import annotations

from math import sqrt
from statistics import NormalDist

from hubpolicy.core.side_bounds import refuse_labelled
from hubpolicy.core.survey import Interval
from hubpolicy.domain.policy import Labelled
from hubpolicy.errors import MalformedError

__all__ = ["Labelled", "lang_reiczigel", "rogan_gladen"]


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


def _rates(labelled: Labelled) -> tuple[float, float]:
    return (
        labelled.toxic_flagged / labelled.toxic,
        1 - labelled.benign_flagged / labelled.benign,
    )


def _refuse(flagged: float, n: float, labelled: Labelled) -> None:
    refuse_labelled(labelled)
    if not (n > 0 and 0 <= flagged <= n):
        message = f"got {flagged} of {n} flagged, expected counts of some texts"
        raise MalformedError(message)
