# SPDX-License-Identifier: Apache-2.0
"""HP219: a number of third-party evidence does not reach what the policy asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.core.foreign_coverage import as_asked, asked_metrics, needs
from hubpolicy.core.foreign_predicate import holds
from hubpolicy.domain.finding import Finding, Severity

if TYPE_CHECKING:
    from hubpolicy.core.evidence import Evidence

ID = "HP219"
TITLE = "third-party evidence holds the policy's thresholds"
SEVERITY = Severity.ERROR


def check(evidence: Evidence) -> tuple[Finding, ...]:
    """One finding per number that does not hold, whoever signed it and whatever word stands there.

    The word of the signed line was said against the thresholds of its day; only its numbers count.
    """
    found: dict[Finding, None] = {}
    for need in needs(evidence):
        for line, signed in as_asked(need):
            for asked, value, _ in asked_metrics(need.item, signed):
                if holds(value, asked.comparison, asked.threshold):
                    continue
                message = (
                    f"evidence {need.item.name!r}: got {asked.name} {value}, expected "
                    f"{asked.comparison} {asked.threshold} (imported by {line.principal}, "
                    f"{signed.format}, binding level {signed.binding_level})"
                )
                fix = "mend the model, measure it again, and import the new file"
                found[Finding(ID, SEVERITY, message, fix=fix)] = None
    return tuple(found)
