# SPDX-License-Identifier: Apache-2.0
"""HP109: the card names the library that loads the files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.core.card.metadata import text_of
from hubpolicy.core.card.rule import CardRule, card_of, finding
from hubpolicy.core.card.text import quoted
from hubpolicy.domain.finding import Severity

if TYPE_CHECKING:
    from hubpolicy.core.card.rule import CardEvidence
    from hubpolicy.domain.finding import Finding

ID = "HP109"
TITLE = "the library is named"
SEVERITY = Severity.ERROR
RULE = CardRule(ID, TITLE, SEVERITY, "card")


def check(evidence: CardEvidence) -> tuple[Finding, ...]:
    """A library that the Hub does not know is a warning: new ones appear every week."""
    vocabularies = evidence.vocabularies
    library = text_of(card_of(evidence).metadata, "library_name")
    if library is None or library.text in vocabularies.libraries:
        return ()
    meant = vocabularies.suggest(library.text, vocabularies.libraries)
    message = f"the Hub does not know the library {quoted(library.text)} (vocabulary "
    message += f"of {vocabularies.dated}), so it shows no code to load the model"
    fix = f"library_name: {meant}" if meant else "check the spelling; a new library may stay"
    return (finding(RULE, message, library.at, fix, Severity.WARNING),)
