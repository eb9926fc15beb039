# SPDX-License-Identifier: Apache-2.0
"""HP111: the sections that a reader must find are there. Which ones, the profile's schema says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.core.card.rule import CardRule
from hubpolicy.domain.finding import Severity

if TYPE_CHECKING:
    from hubpolicy.core.card.rule import CardEvidence
    from hubpolicy.domain.finding import Finding

ID = "HP111"
TITLE = "the required sections are there"
SEVERITY = Severity.ERROR
RULE = CardRule(ID, TITLE, SEVERITY, "schema")


def check(_: CardEvidence) -> tuple[Finding, ...]:
    """Nothing of its own: the schema's violations with this id are the findings."""
    return ()
