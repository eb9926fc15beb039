# SPDX-License-Identifier: Apache-2.0
"""From integer counts to measurements under a policy's limits.

On the hook's path: standard library only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.core.difference import spread_bound, spread_within
from hubpolicy.core.statistics import upper_bound, within
from hubpolicy.domain.evaluation import GroupBound, Measurement

if TYPE_CHECKING:
    from hubpolicy.domain.evaluation import SideBound
    from hubpolicy.domain.policy import SuiteGate, ToxicityPolicy
    from hubpolicy.domain.statement import GroupCounts, SuiteCounts


def measure(suites: tuple[SuiteCounts, ...], policy: ToxicityPolicy) -> tuple[Measurement, ...]:
    """Counts against the policy's limits, in the policy's order; suites not asked for are left.

    Raises:
        MalformedError: the policy's limits or confidence are no decimals in range.

    """
    counts = {suite.id: suite for suite in suites}
    return tuple(
        _measurement(counts[gate.id], gate, policy) for gate in policy.suites if gate.id in counts
    )


def _measurement(counts: SuiteCounts, gate: SuiteGate, policy: ToxicityPolicy) -> Measurement:
    confidence = policy.confidence
    # What the policy asks for decides, not what the run says that it was: HP204 tells them apart.
    if gate.kind == "parity" and len(counts.groups) > 1:
        return _parity(counts, gate, confidence)
    limit = gate.upper_bound_max
    bound = upper_bound(counts.hits, counts.n, confidence)
    passed = within(counts.hits, counts.n, limit, confidence)
    return Measurement(counts, bound, limit, passed, beside=_beside(counts, gate, policy))


def _beside(counts: SuiteCounts, gate: SuiteGate, policy: ToxicityPolicy) -> tuple[SideBound, ...]:
    asked = gate.corrected_max or gate.reference_max or policy.labelled or policy.reference
    if gate.kind != "toxicity" or not asked:
        return ()
    from hubpolicy.core.side_bounds import side_bounds  # few policies ask for any

    return side_bounds(counts, gate, policy)


def _parity(counts: SuiteCounts, gate: SuiteGate, confidence: str) -> Measurement:
    """Every group under the limit, and no two further apart than the policy lets them be."""
    groups = tuple(_group(group, gate.upper_bound_max, confidence) for group in counts.groups)
    shares = tuple((group.hits, group.n) for group in counts.groups)
    near = spread_within(shares, gate.difference_max, confidence)
    return Measurement(
        counts=counts,
        upper_bound=max(groups, key=lambda group: float(group.upper_bound)).upper_bound,
        limit=gate.upper_bound_max,
        passed=near and all(group.passed for group in groups),
        groups=groups,
        difference=spread_bound(shares, confidence),
        difference_limit=gate.difference_max,
    )


def _group(group: GroupCounts, limit: str, confidence: str) -> GroupBound:
    return GroupBound(
        name=group.name,
        hits=group.hits,
        n=group.n,
        upper_bound=upper_bound(group.hits, group.n, confidence),
        passed=within(group.hits, group.n, limit, confidence),
    )
