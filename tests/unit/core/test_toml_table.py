# SPDX-License-Identifier: Apache-2.0
"""Reading TOML strictly: types, unknown keys, and the line on which a key stands."""

from __future__ import annotations

import contextlib
import time
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubpolicy.core.toml_table import DEPTH_LIMIT, TomlTable, line_of, parse_toml, read_toml
from hubpolicy.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

TEXT = """\
schema = "x"   # first
id='y'

[toxicity]
  max_attempts=1
"quoted key" = 2
gate.limit = 0.5

[[toxicity.suite]]
id = "A"
gate = { metric = "m", upper = 0.1 }
[[ toxicity . suite ]]  # second
id = "B"
[toxicity.suite.gate]
upper = 0.2
[roles]
approver.safety = { "threshold" = 1,'binds'="card" }
[rules."HP110"]
severity = "error"
"""
PLACES = {
    ("schema",): 1,
    ("id",): 2,
    ("toxicity",): 4,
    ("toxicity", "max_attempts"): 5,
    ("toxicity", "quoted key"): 6,
    ("toxicity", "gate", "limit"): 7,
    ("toxicity", "suite#0"): 9,
    ("toxicity", "suite#0", "id"): 10,
    ("toxicity", "suite#0", "gate", "metric"): 11,
    ("toxicity", "suite#0", "gate", "upper"): 11,
    ("toxicity", "suite#1", "id"): 13,
    ("toxicity", "suite#1", "gate"): 14,
    ("toxicity", "suite#1", "gate", "upper"): 15,
    ("roles", "approver", "safety"): 17,
    ("roles", "approver", "safety", "threshold"): 17,
    ("roles", "approver", "safety", "binds"): 17,
    ("rules", "HP110", "severity"): 19,
    # What is not there stands where the longest part of its path does.
    ("toxicity", "absent"): 4,
    ("toxicity", "suite#2"): 4,
    ("rules", "HP110", "absent"): 18,
    ("absent",): 0,
}


@pytest.mark.parametrize("path", PLACES)
def test_a_key_is_found_on_its_line(path: tuple[str, ...]) -> None:
    assert line_of(TEXT, path) == PLACES[path]


def table(text: str = TEXT) -> TomlTable:
    return parse_toml(text.encode(), where="the file", limit=10_000)


def test_messages_name_key_value_file_and_line() -> None:
    suite = table().table("toxicity").tables("suite")[1]
    with pytest.raises(ConfigError) as raised:
        suite.count("id", 0)
    assert raised.value.message == (
        "got toxicity.suite.id = 'B', expected an integer from 0 to 1000000000, in the file line 13"
    )
    other = table().table("toxicity").tables("suite")[1]
    assert "gate" in other
    with pytest.raises(ConfigError, match=r"unknown key 'id', expected one of gate, in the file"):
        other.done()


def test_what_is_asked_for_is_known() -> None:
    top = table()
    assert top.text("schema", "") == "x"
    assert "id" in top
    for name in ("toxicity", "roles", "rules"):
        top.table(name).names()
    top.done()


def test_an_absent_key_is_what_the_caller_says() -> None:
    none = table("")
    assert none.text("a", "b") == "b"
    assert none.texts("a", ("b",)) == ("b",)
    assert none.count("a", 7) == 7
    assert none.share("a", "0.3") == "0.3"
    assert none.day("a", "2027-01-01") == "2027-01-01"
    assert none.one_of("a", ("x",), "y") == "y"
    assert none.flag("a", absent=True)
    assert none.tables("a") == ()
    assert none.table("a").names() == ()
    with pytest.raises(ConfigError, match="got a = nothing"):
        none.number("a")


@pytest.mark.parametrize(
    ("value", "number"),
    [("1", 1), ("-2", -2), ("0.5", Decimal("0.5")), ("1e-3", Decimal("0.001")), ("7.0", 7)],
)
def test_numbers(value: str, number: Decimal) -> None:
    assert table(f"a = {value}").number("a") == number


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "true", "'1'", "1e-13", "1e999999", "[1]"])
def test_what_is_no_plain_number(value: str) -> None:
    with pytest.raises(ConfigError, match="expected a number"):
        table(f"a = {value}").number("a")


@given(st.decimals(0, 1, places=12).filter(lambda value: 0 < value < 1))
def test_a_share_is_kept_digit_for_digit(value: Decimal) -> None:
    assert table(f"a = {value:f}").share("a", "") == f"{value:f}"


@given(st.binary(max_size=200))
def test_whatever_the_bytes_are_it_is_toml_or_an_error(raw: bytes) -> None:
    said = ""
    try:
        parse_toml(raw, where="x", limit=150)
    except ConfigError as error:
        said = error.message
    assert not said or said.endswith("in x")
    assert said or len(raw) <= 150


