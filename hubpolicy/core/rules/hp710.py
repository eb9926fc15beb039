# SPDX-License-Identifier: Apache-2.0
"""HP710: a waiver that does not hold: ended, for other bytes, or for a rule that has none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.core import times
from hubpolicy.core.lines import at_hand, select, short, whole
from hubpolicy.core.policy import is_waivable
from hubpolicy.core.rules.hp320 import signers_of
from hubpolicy.domain.finding import Finding, Severity
from hubpolicy.domain.statement import Waiver

if TYPE_CHECKING:
    from hubpolicy.core.evidence import Evidence
    from hubpolicy.core.verify import VerifiedStatement

ID = "HP710"
TITLE = "every waiver holds"
SEVERITY = Severity.ERROR
MAX_DAYS = 90
"""A waiver is a debt with a date; what should hold for longer belongs into the policy."""


def check(evidence: Evidence) -> tuple[Finding, ...]:
    """One finding per waiver line that waives nothing here."""
    found = []
    for line, waiver in select(evidence.lines, Waiver):
        reason = refusal(evidence, line, waiver)
        if reason:
            message = f"the waiver of {waiver.rule} {reason}"
            found.append(Finding(ID, SEVERITY, message, None, "hubpolicy attest PATH drops it"))
    return tuple(found)


def waived_rules(evidence: Evidence) -> frozenset[str]:
    """The rules for which a waiver holds."""
    return frozenset(
        waiver.rule
        for line, waiver in select(evidence.lines, Waiver)
        if not refusal(evidence, line, waiver)
    )


def refusal(evidence: Evidence, line: VerifiedStatement, waiver: Waiver) -> str:
    """Why the waiver does not hold, or nothing."""
    setting = evidence.policy.setting(waiver.rule)
    if not is_waivable(waiver.rule):
        return "is not possible: the rule holds the gate"
    if setting is None or not setting.waivable:
        return "is not possible: the policy does not mark the rule as waivable"
    if waiver.who != line.principal:
        return f"names {waiver.who}, and {line.principal} signed it"
    if waiver.until < evidence.now[:10]:
        return f"ended on {waiver.until}"
    if times.seconds(waiver.until) - times.seconds(evidence.now) > MAX_DAYS * 86400:
        return f"lasts until {waiver.until}, more than {MAX_DAYS} days from now"
    authors = signers_of(evidence, "checker") | signers_of(evidence, "releaser")
    if not evidence.trust.root.solo and line.principal in authors:
        return f"is by {line.principal}, who made this release; somebody else must waive"
    total = whole(line.statement)
    if total != at_hand(evidence):
        return f"is for other bytes ({short(total or 'no dirHash')})"
    return ""
