# SPDX-License-Identifier: Apache-2.0
"""From a path in the normalised document to a place in README.md."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.core.card.metadata import place
from hubpolicy.domain.card import CARD_PATH, Card, Mark
from hubpolicy.domain.finding import Location

if TYPE_CHECKING:
    from collections.abc import Sequence

_PARENTS = {
    "training-data": ("training-details", "training-procedure"),
    "contact": ("model-card-authors", "more-information"),
}
_TOP = Mark(1, 1)


def locate(card: Card, path: Sequence[str | int], missing: str = "") -> Location:
    """Where to look. What is missing is placed at its parent: the front matter, or a heading."""
    at = _TOP
    if path and path[0] == "metadata":
        at = place(card.metadata, path[1:]) if path[1:] else _TOP
    elif path and path[0] == "sections":
        at = _section(card, str(path[1]) if len(path) > 1 else "", missing)
    return Location(CARD_PATH, at.line, at.column)


def _section(card: Card, section_id: str, missing: str) -> Mark:
    for wanted in (section_id, *_PARENTS.get(missing, ())):
        section = card.section(wanted)
        if section is not None:
            return Mark(section.line, 1)
    headings = [section for section in card.sections if section.level]
    return Mark(headings[0].line, 1) if headings else _TOP
