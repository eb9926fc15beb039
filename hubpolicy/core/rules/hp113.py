# SPDX-License-Identifier: Apache-2.0
"""HP113: nothing is left that the author was meant to replace."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.core.card.prose import measure
from hubpolicy.core.card.rule import CardRule, card_of, finding
from hubpolicy.core.card.text import quoted
from hubpolicy.domain.card import Mark, MetaList, MetaMap, MetaNode, MetaScalar
from hubpolicy.domain.finding import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hubpolicy.core.card.rule import CardEvidence
    from hubpolicy.domain.card import Section
    from hubpolicy.domain.finding import Finding

ID = "HP113"
TITLE = "no placeholder is left"
SEVERITY = Severity.WARNING
RULE = CardRule(ID, TITLE, SEVERITY, "card")


def check(evidence: CardEvidence) -> tuple[Finding, ...]:
    """One finding for each section and each metadata value that holds placeholders."""
    card = card_of(evidence)
    sections = (_section(each) for each in card.sections)
    return (*_metadata(card.metadata), *(each for each in sections if each))


def _section(section: Section) -> Finding | None:
    if not section.placeholders:
        return None
    first = section.placeholders[0]
    where = f"the section {quoted(section.title)}" if section.level else "the introduction"
    count = len(section.placeholders)
    held = f"{count} placeholders, first " if count > 1 else "the placeholder "
    message = f"{where} still holds {held}{quoted(first.text, 60)}"
    return finding(RULE, message, Mark(first.line, 1), "write the text, or delete the line")


def _metadata(metadata: MetaMap) -> Iterator[Finding]:
    for node in _scalars(metadata):
        if isinstance(node.value, str) and node.value and measure(node.value).placeholders:
            message = f"the metadata still holds the placeholder {quoted(node.text, 60)}"
            yield finding(RULE, message, node.at, "write the value, or delete the key")


def _scalars(node: MetaNode) -> Iterator[MetaScalar]:
    match node:
        case MetaScalar():
            yield node
        case MetaList():
            for item in node.items:
                yield from _scalars(item)
        case _:
            for entry in node.entries:
                # "unknown" is a licence id of the Hub, and HP106 speaks of it.
                if entry.key != "license":
                    yield from _scalars(entry.value)
