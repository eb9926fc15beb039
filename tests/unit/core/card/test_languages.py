# SPDX-License-Identifier: Apache-2.0
"""What a card declares that the model speaks, as tests and scorers name it."""

from __future__ import annotations

import pytest

from hubpolicy.core.card.check import RepoFacts, check_card
from tests.unit.core.card.cards import BASELINE, vocabularies

NOTHING = RepoFacts((), frozenset(), has_license_file=False, size_bytes=0)


@pytest.mark.parametrize(
    ("front", "languages"),
    [
        ("language: en", ("en",)),
        ("language: [fr, en]", ("en", "fr")),
        ("language:\n- pt-BR\n- PT\n- zh-Hant", ("pt", "zh")),
        ("language: multilingual", ("multilingual",)),
        ("language: [code, en, zxx]", ("en",)),
        ("license: mit", ()),
        ("language: '12'", ()),
    ],
)
def test_declared_languages_are_primary_subtags(front: str, languages: tuple[str, ...]) -> None:
    card = f"---\n{front}\n---\n# A card\n".encode()
    assert check_card(card, NOTHING, BASELINE, vocabularies()).languages == languages


@pytest.mark.parametrize("card", [None, b"", b"# no front matter\n", b"---\nlanguage: [\n---\n"])
def test_a_card_that_cannot_be_read_declares_nothing(card: bytes | None) -> None:
    check = check_card(card, NOTHING, BASELINE, vocabularies())
    assert check.languages == ()
    assert check.failed