BEYOND = {
    "hexadecimal": ("n = 0x" + "f" * 5000, "got n = an integer of 20000 bits, expected", "line 2"),
    "negative": (f"n = {-(2**63) - 1}", "got n = an integer of 64 bits, expected", "line 2"),
    "decimal": ("n = " + "9" * 5000, "4300 digits", ""),
    "in an array": (f"a = {{ b = [1, {2**63}] }}", "got a.b = an integer of 64 bits", "line 2"),
    "dotted key": ("n" + ".a" * 99 + " = 1", "nesting beyond 32 levels", "line 2"),
    "dotted table": ("[n" + ".a" * 99 + "]", "nesting beyond 32 levels", "line 2"),
    "long dotted key": ("n" + ".a" * 2_000 + " = 1", "nesting beyond 32 levels", ""),
    "long dotted table": ("[n" + ".a" * 2_000 + "]", "nesting beyond 32 levels", ""),
    "brackets": ("n = " + "[" * 20_000, "nesting beyond 32 levels", ""),
    "exponent": ("n = 1e9999999999999999999999", "out of bounds", ""),
    "not finite": ("t.n = nan", "got t.n = NaN, expected a number between", "line 2"),
}


@pytest.mark.parametrize(("line", "words", "place"), BEYOND.values(), ids=BEYOND)
def test_what_later_steps_would_choke_on_is_refused(line: str, words: str, place: str) -> None:
    with pytest.raises(ConfigError) as raised:
        read_toml(f"\n{line}\n".encode(), where="the file")
    assert words in raised.value.message
    assert raised.value.message.endswith(f"in the file {place}".strip())
    assert len(raised.value.message) < 400


def test_bounds_are_exact() -> None:
    deep = ".".join("a" * DEPTH_LIMIT)
    read_toml(f"{deep} = 1".encode(), where="x")
    with pytest.raises(ConfigError, match="nesting"):
        read_toml(f"{deep}.a = {{}}\n{deep}.b = [1]".encode(), where="x")
    ends = {"a": 2**63 - 1, "b": -(2**63), "c": Decimal("1e400"), "d": Decimal("1e-400")}
    assert read_toml("\n".join(f"{k} = {v}" for k, v in ends.items()).encode(), where="x") == ends
    with pytest.raises(ConfigError, match="got 2 bytes, expected at most 1, in x"):
        read_toml(b"# ", where="x", limit=1)


TOML = st.lists(
    st.sampled_from(["a", ".a" * 99, "schema", " = ", "[", "]", "[[", "]]", "{", "}", '"', "'",
                     "\n", ",", "1", "0x" + "f" * 999, "9" * 4400, "1e9999", "-1e" + "9" * 30, "nan",
                     "1979-05-27T07:32:00-99:99", "0001-01-01", "24:00:60", "true", "\\ud800"]),
    max_size=12,
).map("".join)  # fmt: skip


@given(TOML)
def test_every_getter_refuses_in_its_own_words(text: str) -> None:
    """Any text is read, or refused with the one error that says where."""
    try:
        top = parse_toml(text.encode(), where="x", limit=10**6)
    except ConfigError:
        return
    names = top.names()
    asked: list[Callable[[str], object]] = [
        top.table, top.tables, top.number, lambda name: top.text(name, ""),
        lambda name: top.texts(name, ()), lambda name: top.one_of(name, ("x",), ""),
        lambda name: top.flag(name, absent=True), lambda name: top.count(name, 0),
        lambda name: top.share(name, ""), lambda name: top.day(name, ""),
    ]  # fmt: skip
    for name in names:
        for ask in asked:
            with contextlib.suppress(ConfigError):
                ask(name)


def test_no_container_is_written_into_a_message() -> None:
    with pytest.raises(ConfigError, match="got a = a table, expected text"):
        table("a.b = 1").text("a", "")
    with pytest.raises(ConfigError, match="got a = an array, expected text"):
        table("a = [1]").text("a", "")


@given(st.text(max_size=300), st.lists(st.text(max_size=5), max_size=3))
def test_a_line_is_always_one_of_the_text(text: str, path: list[str]) -> None:
    assert 0 <= line_of(text, tuple(path)) <= len(text.splitlines())


@pytest.mark.parametrize(
    "line",
    ["[" + " " * 60_000, "[" * 60_000, "a" + " " * 60_000, "a = {" + ", " * 30_000,
     "a" + "." * 60_000, '"' * 60_000, "[" + "a." * 30_000, "a = '" + "{a" * 30_000],
    ids=range(8),
)  # fmt: skip
def test_hostile_lines_cost_little(line: str) -> None:
    began = time.process_time()
    line_of(f"'''\n{line}\n'''", ("a", "b"))
    assert time.process_time() - began < 1
