# SPDX-License-Identifier: Apache-2.0
"""HP301: no releaser signed a release line, or fewer of them than the policy asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.core.lines import select, threshold
from hubpolicy.domain.finding import Finding, Severity
from hubpolicy.domain.statement import ReleaseSummary

if TYPE_CHECKING:
    from hubpolicy.core.evidence import Evidence

ID = "HP301"
TITLE = "a releaser signed the release"
SEVERITY = Severity.ERROR
_FIX = "hubpolicy attest PATH --repo NAMESPACE/NAME"


def check(evidence: Evidence) -> tuple[Finding, ...]:
    """Counts distinct principals among verified release lines; one that says FAILED is a no."""
    releases = select(evidence.lines, ReleaseSummary)
    if not releases:
        return (
            Finding(ID, SEVERITY, "there is no release attestation", None, _FIX, "inconclusive"),
        )
    refused = sorted({line.principal for line, summary in releases if summary.result != "PASSED"})
    found = [
        Finding(
            ID, SEVERITY, f"{who} signed a release line that says FAILED", None, f"{who}: {_FIX}"
        )
        for who in refused
    ]
    signed = {line.principal for line, summary in releases if summary.result == "PASSED"}
    wanted = threshold(evidence, "releaser")
    if len(signed) < wanted:
        message = f"{len(signed)} of {wanted} releasers signed a release line that says PASSED"
        found.append(Finding(ID, SEVERITY, message, None, _FIX))
    return tuple(found)
