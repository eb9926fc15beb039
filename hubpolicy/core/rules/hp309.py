# SPDX-License-Identifier: Apache-2.0
"""HP309: the release was judged under another policy than the one in force."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.core.lines import select, short
from hubpolicy.domain.finding import Finding, Severity
from hubpolicy.domain.statement import ReleaseSummary

if TYPE_CHECKING:
    from hubpolicy.core.evidence import Evidence

ID = "HP309"
TITLE = "the release was judged under the policy in force"
SEVERITY = Severity.ERROR


def check(evidence: Evidence) -> tuple[Finding, ...]:
    """Compares the signed policy digest with the policy that judges."""
    wanted = evidence.policy.sha256
    return tuple(
        Finding(
            ID,
            SEVERITY,
            f"the release was made under policy {short(summary.policy_sha256)}, "
            f"in force is {short(wanted)} ({evidence.policy.id} version {evidence.policy.version})",
            None,
            "hubpolicy attest PATH signs the release line again; nothing is tested twice",
        )
        for _, summary in select(evidence.lines, ReleaseSummary)
        if summary.policy_sha256 != wanted
    )
