# SPDX-License-Identifier: Apache-2.0
"""Violations in words, for every keyword that a schema may use."""

from __future__ import annotations

import pytest

from hubpolicy.core.card.phrases import describe, kind_of, name

PATH = ("metadata", "model-index", 0, "name")
WHERE = "`model-index[0].name`"
WORDS: dict[str, tuple[object, object, str]] = {
    "type": ("string", 3, f"{WHERE} is the number 3, expected a text"),
    "required": ("x", {}, f"{WHERE} has no `x`"),
    "enum": (["a", "b"], "c", f"{WHERE} is the text `c`, expected one of: a, b"),
    "const": (1, 2, f"{WHERE} is the number 2, expected 1"),
    "minimum": (5, 4, f"{WHERE} is the number 4, expected at least 5"),
    "maximum": (5, 6, f"{WHERE} is the number 6, expected at most 5"),
    "exclusiveMinimum": (5, 5, f"{WHERE} is the number 5, expected more than 5"),
    "exclusiveMaximum": (5, 5, f"{WHERE} is the number 5, expected less than 5"),
    "minLength": (3, "ab", f"{WHERE} has 2 characters, expected at least 3 characters"),
    "maxLength": (1, "ab", f"{WHERE} has 2 characters, expected at most 1 characters"),
    "minItems": (1, [], f"{WHERE} has 0 entries, expected at least 1 entries"),
    "maxItems": (1, [1, 2], f"{WHERE} has 2 entries, expected at most 1 entries"),
    "minProperties": (1, {}, f"{WHERE} has 0 keys, expected at least 1 keys"),
    "maxProperties": (0, {"a": 1}, f"{WHERE} has 1 keys, expected at most 0 keys"),
    "pattern": ("^a", "b", f"{WHERE} is the text `b`, which does not have the expected form"),
    "format": ("uri", "b", f"{WHERE} is the text `b`, expected a uri"),
    "additionalProperties": (
        False,
        {"a": 1},
        f"{WHERE} has keys that the profile does not know: a",
    ),
    "unevaluatedProperties": (
        False,
        {"b": 1},
        f"{WHERE} has keys that the profile does not know: b",
    ),
    "uniqueItems": (True, [1, 1], f"{WHERE} holds the same value twice"),
    "not": ({}, 1, f"{WHERE} is not allowed by the profile"),
}


@pytest.mark.parametrize("keyword", WORDS)
def test_each_keyword_says_what_is_wrong_and_what_to_do(keyword: str) -> None:
    want, got, message = WORDS[keyword]
    words = describe(keyword, want, got, PATH)
    assert words is not None
    assert words.message == message
    assert words.fix


def test_a_keyword_without_words_says_none() -> None:
    assert describe("contains", {}, [], PATH) is None


@pytest.mark.parametrize(
    ("want", "got", "fix"),
    [
        ("string", 2.0, 'quote it: "2.0"'),
        ("string", True, 'quote it: "true"'),
        (["string", "array"], None, "write a text or a list for `x`"),
    ],
)
def test_a_wrong_type_is_mended_by_quotes_where_that_helps(
    want: object, got: object, fix: str
) -> None:
    words = describe("type", want, got, ("metadata", "x"))
    assert words is not None
    assert words.fix == fix


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (None, "empty"),
        (False, "the boolean false"),
        (1.5, "the number 1.5"),
        ("a\x1b[31mb", "the text `a\ufffd[31mb`"),
        ([], "a list"),
        ({}, "a mapping"),
    ],
)
def test_kinds(value: object, kind: str) -> None:
    assert kind_of(value) == kind


def test_names_of_places() -> None:
    assert name(()) == "the card"
    assert name(("metadata",)) == "the card"
    assert name(("sections", "uses", "words")) == "`sections.uses.words`"


def test_long_lists_of_choices_are_cut() -> None:
    words = describe("enum", [str(n) for n in range(40)], "x", ("metadata", "x"))
    assert words is not None
    assert words.message.endswith("10, 11 …")
