# SPDX-License-Identifier: Apache-2.0
"""HP121: the signed card check is about another card, other files, or another schema."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.core.lines import at_hand, differing, digests, named, select, short, whole
from hubpolicy.core.rules.hp120 import CARD, NO_CARD, WRITE_CARD
from hubpolicy.domain.finding import Finding, Location, Severity
from hubpolicy.domain.statement import CardResult

if TYPE_CHECKING:
    from hubpolicy.core.evidence import Evidence
    from hubpolicy.core.verify import VerifiedStatement

ID = "HP121"
TITLE = "the card check covers this card and this profile"
SEVERITY = Severity.ERROR
_FIX = "hubpolicy attest PATH checks the card again and signs"


def check(evidence: Evidence) -> tuple[Finding, ...]:
    """One finding per card line that does not cover the card, the bytes or the profile."""
    have = digests(evidence)
    found = []
    for line, result in select(evidence.lines, CardResult):
        reason = _reason(evidence, line, result, have)
        fix = WRITE_CARD if reason == NO_CARD else _FIX
        if reason:
            found.append(Finding(ID, SEVERITY, reason, Location(CARD), fix, "inconclusive"))
    return tuple(found)


def _reason(
    evidence: Evidence,
    line: VerifiedStatement,
    result: CardResult,
    have: dict[str, tuple[str | None, str | None]],
) -> str:
    wanted = evidence.policy.card
    if CARD not in have:
        return NO_CARD
    if differing(line.statement, have):
        return "the card changed after it was checked"
    if whole(line.statement) != at_hand(evidence):
        return "other files stood beside the card when it was checked"
    if result.schema_sha256 != wanted.schema_sha256:
        got = short(result.schema_sha256)
        expected = short(wanted.schema_sha256)
        return f"the card was checked against schema {got}, the policy asks for {expected}"
    ran = {*result.passed, *result.warned, *result.failed}
    absent = tuple(rule for rule in wanted.rules if rule not in ran)
    return f"the card was not checked for {named(absent)}" if absent else ""
