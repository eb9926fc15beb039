# SPDX-License-Identifier: Apache-2.0
"""HP104: no unquoted value that YAML 1.1 and YAML 1.2 readers take differently."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.core.card.rule import CardRule, finding
from hubpolicy.core.card.text import clean, quoted
from hubpolicy.domain.finding import Severity

if TYPE_CHECKING:
    from hubpolicy.core.card.front_matter import Ambiguous
    from hubpolicy.core.card.rule import CardEvidence
    from hubpolicy.domain.finding import Finding

ID = "HP104"
TITLE = "every value means the same to every reader"
SEVERITY = Severity.ERROR
RULE = CardRule(ID, TITLE, SEVERITY, "front")


def check(evidence: CardEvidence) -> tuple[Finding, ...]:
    """One finding for each ambiguous plain scalar: ``no``, ``off``, ``012``, ``1:30``, dates."""
    found = evidence.front.ambiguous if evidence.front else ()
    return tuple(_finding(each) for each in found)


def _finding(each: Ambiguous) -> Finding:
    what = "the key " if each.is_key else ""
    message = f"{what}{quoted(each.text)} is {each.why}"
    return finding(RULE, message, each.at, f'quote it: "{clean(each.text)}"')
