# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubpolicy.render.escape import in_json, terminal
from tests.unit.render.hostile import TEXT, assert_harmless, whole


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("café 漢字", "café 漢字"),
        ("\x1b[31m", "\\x1b[31m"),
        ("\x9b31m", "\\x9b31m"),
        ("a\nb\tc", "a\\x0ab\\x09c"),
        ("\u202e", "\\u202e"),
        ("\udc80", "\\udc80"),
        ("\U000e0001", "\\U000e0001"),
        ("\ufffe", "\\ufffe"),
        ("##[error]", "#\\x23[error]"),
        ("####[", "###\\x23["),
        ("## [", "## ["),
        ("#\u200b#[", "#\\u200b#["),
    ],
)
def test_what_is_shown(text: str, shown: str) -> None:
    assert terminal(text) == shown


@given(TEXT)
def test_nothing_hostile_is_left(text: str) -> None:
    assert_harmless(terminal(text) + "\n")
    assert "\n" not in terminal(text)


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126)).filter(lambda t: "##[" not in t))
def test_plain_text_stays_as_it_is(text: str) -> None:
    assert terminal(text) == text


@given(TEXT)
def test_json_says_the_same(text: str) -> None:
    assert json.loads(in_json(json.dumps(text))) == whole(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("\ud800", r"\ud800"),
        ("a\udc80\ud800b", r"a\udc80\ud800b"),
        ("\ud83d\ude00", "\U0001f600"),
        ("\ud83d\ud83d\ude00", "\\ud83d\U0001f600"),
        (r"\ud800", r"\ud800"),
        ("\\\ud800", r"\\ud800"),
    ],
)
def test_half_a_character_is_named_and_never_said(text: str, said: str) -> None:
    raw = in_json(json.dumps(text))
    assert raw.isascii()
    assert json.loads(raw) == said == whole(text)
