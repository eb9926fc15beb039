# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubpolicy.core.fields import Fields, are_hex
from hubpolicy.errors import MalformedError

HEX = "0123456789abcdef"


@given(
    st.lists(st.text(HEX, min_size=3, max_size=5) | st.text(max_size=4) | st.integers() | st.none())
)
def test_many_digests_at_once_are_as_good_as_one_by_one(values: list[Any]) -> None:
    one_by_one = all(isinstance(v, str) and re.fullmatch(r"[0-9a-f]{4}", v) for v in values)
    assert are_hex(values, 4) == one_by_one


@pytest.mark.parametrize("value", [["ab", "c" * 6], ["ABCD"], ["０123"], [b"abcd"], ["abc\n"]])
def test_lengths_do_not_add_up_to_digests(value: list[Any]) -> None:
    assert not are_hex(value, 4)


@pytest.mark.parametrize("text", ["0", "0.95", "-1.5", "12", "0.000000000000000001"])
def test_decimals(text: str) -> None:
    assert Fields({"a": text}, "x").decimal("a") == text


@pytest.mark.parametrize(
    "text", ["", ".5", "5.", "01", "1e3", "+1", "NaN", "inf", "1_0", "٣", " 1", "1\n", 0.5, 1, None]
)
def test_other_numbers_are_no_decimals(text: Any) -> None:
    with pytest.raises(MalformedError, match="decimal number as text, in 'a' of x"):
        Fields({"a": text}, "x").decimal("a")


def test_messages_say_what_was_found_and_where() -> None:
    fields = Fields({"a": {"b": [{"c": 1}]}}, "line 3")
    (item,) = fields.object("a").objects("b")
    with pytest.raises(
        MalformedError,
        match=r"^got 1, expected text of .* in 'c' of item 0 of 'b' of 'a' of line 3$",
    ):
        item.text("c")
    with pytest.raises(
        MalformedError, match=r"^got nothing, expected an object, in 'z' of line 3$"
    ):
        fields.object("z")
    with pytest.raises(MalformedError, match="got list, expected a JSON object, in line 4"):
        Fields([], "line 4")


def test_long_hostile_values_are_cut_in_messages() -> None:
    with pytest.raises(MalformedError) as caught:
        Fields({"a": "x" * 10**6}, "x").flag("a")
    assert len(caught.value.message) < 300
    with pytest.raises(MalformedError) as caught:
        Fields({"k" * 10**6: 1}, "x").done()
    assert len(caught.value.message) < 300


def test_what_was_not_asked_for_is_refused() -> None:
    fields = Fields({"a": 1, "b": 2}, "x")
    assert fields.count("a") == 1
    assert not fields.has("c")
    with pytest.raises(MalformedError, match="unknown field 'b', expected a, c, in x"):
        fields.done()
    assert fields.has("b")
    fields.done()


@pytest.mark.parametrize("value", [-1, 11, 1.0, True, "1", None])
def test_counts_are_integers_within_bounds(value: Any) -> None:
    with pytest.raises(MalformedError, match="integer from 0 to 10"):
        Fields({"a": value}, "x").count("a", high=10)
