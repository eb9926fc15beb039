# SPDX-License-Identifier: Apache-2.0
"""YAML events to values with places; everything beyond plain data is refused unexpanded."""

from __future__ import annotations

import time

import pytest

from hubpolicy.core.card.front_matter import (
    DEFECT_LIMIT,
    DEPTH_LIMIT,
    KEY_LIMIT,
    NODE_LIMIT,
    parse_front_matter,
)
from hubpolicy.domain.card import Mark, MetaMap, to_plain

VALUES = {
    "a: b": {"a": "b"},
    "a: 'no'": {"a": "no"},
    'a: "no\\tb"': {"a": "no\tb"},
    "a: 12": {"a": 12},
    "a: 0.5": {"a": 0.5},
    "a: true": {"a": True},
    "a:": {"a": None},
    "a: [b, 'c', 1]": {"a": ["b", "c", 1]},
    "a:\n- b\n- c: d\n  e: f": {"a": ["b", {"c": "d", "e": "f"}]},
    "a: |\n  b\n  c": {"a": "b\nc"},
    "a: >-\n  b\n  c": {"a": "b c"},
    "a: {}\nb: []": {"a": {}, "b": []},
    "# comment\na: b # more": {"a": "b"},
    "model-index:\n- name: x\n  results: []": {"model-index": [{"name": "x", "results": []}]},
    "漢: é": {"漢": "é"},
}

REFUSED = {
    "anchor": ("a: &x b", Mark(2, 4), "the anchor `&x`"),
    "anchor on a list": ("a: &x [b]", Mark(2, 4), "the anchor `&x`"),
    "alias": ("a: b\nc: *x", Mark(3, 4), "the alias `*x`"),
    "alias as key": ("*x : b", Mark(2, 1), "the alias `*x`"),
    "own tag": ("a: !x b", Mark(2, 4), "the tag `!x`"),
    "standard tag": ("a: !!str 1", Mark(2, 4), "the tag `tag:yaml.org,2002:str`"),
    "non-specific tag": ("a: ! b", Mark(2, 4), "the tag `!`"),
    "python tag": ("a: !!python/name:os.system x", Mark(2, 4), "python/name:os.system"),
    "tag on a mapping": ("a: !!set {b, c}", Mark(2, 4), "the tag"),
    "merge key": ("<<: {a: b}", Mark(2, 1), "the merge key"),
    "list as key": ("? [a]\n: b", Mark(2, 3), "a key of the front matter is a list"),
    "jinja": ("{{ card_data }}", Mark(2, 2), "a key of the front matter is a list or a mapping"),
    "empty key": (": b", Mark(2, 1), "a key has 0 characters"),
    "long key": ("? " + "k" * (KEY_LIMIT + 1) + "\n: b", Mark(2, 3), "a key has 257 characters"),
    "escaped control": ('a: "\\e[31m"', Mark(2, 4), "U+001B"),
    "escaped surrogate": ('a: "\\ud800"', Mark(2, 4), "U+D800"),
    "escaped nul": ('a: "\\0"', Mark(2, 4), "U+0000"),
    "impossible escape": ('a: "\\UFFFFFFFF"', Mark(2, 1), "not valid YAML"),
    "list at the top": ("- a\n- b", Mark(2, 1), "front matter is a list"),
    "text at the top": ("just text", Mark(2, 1), "front matter is a single value"),
    "colon in a value": ("a: b: c", Mark(2, 5), "mapping values are not allowed"),
    "open bracket": ("a: [b, c", Mark(2, 4), "not valid YAML"),
    "open quote": ("a: 'b", Mark(2, 4), "while scanning a quoted scalar"),
    "at sign": ("a: @b", Mark(2, 4), "cannot start any token"),
    "bad indentation": ("a: b\n  c: d", Mark(3, 4), "mapping values are not allowed"),
    "second document": ("a: b\n--- c", Mark(3, 1), "second YAML document"),
    "too deep": ("a: " + "[" * DEPTH_LIMIT, Mark(2, 3 + DEPTH_LIMIT), "nests deeper than 12"),
    "too many": ("a: [" + "b," * NODE_LIMIT + "]", None, "more than 4,000 values"),
}


