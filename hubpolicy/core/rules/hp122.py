# SPDX-License-Identifier: Apache-2.0
"""HP122: the signed card check failed, or warned where the policy demands more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.core.lines import named, select
from hubpolicy.core.rules.hp710 import waived_rules
from hubpolicy.domain.finding import Finding, Location, Severity
from hubpolicy.domain.statement import CardResult

if TYPE_CHECKING:
    from hubpolicy.core.evidence import Evidence

ID = "HP122"
TITLE = "the card check passed"
SEVERITY = Severity.ERROR


def check(evidence: Evidence) -> tuple[Finding, ...]:
    """One finding per card line with failed rules, by the signed rule ids.

    A rule for which a waiver holds gets a finding of its own, under its own id: the judge finds
    the waiver by that, and shows it.
    """
    waived = waived_rules(evidence)
    found: dict[Finding, None] = {}
    for _, result in select(evidence.lines, CardResult):
        raised = tuple(
            rule
            for rule in result.warned
            if (setting := evidence.policy.setting(rule)) and setting.severity is Severity.ERROR
        )
        bad = (*result.failed, *raised)
        left = tuple(rule for rule in bad if rule not in waived)
        if left:
            found[_finding(ID, named(left))] = None
        found.update({_finding(rule, rule): None for rule in bad if rule in waived})
    return tuple(found)


def _finding(rule: str, failed: str) -> Finding:
    fix = "hubpolicy check PATH shows the lines"
    return Finding(rule, SEVERITY, f"the card fails {failed}", Location("README.md"), fix)
