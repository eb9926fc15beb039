# SPDX-License-Identifier: Apache-2.0
"""HP101: the model has a card."""

from __future__ import annotations

import pytest

from hubpolicy.core.card.split import CARD_LIMIT
from tests.unit.core.card.cards import BODY, CARDS, TRANSFORMERS, found, good, judge, with_metadata


@pytest.mark.parametrize(
    ("readme", "place", "words"),
    [
        (None, "0:0 error", "the release has no README.md"),
        (b"", "1:1 error", "README.md is empty"),
        (b" \n\t\n", "1:1 error", "README.md is empty"),
        (b"x" * (CARD_LIMIT + 1), "1:1 error", "has no front matter"),
    ],
)
def test_no_card_is_one_finding(readme: bytes | None, place: str, words: str) -> None:
    (finding,) = judge(readme).findings
    assert finding.location
    assert f"{finding.location.line}:{finding.location.column} {finding.severity.word}" == place
    assert words in finding.message
    assert finding.effect == "failed"


def test_a_card_that_is_too_large_says_how_large() -> None:
    readme = with_metadata() + "word " * 200_000
    assert found(readme, "HP101") == [
        f"1:1 error README.md has {len(readme):,} bytes, expected at most 524,288"
    ]


def test_a_card_under_another_name_is_pointed_out() -> None:
    facts = TRANSFORMERS._replace(paths=frozenset({"Readme.md", "model.safetensors"}))
    (finding,) = judge(None, facts).findings
    assert finding.fix == "rename Readme.md to README.md"


def test_a_pointer_is_no_card() -> None:
    (finding,) = judge((CARDS / "defects" / "lfs-pointer.md").read_bytes()).findings
    assert finding.message == "README.md is a git-lfs pointer, not a card"


@pytest.mark.parametrize(
    ("char", "name"), [("\0", "U+0000"), ("\x1b", "U+001B"), ("\x9b", "U+009B")]
)
def test_control_characters_of_the_body_are_refused_where_they_stand(char: str, name: str) -> None:
    assert found(with_metadata() + f"\nend {char}[2J\n", "HP101") == [
        (
            f"{(with_metadata()).count(chr(10)) + 2}:5 error README.md holds the control character {name},"
            " expected plain text"
        )
    ]


@pytest.mark.parametrize(
    "card", [good(), with_metadata(), with_metadata() + "é\t漢\u202bx\u202c\r\n"]
)
def test_cards_that_are_text_pass(card: str) -> None:
    assert "HP101" in judge(card).passed
    assert BODY
