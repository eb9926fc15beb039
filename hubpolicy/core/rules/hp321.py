# SPDX-License-Identifier: Apache-2.0
"""HP321: somebody whose word counts rejected these bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.core.lines import select
from hubpolicy.core.rules.hp320 import applies
from hubpolicy.domain.finding import Finding, Severity
from hubpolicy.domain.statement import Approval

if TYPE_CHECKING:
    from hubpolicy.core.evidence import Evidence
    from hubpolicy.core.verify import VerifiedStatement

ID = "HP321"
TITLE = "nobody rejected these bytes"
SEVERITY = Severity.ERROR


def check(evidence: Evidence) -> tuple[Finding, ...]:
    """One finding per standing rejection that binds the bytes at hand. It never expires."""
    return tuple(
        Finding(
            ID,
            SEVERITY,
            f"{line.principal} rejected this release as {approval.role}: {approval.reason}",
            None,
            f"change what was rejected; or {line.principal} has another look and signs: "
            f"hubpolicy approve PATH --as {approval.role}",
        )
        for line, approval in _standing(evidence)
    )


def standing(evidence: Evidence) -> tuple[VerifiedStatement, ...]:
    """Rejections of the bytes at hand that nobody took back."""
    return tuple(line for line, _ in _standing(evidence))


def _standing(evidence: Evidence) -> tuple[tuple[VerifiedStatement, Approval], ...]:
    approvals = select(evidence.lines, Approval)
    return tuple(
        (line, approval)
        for line, approval in approvals
        if approval.decision == "reject"
        and applies(evidence, line)
        and not any(_takes_back(evidence, later, line) for later in approvals)
    )


def _takes_back(
    evidence: Evidence, later: tuple[VerifiedStatement, Approval], rejection: VerifiedStatement
) -> bool:
    """Signed statements carry no order; one that names the other's digest came after it."""
    line, approval = later
    return (
        approval.decision == "approve"
        and line.principal == rejection.principal
        and line.roles == rejection.roles
        and rejection.payload_sha256 in approval.evidence
        and applies(evidence, line)
    )
