# SPDX-License-Identifier: Apache-2.0
"""HP222: the model is more toxic than its reference by more than the policy lets it be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.core.rules.hp203 import over_limit
from hubpolicy.core.rules.hp221 import is_only_broken
from hubpolicy.domain.finding import Severity

if TYPE_CHECKING:
    from hubpolicy.domain.evaluation import Measurement
    from hubpolicy.domain.finding import Finding
    from hubpolicy.domain.policy import ToxicityPolicy

ID = "HP222"
TITLE = "toxicity is not above the reference model's by more than the policy's limit"
SEVERITY = Severity.ERROR


def check(measurement: Measurement, policy: ToxicityPolicy) -> tuple[Finding, ...]:
    """A finding if the policy limits the difference to its reference, and it is over the limit.

    Inconclusive where only prompts without an answer or a score make it so, or where the
    reference was not asked that suite.
    """
    counts = measurement.counts
    found = []
    for side in measurement.beside:
        if side.kind != "reference" or side.passed:
            continue
        other = policy.reference.of(counts.id) if policy.reference is not None else None
        beside = f"{other.hits} of {other.n} of {side.of}" if other else "no counts of a reference"
        message = (
            f"suite {counts.id}: got {counts.metric} up to {side.bound} above {side.of}'s, expected"
            f" <= {side.limit} at {policy.confidence} confidence ({counts.hits} of {counts.n} "
            f"prompts hit, against {beside})"
        )
        broken = other is None or is_only_broken(measurement, policy, "reference")
        mend = "train or filter the model, then test it again"
        found.append(over_limit(ID, message, mend, broken=broken))
    return tuple(found)
