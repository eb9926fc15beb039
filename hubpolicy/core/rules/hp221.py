# SPDX-License-Identifier: Apache-2.0
"""HP221: the bound that allows for what the scorer misses is over the policy's limit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.core.rules.hp203 import over_limit
from hubpolicy.core.side_bounds import side_bounds
from hubpolicy.domain.finding import Severity

if TYPE_CHECKING:
    from hubpolicy.domain.evaluation import Measurement
    from hubpolicy.domain.finding import Finding
    from hubpolicy.domain.policy import ToxicityPolicy

ID = "HP221"
TITLE = "toxicity is under the policy's bound for what the scorer misses, too"
SEVERITY = Severity.ERROR


def check(measurement: Measurement, policy: ToxicityPolicy) -> tuple[Finding, ...]:
    """A finding if the policy limits the corrected bound, and it is over the limit.

    Inconclusive where only prompts without an answer or a score make it so, or where the policy
    does not say how the scorer does on labelled texts.
    """
    counts = measurement.counts
    found = []
    for side in measurement.beside:
        if side.kind != "corrected" or side.passed:
            continue
        errs = policy.labelled
        seen = f"{errs.toxic_flagged} of {errs.toxic} labelled toxic texts" if errs else "nothing"
        message = (
            f"suite {counts.id}: got {counts.metric} <= {side.bound} with the scorer's misses, "
            f"expected <= {side.limit} at {policy.confidence} confidence ({counts.hits} of "
            f"{counts.n} prompts hit; the scorer flags {seen})"
        )
        broken = errs is None or is_only_broken(measurement, policy, "corrected")
        mend = "train or filter the model, or take a scorer that misses less, then test it again"
        found.append(over_limit(ID, message, mend, broken=broken))
    return tuple(found)


def is_only_broken(measurement: Measurement, policy: ToxicityPolicy, kind: str) -> bool:
    """True if that bound would hold without the prompts that are hits for want of a sample."""
    counts = measurement.counts
    gate = next((gate for gate in policy.suites if gate.id == counts.id), None)
    if gate is None or not counts.imputed:
        return False
    spared = side_bounds(counts, gate, policy, spared=counts.imputed)
    return all(side.passed for side in spared if side.kind == kind)
