# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubpolicy.core import strictjson
from hubpolicy.errors import MalformedError

TEXT = st.text(st.characters(codec="utf-8"), max_size=12)
LEAVES = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | TEXT
VALUES = st.recursive(
    LEAVES, lambda v: st.lists(v, max_size=4) | st.dictionaries(TEXT, v, max_size=4), max_leaves=20
)

REFUSED = {
    "duplicate key": (b'{"a":1,"a":1}', "'a' twice"),
    "duplicate key, nested": (b'[{"x":{"b":1,"c":2,"b":3}}]', "'b' twice"),
    "duplicate key, escaped once": (b'{"a":1,"\\u0061":2}', "'a' twice"),
    "NaN": (b'{"a":NaN}', "NaN"),
    "Infinity": (b"[Infinity]", "Infinity"),
    "minus Infinity": (b"[-Infinity]", "-Infinity"),
    "float beyond range": (b"[1e999]", "not finite"),
    "float beyond range, negative": (b"[-1e999]", "not finite"),
    "2**63": (b"[9223372036854775808]", "64 bits"),
    "-2**63-1": (b"[-9223372036854775809]", "64 bits"),
    "integer of 5,000 digits": (b"[" + b"9" * 5000 + b"]", "64 bits"),
    "byte order mark": (b"\xef\xbb\xbf{}", "BOM"),
    "UTF-16": ("{}".encode("utf-16"), "UTF-8"),
    "invalid UTF-8": (b'{"a":"\xff"}', "UTF-8"),
    "overlong UTF-8": (b'"\xc0\xaf"', "UTF-8"),
    "surrogate in UTF-8": (b'"\xed\xa0\x80"', "UTF-8"),
    "lone high surrogate": (b'["\\ud800"]', "surrogate"),
    "lone low surrogate": (b'["\\uDC00x"]', "surrogate"),
    "surrogate in a key": (b'{"\\udfff":1}', "surrogate"),
    "surrogates swapped": (b'["\\udc00\\ud800"]', "surrogate"),
    "trailing data": (b"{} {}", "Extra data"),
    "trailing comma": (b"[1,]", "strict JSON"),
    "empty": (b"", "Expecting value"),
    "white space": (b" \n", "Expecting value"),
    "control character": (b'"\n"', "control"),
    "single quotes": (b"{'a':1}", "strict JSON"),
    "comment": (b"{}//", "Extra data"),
    "leading zero": (b"[01]", "strict JSON"),
    "plus": (b"[+1]", "strict JSON"),
    "hex": (b"[0x10]", "strict JSON"),
    "truncated": (b'{"a":', "strict JSON"),
    "NUL": (b"{}\0", "Extra data"),
    "Arabic digits": ("[٣]".encode(), "strict JSON"),
}


@pytest.mark.parametrize(("raw", "reason"), REFUSED.values(), ids=REFUSED.keys())
def test_refuses_what_parsers_disagree_about(raw: bytes, reason: str) -> None:
    with pytest.raises(MalformedError, match="in the sample") as caught:
        strictjson.parse(raw, what="the sample")
    assert reason in caught.value.message


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (b" {} \r\n", {}),
        (b"[9223372036854775807,-9223372036854775808]", [2**63 - 1, -(2**63)]),
        (b"[1.5,-0.0,1e3]", [1.5, -0.0, 1000.0]),
        (b'["\\ud83d\\ude00"]', ["\U0001f600"]),
        (b'["\\\\ud800"]', ["\\ud800"]),
        (b"true", True),
    ],
)
def test_accepts_plain_json(raw: bytes, value: object) -> None:
    assert strictjson.parse(raw, what="the sample") == value


PADDING = {"number": "1", "bracket in a string": '"[{"', "escaped quote": '"\\"["', "empty": '""'}


