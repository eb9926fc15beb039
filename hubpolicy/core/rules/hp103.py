# SPDX-License-Identifier: Apache-2.0
"""HP103: no key stands twice; some readers take the first, some the last, some refuse."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.core.card.rule import CardRule, finding
from hubpolicy.core.card.text import quoted
from hubpolicy.domain.finding import Severity

if TYPE_CHECKING:
    from hubpolicy.core.card.rule import CardEvidence
    from hubpolicy.domain.finding import Finding

ID = "HP103"
TITLE = "no key is given twice"
SEVERITY = Severity.ERROR
RULE = CardRule(ID, TITLE, SEVERITY, "front", fixed=True)


def check(evidence: CardEvidence) -> tuple[Finding, ...]:
    """One finding for each repetition, at the repeated key."""
    found = evidence.front.duplicates if evidence.front else ()
    return tuple(
        finding(
            RULE,
            f"the key {quoted(each.key)} stands twice, first in line {each.first.line};"
            " readers disagree which one counts",
            each.at,
            f"remove line {each.at.line} or line {each.first.line}",
        )
        for each in found
    )
