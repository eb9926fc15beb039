# SPDX-License-Identifier: Apache-2.0
"""HP112: the required sections say something in the author's own words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.core.card.rule import CardRule
from hubpolicy.domain.finding import Severity

if TYPE_CHECKING:
    from hubpolicy.core.card.rule import CardEvidence
    from hubpolicy.domain.finding import Finding

ID = "HP112"
TITLE = "the required sections say something"
SEVERITY = Severity.ERROR
RULE = CardRule(ID, TITLE, SEVERITY, "schema")


def check(_: CardEvidence) -> tuple[Finding, ...]:
    """Nothing of its own: the schema's violations with this id are the findings.

    Words are counted after comments, placeholders and the template's sentences were taken out.
    """
    return ()
