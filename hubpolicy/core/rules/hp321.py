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

ID = "HP321"
TITLE = "nobody rejected these bytes"
SEVERITY = Severity.ERROR


def check(evidence: Evidence) -> tuple[Finding, ...]:
    """One finding per rejection that binds the bytes at hand."""
    return tuple(
        Finding(
            ID,
            SEVERITY,
            f"{line.principal} rejected this release as {approval.role}: {approval.reason}",
            None,
            "settle the objection; a rejection ends only with a new approval by the same person",
        )
        for line, approval in select(evidence.lines, Approval)
        if approval.decision == "reject" and applies(evidence, line)
    )
