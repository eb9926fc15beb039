# SPDX-License-Identifier: Apache-2.0
"""HP309: the release was judged under another policy than the one in force."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.core.lines import select, short
from hubpolicy.core.state_terms import counts, find_older
from hubpolicy.domain.finding import Finding, Severity
from hubpolicy.domain.statement import ReleaseSummary

if TYPE_CHECKING:
    from hubpolicy.core.evidence import Evidence

ID = "HP309"
TITLE = "the release was judged under the policy in force"
SEVERITY = Severity.ERROR


def check(evidence: Evidence) -> tuple[Finding, ...]:
    """Compares the signed policy digest with the policy that judges.

    One that the state lets count still is as good: this rule asks for a signature and nothing
    else, and every other rule judges by the policy in force.
    """
    wanted = evidence.policy.sha256
    named = dict.fromkeys(
        summary.policy_sha256 for _, summary in select(evidence.lines, ReleaseSummary)
    )
    return tuple(
        Finding(
            ID,
            SEVERITY,
            f"the release was made under policy {short(sha256)}{_ended(evidence, sha256)}, "
            f"in force is {short(wanted)} ({evidence.policy.id} version {evidence.policy.version})",
            None,
            "hubpolicy attest PATH signs the release line again; nothing is tested twice",
        )
        for sha256 in named
        if sha256 != wanted and not _counts(evidence, sha256)
    )


def _counts(evidence: Evidence, sha256: str) -> bool:
    older = find_older(evidence.trust.state, sha256)
    return older is not None and counts(older, evidence.now)


def _ended(evidence: Evidence, sha256: str) -> str:
    older = find_older(evidence.trust.state, sha256)
    return "" if older is None else f" (version {older.version}), which counted until {older.until}"
