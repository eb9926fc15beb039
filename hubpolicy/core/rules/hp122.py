# SPDX-License-Identifier: Apache-2.0
"""HP122: the signed card check failed, or warned where the policy demands more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.core.lines import named, select
from hubpolicy.domain.finding import Finding, Location, Severity
from hubpolicy.domain.statement import CardResult

if TYPE_CHECKING:
    from hubpolicy.core.evidence import Evidence

ID = "HP122"
TITLE = "the card check passed"
SEVERITY = Severity.ERROR


def check(evidence: Evidence) -> tuple[Finding, ...]:
    """One finding per card line with failed rules, by the signed rule ids."""
    found = []
    for _, result in select(evidence.lines, CardResult):
        raised = tuple(
            rule
            for rule in result.warned
            if (setting := evidence.policy.setting(rule)) and setting.severity is Severity.ERROR
        )
        bad = (*result.failed, *raised)
        if bad:
            message = f"the card fails {named(bad)}"
            fix = "hubpolicy check PATH shows the lines"
            found.append(Finding(ID, SEVERITY, message, Location("README.md"), fix))
    return tuple(found)
