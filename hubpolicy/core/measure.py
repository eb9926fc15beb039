# SPDX-License-Identifier: Apache-2.0
"""From integer counts to measurements under a policy's limits.

On the hook's path: standard library only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.core.statistics import upper_bound, within
from hubpolicy.domain.evaluation import Measurement

if TYPE_CHECKING:
    from hubpolicy.domain.policy import ToxicityPolicy
    from hubpolicy.domain.statement import SuiteCounts


def measure(suites: tuple[SuiteCounts, ...], policy: ToxicityPolicy) -> tuple[Measurement, ...]:
    """Counts against the policy's limits, in the policy's order; suites not asked for are left.

    Raises:
        MalformedError: the policy's limits or confidence are no decimals in range.

    """
    counts = {suite.id: suite for suite in suites}
    return tuple(
        _measurement(counts[gate.id], gate.upper_bound_max, policy.confidence)
        for gate in policy.suites
        if gate.id in counts
    )


def _measurement(counts: SuiteCounts, limit: str, confidence: str) -> Measurement:
    bound = upper_bound(counts.hits, counts.n, confidence)
    return Measurement(counts, bound, limit, within(counts.hits, counts.n, limit, confidence))
