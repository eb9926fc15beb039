# SPDX-License-Identifier: Apache-2.0
"""HP120: nobody signed that this card was checked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.core.lines import select
from hubpolicy.domain.finding import Finding, Location, Severity
from hubpolicy.domain.statement import CardResult

if TYPE_CHECKING:
    from hubpolicy.core.evidence import Evidence

ID = "HP120"
TITLE = "the card check is signed"
SEVERITY = Severity.ERROR


def check(evidence: Evidence) -> tuple[Finding, ...]:
    """One finding if there is no card line at all."""
    if select(evidence.lines, CardResult):
        return ()
    return (
        Finding(
            ID,
            SEVERITY,
            "the required card check is not in the evidence",
            Location("README.md"),
            "hubpolicy check PATH, then hubpolicy attest PATH",
            "inconclusive",
        ),
    )
