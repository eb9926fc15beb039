# SPDX-License-Identifier: Apache-2.0
"""Which languages a card declares, in the form in which tests and scorers name them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.core.card.metadata import texts_of

if TYPE_CHECKING:
    from hubpolicy.domain.card import Card

NO_LANGUAGE = frozenset({"code", "zxx"})
"""Programs, and what is in no language at all: no text in them is spoken to anybody."""


def declared_languages(card: Card | None) -> tuple[str, ...]:
    """Primary subtags (``pt`` of ``pt-BR``), lower case, sorted; HP107 judges their form.

    ``multilingual`` stays: it names no language, so no scorer covers it and no suite asks in it.
    """
    if card is None:
        return ()
    texts = (each.text.strip().lower() for each in texts_of(card.metadata, "language"))
    tags = {text.partition("-")[0].partition("_")[0] for text in texts}
    return tuple(sorted(tag for tag in tags if tag.isalpha() and tag not in NO_LANGUAGE))
