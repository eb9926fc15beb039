# SPDX-License-Identifier: Apache-2.0
"""HP322: one person signed in two roles that the policy keeps apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.core.rules.hp320 import signers_of
from hubpolicy.domain.finding import Finding, Severity

if TYPE_CHECKING:
    from hubpolicy.core.evidence import Evidence

ID = "HP322"
TITLE = "roles that must differ are held by different people"
SEVERITY = Severity.ERROR


def check(evidence: Evidence) -> tuple[Finding, ...]:
    """Compares the principals of each role with those of its ``distinct_from`` role."""
    found = []
    for role in evidence.policy.roles:
        if not role.distinct_from or role.role.startswith("approver:"):
            continue
        both = signers_of(evidence, role.role) & signers_of(evidence, role.distinct_from)
        if both:
            who = ", ".join(sorted(both))
            message = f"{who} signed as {role.role} and as {role.distinct_from}"
            fix = f"let somebody else sign as {role.role}"
            found.append(Finding(ID, SEVERITY, message, None, fix))
    return tuple(found)
