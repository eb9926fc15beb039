# SPDX-License-Identifier: Apache-2.0
"""HP320: people who must agree have not agreed yet. HP321: one of them said no."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.core.lines import at_hand, differing, digests, select, whole
from hubpolicy.domain.finding import Finding, Severity
from hubpolicy.domain.statement import Approval, ReleaseSummary

if TYPE_CHECKING:
    from hubpolicy.core.evidence import Evidence
    from hubpolicy.core.verify import VerifiedStatement
    from hubpolicy.domain.policy import RoleRequirement

ID = "HP320"
TITLE = "everybody who must agree has agreed"
SEVERITY = Severity.ERROR


def check(evidence: Evidence) -> tuple[Finding, ...]:
    """Distinct principals per required approver role, on what the role binds."""
    found = []
    for role in evidence.policy.roles:
        if role.role.startswith("approver:"):
            agreed = approvers(evidence, role)
            if len(agreed) < role.threshold:
                name = role.role.removeprefix("approver:")
                message = f"{len(agreed)} of {role.threshold} {name} approvals (binds {role.binds})"
                fix = f"hubpolicy approve PATH --as {name}"
                found.append(Finding(ID, SEVERITY, message, None, fix, "pending"))
    return tuple(found)


def approvers(evidence: Evidence, role: RoleRequirement) -> frozenset[str]:
    """Principals whose unexpired approval binds the bytes at hand, less those who may not."""
    barred = signers_of(evidence, role.distinct_from) if role.distinct_from else frozenset()
    return frozenset(
        line.principal
        for line, approval in select(evidence.lines, Approval)
        if f"approver:{approval.role}" == role.role
        and approval.decision == "approve"
        and approval.binds == role.binds
        and approval.not_after >= evidence.now[:10]
        and line.principal not in barred
        and applies(evidence, line)
    )


def signers_of(evidence: Evidence, role: str) -> frozenset[str]:
    """Principals that used the named role in this evidence."""
    kind = ReleaseSummary if role == "releaser" else None
    return frozenset(
        line.principal
        for line in evidence.lines
        if role in line.roles and (kind is None or isinstance(line.predicate, kind))
    )


def applies(evidence: Evidence, line: VerifiedStatement) -> bool:
    """True if every subject, the whole included, is what stands here."""
    total = whole(line.statement)
    if total is not None and total != at_hand(evidence):
        return False
    return not differing(line.statement, digests(evidence))