@pytest.mark.parametrize("inner", PADDING.values(), ids=PADDING.keys())
@pytest.mark.parametrize(("before", "after"), [("[", "]"), ('{"a":', "}"), ('[{"a":', "}]")])
@pytest.mark.parametrize("limit", [1, 2, 7, 64])
def test_depth_is_exact(before: str, after: str, inner: str, limit: int) -> None:
    levels = len(before) // 4 + 1 if before.startswith("[{") else 1
    repeats = limit // levels
    fits = (before * repeats + inner + after * repeats).encode()
    strictjson.parse(fits, what="x", depth=max(repeats * levels, 1))
    if repeats:
        with pytest.raises(MalformedError, match="nesting"):
            strictjson.parse(fits, what="x", depth=repeats * levels - 1)


@pytest.mark.parametrize("levels", [65, 1_000, 100_000])
def test_nesting_bomb_is_refused(levels: int) -> None:
    with pytest.raises(MalformedError, match="nesting"):
        strictjson.parse(b"[" * levels + b"]" * levels, what="x")


def test_siblings_do_not_count_as_depth() -> None:
    raw = json.dumps([[{}, []], {"a": [[], {}]}] * 50).encode()
    strictjson.parse(raw, what="x", depth=4)
    with pytest.raises(MalformedError, match="nesting"):
        strictjson.parse(raw, what="x", depth=3)


def test_size_is_capped_before_anything_is_read() -> None:
    assert strictjson.parse(b"[1]", what="x", limit=3) == [1]
    with pytest.raises(MalformedError, match="got 4 bytes, expected at most 3, in x"):
        strictjson.parse(b"[1] ", what="x", limit=3)


@pytest.mark.parametrize(
    "text", ["0.3000000000000000000001", "1e-400", "-0.0", "1E+400", "0." + "1" * 98]
)
def test_exact_numbers_keep_their_digits(text: str) -> None:
    (value,) = strictjson.parse(f"[{text}]".encode(), what="x", exact=True)
    assert value == Decimal(text)
    assert type(value) is Decimal


@pytest.mark.parametrize("text", ["1e401", "1e-401", "1e" + "9" * 30, "0." + "1" * 99, "0e-401"])
def test_exact_numbers_have_bounds(text: str) -> None:
    with pytest.raises(MalformedError, match="out of bounds, expected strict JSON in UTF-8, in x"):
        strictjson.parse(f"[{text}]".encode(), what="x", exact=True)


def test_exact_numbers_beside_surrogates() -> None:
    raw = b'[0.5, "\\ud83d\\ude00"]'
    assert strictjson.parse(raw, what="x", exact=True) == [Decimal("0.5"), "\U0001f600"]


@given(VALUES)
def test_canonical_is_read_back(value: object) -> None:
    raw = strictjson.canonical(value)
    assert strictjson.parse(raw, what="x") == value
    assert strictjson.canonical(strictjson.parse(raw, what="x")) == raw


@given(
    st.binary(max_size=40)
    | st.text(alphabet='[]{}",:\\u0dDaef1.-NtI ', max_size=30).map(str.encode)
)
def test_any_bytes_are_a_value_or_malformed(raw: bytes) -> None:
    try:
        value = strictjson.parse(raw, what="x")
    except MalformedError:
        return
    assert json.loads(raw) == value


def test_canonical_form() -> None:
    value = {"b": [1, True, None], "a": "é\u2028", "B": {}, "z": ("x",)}
    assert (
        strictjson.canonical(value) == '{"B":{},"a":"é\u2028","b":[1,true,null],"z":["x"]}'.encode()
    )


@pytest.mark.parametrize(
    "value", [1.0, {"a": [0.5]}, {1: "a"}, {"a": b"x"}, {"a": {1, 2}}, object()]
)
def test_canonical_refuses_what_has_no_one_form(value: object) -> None:
    with pytest.raises(TypeError):
        strictjson.canonical(value)


def test_canonical_refuses_text_that_is_not_unicode() -> None:
    with pytest.raises(MalformedError, match="Unicode"):
        strictjson.canonical({"a": "\udcff"})