@pytest.mark.parametrize(("text", "value"), VALUES.items())
def test_values_are_those_of_the_text(text: str, value: object) -> None:
    parsed = parse_front_matter(text, 2)
    assert parsed.metadata is not None
    assert to_plain(parsed.metadata) == value
    assert (parsed.defects, parsed.duplicates, parsed.ambiguous) == ((), (), ())


@pytest.mark.parametrize(("text", "at", "words"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_plain_data_is_refused(text: str, at: Mark | None, words: str) -> None:
    parsed = parse_front_matter(text, 2)
    assert parsed.metadata is None
    assert words in parsed.defects[0].message
    assert at is None or parsed.defects[0].at == at
    assert parsed.defects[0].fix


def test_places_are_lines_and_columns_of_the_file() -> None:
    parsed = parse_front_matter("a: b\nlist:\n  - x\n  - y: z", 5)
    assert isinstance(parsed.metadata, MetaMap)
    first, second = parsed.metadata.entries
    assert (first.at, first.value.at) == (Mark(5, 1), Mark(5, 4))
    assert (second.at, second.value.at) == (Mark(6, 1), Mark(7, 3))


def test_the_place_of_nothing_is_its_key() -> None:
    parsed = parse_front_matter("a:\n\nb: c", 2)
    assert parsed.metadata is not None
    assert parsed.metadata.entries[0].value.at == Mark(2, 1)


def test_duplicates_are_found_at_every_level() -> None:
    parsed = parse_front_matter("a: 1\nb:\n  c: 1\n  c: 2\n  'c': 3\na: 2", 2)
    assert [(each.key, each.at, each.first) for each in parsed.duplicates] == [
        ("c", Mark(5, 3), Mark(4, 3)),
        ("c", Mark(6, 3), Mark(5, 3)),
        ("a", Mark(7, 1), Mark(2, 1)),
    ]


def test_the_same_key_in_two_mappings_is_no_duplicate() -> None:
    assert parse_front_matter("a: [{b: 1}, {b: 2}]", 2).duplicates == ()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a: no", [("no", False)]),
        ("a: [y, off]", [("y", False), ("off", False)]),
        ("a: 'no'", []),
        ("no: a", [("no", True)]),
        ("1: a", [("1", True)]),
        ("true: a", [("true", True)]),
        ("a: [b?]", [("b?", False)]),
        ("a: b?", []),
        ("a: [:b]", [(":b", False)]),
        ("a: {b: 012}", [("012", False)]),
    ],
)
def test_ambiguous_scalars_are_found_as_values_and_as_keys(
    text: str, found: list[tuple[str, bool]]
) -> None:
    parsed = parse_front_matter(text, 2)
    assert [(each.text, each.is_key) for each in parsed.ambiguous] == found
    assert parsed.metadata is not None


def test_an_ambiguous_value_goes_on_as_its_text() -> None:
    metadata = parse_front_matter("language: no", 2).metadata
    assert metadata is not None
    assert to_plain(metadata) == {"language": "no"}


def test_a_bomb_is_never_expanded() -> None:
    lines = ["a: &a [x, x, x, x, x, x, x, x, x]"]
    for last, name in zip("abcdefghij", "bcdefghijk", strict=True):
        lines.append(f"{name}: &{name} [{', '.join(['*' + last] * 9)}]")
    begin = time.process_time()
    parsed = parse_front_matter("\n".join(lines), 2)
    assert time.process_time() - begin < 0.5
    assert parsed.metadata is None
    assert len(parsed.defects) == DEFECT_LIMIT


@pytest.mark.parametrize("text", ["[" * 60_000, "{" * 60_000, "a: " + "[{" * 30_000, "? " * 30_000])
def test_deep_nesting_costs_less_than_a_second(text: str) -> None:
    begin = time.process_time()
    parsed = parse_front_matter(text, 2)
    assert time.process_time() - begin < 2
    assert parsed.metadata is None
