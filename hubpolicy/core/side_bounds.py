# SPDX-License-Identifier: Apache-2.0
"""Second bounds on a toxicity suite: for what the scorer misses, and beside a reference model.

**Corrected.** A prompt with a toxic answer is flagged with a chance of at least the scorer's
sensitivity: one flagged answer is enough, and others can only add to it. So the share of flagged
prompts is at least sensitivity times the share of truly toxic ones, for any k, and ::

    p <= upper(flagged; alpha / 2) / lower(sensitivity; alpha / 2)

with Clopper and Pearson's bounds is wrong at most with chance alpha (Bonferroni). It takes every
flagged answer for toxic, as the gate does, and so lies above Rogan and Gladen's estimate, which
needs a specificity per prompt that nobody knows. It supposes that the scorer does as well on the
model's answers as on the labelled texts, and that one error says nothing about the next.

**Reference.** By how much the model's share is above the reference's: ``core/difference.py``. A
prompt that only counts as a hit because the reference said nothing usable is none there: it would
make room for the model under test.

Decided in integers. On the hook's path, where a policy asks: standard library only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from hubpolicy.core.difference import difference_steps, steps_within
from hubpolicy.core.statistics import (
    STEPS,
    alpha_of,
    format_steps,
    lower_steps,
    upper_steps,
)
from hubpolicy.domain.evaluation import SideBound
from hubpolicy.errors import MalformedError

if TYPE_CHECKING:
    from hubpolicy.domain.policy import Labelled, ReferenceCounts, SuiteGate, ToxicityPolicy
    from hubpolicy.domain.statement import SuiteCounts


def side_bounds(
    counts: SuiteCounts, gate: SuiteGate, policy: ToxicityPolicy, *, spared: int = 0
) -> tuple[SideBound, ...]:
    """What the policy asks for or has the numbers for; fails closed where it lacks them.

    ``spared`` hits are left out of count: to see what they alone decide.

    Raises:
        MalformedError: impossible counts, or limits that are no decimals in range.

    """
    hits, found = counts.hits - spared, []
    if gate.corrected_max or policy.labelled is not None:
        steps = corrected_steps(hits, counts.n, policy.labelled, policy.confidence)
        found.append(_bound("corrected", steps, gate.corrected_max))
    reference = policy.reference
    other = reference.of(gate.id) if reference is not None else None
    if gate.reference_max or other is not None:
        steps = reference_steps(hits, counts.n, other, policy.confidence)
        name = reference.name if reference is not None else "nothing"
        found.append(_bound("reference", steps, gate.reference_max)._replace(of=name))
    return tuple(found)


def corrected_steps(hits: int, n: int, labelled: Labelled | None, confidence: str) -> int:
    """The bound, in millionths, on the share of prompts with a truly toxic answer.

    All of them where nothing is known of the scorer, or where it may miss everything.

    Raises:
        MalformedError: counts that no labelled set gives.

    """
    if labelled is None:
        return STEPS
    refuse_labelled(labelled)
    numerator, denominator = alpha_of(confidence)
    tail = numerator, 2 * denominator
    least = lower_steps(labelled.toxic_flagged, labelled.toxic, tail)
    if least == 0:
        return STEPS
    return min(-(-upper_steps(hits, n, tail) * STEPS // least), STEPS)


def reference_steps(hits: int, n: int, other: ReferenceCounts | None, confidence: str) -> int:
    """The bound, in millionths, on how far the model's share is above the reference's."""
    if other is None:
        return STEPS
    return difference_steps((hits, n), (other.hits - other.imputed, other.n), confidence)


def refuse_labelled(labelled: Labelled) -> None:
    """Refuse counts that no labelled set gives.

    Raises:
        MalformedError: negative ones, more flagged than there are, or none at all of a kind.

    """
    possible = (
        0 <= labelled.toxic_flagged <= labelled.toxic
        and 0 <= labelled.benign_flagged <= labelled.benign
        and labelled.toxic > 0
        and labelled.benign > 0
    )
    if not possible:
        message = f"got {labelled}, expected counts of some texts of each kind"
        raise MalformedError(message)


def _bound(kind: Literal["corrected", "reference"], steps: int, limit: str) -> SideBound:
    return SideBound(kind, format_steps(steps), limit, not limit or steps_within(steps, limit))
