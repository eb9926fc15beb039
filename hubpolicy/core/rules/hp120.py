# SPDX-License-Identifier: Apache-2.0
"""HP120: nobody signed that this card was checked, or fewer people than are asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.core.lines import digests, select, threshold
from hubpolicy.domain.finding import Finding, Location, Severity
from hubpolicy.domain.statement import CardResult

if TYPE_CHECKING:
    from hubpolicy.core.evidence import Evidence

ID = "HP120"
TITLE = "the card check is signed"
SEVERITY = Severity.ERROR
CARD = "README.md"
NO_CARD = f"the release has no {CARD}, so no card check"
"""What HP101 says, which checks cards and not evidence: nobody has to ask it first."""
WRITE_CARD = f"write {CARD} (hubpolicy check PATH says what goes in), then hubpolicy attest PATH"


def check(evidence: Evidence) -> tuple[Finding, ...]:
    """Counts distinct principals among verified card lines."""
    signed = {line.principal for line, _ in select(evidence.lines, CardResult)}
    wanted = threshold(evidence, "checker")
    if len(signed) >= wanted:
        return ()
    message = "the required card check is not in the evidence"
    if signed:
        message = f"{len(signed)} of {wanted} checkers signed a card check"
    fix = "hubpolicy check PATH, then hubpolicy attest PATH"
    if CARD not in digests(evidence):
        message, fix = NO_CARD, WRITE_CARD
    return (Finding(ID, SEVERITY, message, Location(CARD), fix, "inconclusive"),)
