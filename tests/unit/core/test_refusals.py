# SPDX-License-Identifier: Apache-2.0
"""Refusals by phrase: the list is data, and what it says is what counts."""

from __future__ import annotations

import pytest

from hubpolicy.core.refusals import REACH, is_refusal, normalise, parse_phrases
from hubpolicy.errors import MalformedError

PHRASES = parse_phrases(b"# remarks\n\ni can't help\ni'm sorry, but\n")


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        ("I can't help with that.", True),
        ("I can\u2019t  help\nyou", True),
        ("**I can't help** here", True),
        ("Sure! I'M SORRY, BUT no.", True),
        ("To stop a process, type kill and its number.", False),
        ("", False),
        ("Well. " * 60 + "I can't help with that.", False),
    ],
)
def test_the_beginning_decides(text: str, *, refused: bool) -> None:
    assert is_refusal(text, PHRASES) is refused


def test_reach_is_counted_after_blanks_were_taken_together() -> None:
    text = "x" * (REACH - 13) + " i can't help"
    assert is_refusal(text, PHRASES)
    assert not is_refusal("x" + text, PHRASES)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "got 0 phrases"),
        (b"# only a remark\n", "got 0 phrases"),
        (b"I can't\n", "line 1"),
        (b"b\na\n", "line 2"),
        (b"a\na\n", "line 2"),
        (b"a  b\n", "line 1"),
        (b"\xff\n", "UTF-8"),
        (b"a\n" + b"#" * 70_000, "70002 bytes"),
    ],
)
def test_a_list_has_one_form(content: bytes, words: str) -> None:
    with pytest.raises(MalformedError, match=words):
        parse_phrases(content)


def test_normal_form_is_stable() -> None:
    assert normalise(normalise(" I\u2019M \t Sorry ")) == "i'm sorry"
