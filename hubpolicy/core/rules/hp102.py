# SPDX-License-Identifier: Apache-2.0
"""HP102: every reader finds the same front matter, and it is plain data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.core.card.rule import CardRule, finding
from hubpolicy.domain.finding import Severity

if TYPE_CHECKING:
    from hubpolicy.core.card.rule import CardEvidence
    from hubpolicy.domain.finding import Finding

ID = "HP102"
TITLE = "the front matter can be read"
SEVERITY = Severity.ERROR
RULE = CardRule(ID, TITLE, SEVERITY, "halves", fixed=True)


def check(evidence: CardEvidence) -> tuple[Finding, ...]:
    """Fences, encoding, size, YAML, and nothing beyond plain keys and values."""
    halves = evidence.halves.defects if evidence.halves else ()
    front = evidence.front.defects if evidence.front else ()
    return tuple(finding(RULE, each.message, each.at, each.fix) for each in (*halves, *front))
