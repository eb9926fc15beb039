# SPDX-License-Identifier: Apache-2.0
"""HP217: evidence of a plan that is for development."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.domain.finding import Finding, Severity

if TYPE_CHECKING:
    from hubpolicy.domain.policy import ToxicityPolicy
    from hubpolicy.domain.statement import ToxicityResult

ID = "HP217"
TITLE = "the evidence is of a plan that may open the gate"
SEVERITY = Severity.ERROR


def check(result: ToxicityResult, policy: ToxicityPolicy) -> tuple[Finding, ...]:
    """A finding if the plan that was run, or the one that is asked for, never opens the gate."""
    reasons = []
    if not result.opens_gate:
        reasons.append(f"got evidence of plan {result.plan!r}, which never opens the gate")
    if not policy.opens_gate:
        reasons.append(f"the policy asks for plan {policy.plan!r}, which never opens the gate")
    fix = f"hubpolicy test PATH --plan {policy.plan}"
    return tuple(
        Finding(ID, SEVERITY, reason, fix=fix, effect="inconclusive") for reason in reasons
    )
