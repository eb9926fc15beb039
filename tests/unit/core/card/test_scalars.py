# SPDX-License-Identifier: Apache-2.0
"""Plain scalars, against the readers themselves: PyYAML for 1.1, ruamel.yaml for 1.2."""

from __future__ import annotations

import math
from datetime import date

import pytest
import yaml  # type: ignore[import-untyped]
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from hubpolicy.core.card.scalars import ambiguity, read_11, read_12

NUMBERISH = st.text(alphabet="0123456789+-._:eExXobaf", min_size=1, max_size=12)
WORDS = st.sampled_from(
    [
        "yes",
        "Yes",
        "YES",
        "yEs",
        "no",
        "off",
        "On",
        "ON",
        "true",
        "TRUE",
        "tRue",
        "~",
        "null",
        "Null",
        "nULL",
        ".nan",
        ".inf",
        "-.Inf",
        "+.INF",
        "2026-01-01",
        "2026-1-1",
        "2026-01-01T10:00:00Z",
        "1:30",
        "1:30.5",
        "190:20:30",
        "0b11",
        "0o17",
        "0x1F",
        "1_000",
        "1e5",
        "1e+5",
        "1.5e3",
        "0.",
        ".5",
        "08",
        "09",
        "010",
        "-012",
        "+1",
        "=",
        "<<",
        "v1.0",
        "1.2.3",
        "12e03",
        "0x",
        "0b",
        "-",
        "+",
        ".",
        "_",
        "1_",
        "0_7",
        "1__0",
    ]
)
AGREED = ["", "en", "12", "-3", "0", "0.5", "1.5e+3", "true", "False", "null", "~", "0x1F", "v1.0"]
AMBIGUOUS = {
    "no": "the boolean false for the Hub's Python client and a text for readers of YAML 1.2",
    "on": "the boolean true for the Hub's Python client and a text for readers of YAML 1.2",
    "y": "the boolean true for the Hub's Python client and a text for readers of YAML 1.2",
    "012": "the integer 10 for the Hub's Python client and the integer 12 for readers of YAML 1.2",
    "-012": "the integer -10 for the Hub's Python client and the integer -12 for readers of YAML 1.2",
    "0o17": "a text for the Hub's Python client and the integer 15 for readers of YAML 1.2",
    "08": "a text for the Hub's Python client and the integer 8 for readers of YAML 1.2",
    "1:30": "the integer 90 for the Hub's Python client and a text for readers of YAML 1.2",
    "1:30.5": "the number 90.5 for the Hub's Python client and a text for readers of YAML 1.2",
    "1_000": "the integer 1000 for the Hub's Python client and a text for readers of YAML 1.2",
    "0b11": "the integer 3 for the Hub's Python client and a text for readers of YAML 1.2",
    "1e5": "a text for the Hub's Python client and the number 100000.0 for readers of YAML 1.2",
    "2026-01-01": "a date for the Hub's Python client and a text for readers of YAML 1.2",
    "2026-01-01 10:00:00": "a date for the Hub's Python client and a text for readers of YAML 1.2",
    "=": "a special value for the Hub's Python client and a text for readers of YAML 1.2",
    ".nan": "not-a-number, which no JSON reader can hold",
    "-.inf": "infinity, which no JSON reader can hold",
    "1.0e+999": "infinity, which no JSON reader can hold",
    "9007199254740993": "a number that the Hub's pages round, beyond 2^53",
    "word:": "a text for some readers and a key for others",
}


@pytest.mark.parametrize("text", AGREED)
def test_what_all_readers_take_alike_is_no_ambiguity(text: str) -> None:
    assert ambiguity(text) is None


@pytest.mark.parametrize(("text", "why"), AMBIGUOUS.items())
def test_an_ambiguity_says_who_reads_what(text: str, why: str) -> None:
    assert ambiguity(text) == why


@given(st.one_of(NUMBERISH, WORDS))
@settings(max_examples=500, deadline=None)
def test_yaml_1_1_as_pyyaml_reads_it(text: str) -> None:
    ours = read_11(text)
    try:
        theirs = yaml.SafeLoader(text).get_single_data()
    except (yaml.YAMLError, ValueError):
        return  # no plain scalar at all, or one that crashes the reader
    if text in {"y", "Y", "n", "N"} or not _is_plain(text):
        return
    if isinstance(theirs, date):
        assert ours.kind == "date"
    elif isinstance(theirs, float) and not math.isfinite(theirs):
        assert ours.kind in {"infinity", "not-a-number"}
    else:
        assert (ours.value, type(ours.value)) == (theirs, type(theirs))


@given(st.one_of(NUMBERISH, WORDS))
@settings(max_examples=500, deadline=None)
def test_yaml_1_2_as_ruamel_reads_it(text: str) -> None:
    try:
        theirs = YAML(typ="safe", pure=True).load(text)
    except Exception:  # noqa: BLE001 - whatever it refuses is not compared
        return
    if not _is_plain(text) or isinstance(theirs, date) or text[:2] == "0b":
        return  # ruamel keeps some of YAML 1.1: dates, binary numbers, and
    if "_" in text or text.lstrip("+-").startswith("."):
        return  # underscores; and it takes ".5e3" and "+.5" for text, against the core schema
    ours = read_12(text)
    if isinstance(theirs, float) and not math.isfinite(theirs):
        assert ours.kind in {"infinity", "not-a-number"}
    else:
        assert ours.value == theirs


@given(st.text(max_size=30))
def test_letters_that_are_no_scalar_words_are_text(text: str) -> None:
    reading = read_12(f"é{text}")
    assert (reading.kind, reading.value) == ("text", f"é{text}")


def test_long_digits_are_text_and_cost_nothing() -> None:
    assert read_12("9" * 60_000).kind == "text"
    assert read_11("1:" * 30_000 + "1").kind == "text"


def _is_plain(text: str) -> bool:
    """True if YAML takes the text as one plain scalar."""
    try:
        events = list(yaml.parse(text, Loader=yaml.SafeLoader))
    except yaml.YAMLError:
        return False
    scalars = [each for each in events if isinstance(each, yaml.ScalarEvent)]
    kinds = {type(each).__name__ for each in events}
    return len(scalars) == 1 and scalars[0].value == text and "MappingStartEvent" not in kinds
