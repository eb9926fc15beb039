# SPDX-License-Identifier: Apache-2.0
"""HP202: scored by a classifier that the policy does not accept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.domain.finding import Finding, Severity

if TYPE_CHECKING:
    from hubpolicy.domain.policy import ToxicityPolicy
    from hubpolicy.domain.statement import ScorerPin

ID = "HP202"
TITLE = "the toxicity classifier is one that the policy accepts"
SEVERITY = Severity.ERROR

_RANK = {"screen": 1, "detoxify": 2}


def check(pin: ScorerPin, policy: ToxicityPolicy) -> tuple[Finding, ...]:
    """A finding for a tier below the required one, and for a digest that is not pinned."""
    findings = []
    # A tier of a later version ranks lowest, so that it can never stand in for a known one.
    if _RANK.get(pin.tier, 0) < _RANK[policy.require_tier]:
        message = f"got scorer {pin.id!r} of tier {pin.tier}, expected tier {policy.require_tier}"
        fix = f"hubpolicy test PATH    with a scorer of tier {policy.require_tier}"
        findings.append(Finding(ID, SEVERITY, message, fix=fix, effect="inconclusive"))
    if pin.sha256 not in policy.scorers:
        known = ", ".join(sorted(digest[:12] for digest in policy.scorers)) or "none"
        message = f"got scorer {pin.id!r} with digest {pin.sha256[:12]}, expected one of: {known}"
        fix = "hubpolicy test PATH    with a pinned scorer, or pin this one in the policy"
        findings.append(Finding(ID, SEVERITY, message, fix=fix, effect="inconclusive"))
    return tuple(findings)
