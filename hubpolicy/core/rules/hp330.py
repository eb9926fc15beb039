# SPDX-License-Identifier: Apache-2.0
"""HP330: the policy in force only observes, so nothing passes under it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.domain.finding import Finding, Severity

if TYPE_CHECKING:
    from hubpolicy.core.evidence import Evidence

ID = "HP330"
TITLE = "the policy in force enforces"
SEVERITY = Severity.ERROR


def check(evidence: Evidence) -> tuple[Finding, ...]:
    """Looks at the policy's mode alone; ``core/judge.py`` asks whatever else is checked."""
    policy = evidence.policy
    if policy.mode == "enforce":
        return ()
    message = (
        f"policy {policy.id} version {policy.version} only observes, until {policy.observe_until}: "
        "nothing passes under it, and no release line is signed"
    )
    fix = 'set mode = "enforce" in hubpolicy.toml, then: hubpolicy policy sign'
    return (Finding(ID, SEVERITY, message, None, fix, "inconclusive"),)
