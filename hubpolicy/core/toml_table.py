# SPDX-License-Identifier: Apache-2.0
"""Reading a TOML file strictly, key by key, with its name and line in every message.

A getter states a type and what stands for an absent key; :meth:`TomlTable.done` refuses the rest.
Standard library only: the hook reads a child policy with it.
"""

from __future__ import annotations

import re
import tomllib
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from hubpolicy.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

DIGITS = 12
"""Behind the point, at most: as exact bounds take them."""

DEPTH_LIMIT = 32
"""Levels of tables and arrays. A dotted key opens one per dot, and no parser's stack stops it."""

SOURCE_LIMIT = 16 * 1024 * 1024
"""Bytes of a file that a person wrote."""

_INT_LIMIT = 2**63
_MAGNITUDE = 400
"""Powers of ten of a number, either way."""

_LONGEST = 1000
"""Characters of a line that are looked at: expressions go back and forth on hostile ones."""

_HINT = "hubpolicy policy check --child FILE"
_HEADER = re.compile(r"\[\[?([^\[\]]+)\]")
_KEY = re.compile(r"""^\s*((?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*'))*)\s*=""")  # fmt: skip  # noqa: E501
_INLINE = re.compile(r"""[{,]\s*(?:"([^"]*)"|'([^']*)'|([A-Za-z0-9_-]+))\s*=""")


class TomlTable:
    """A table of a TOML file whose keys are asked for one by one.

    ``hint`` stands below every refusal: what to type, or where to read.
    """

    def __init__(
        self, value: dict[str, Any], path: tuple[str, ...], text: str, where: str, hint: str
    ) -> None:
        self._value, self._path, self._text, self._where = value, path, text, where
        self._hint = hint
        self._asked: set[str] = set()

    def __contains__(self, name: str) -> bool:
        self._asked.add(name)
        return name in self._value

    def names(self) -> tuple[str, ...]:
        """All keys, which count as asked for."""
        self._asked.update(self._value)
        return tuple(self._value)

    def needs(self, *names: str) -> None:
        """Refuse a table that lacks one of these keys.

        Raises:
            ConfigError: naming the first of them.

        """
        for name in names:
            if name not in self._value:
                self.refuse(name, f"each of {', '.join(names)}")

    def done(self) -> None:
        """Refuse keys that nobody asked for.

        Raises:
            ConfigError: naming the first of them.

        """
        for name in self._value:
            if name not in self._asked:
                known = ", ".join(sorted(self._asked))
                self.fail(name, f"got unknown key {name[:80]!r}, expected one of {known}")

    def table(self, name: str) -> TomlTable:
        """A table below; an empty one where it is absent."""
        value = self._get(name, {})
        if not isinstance(value, dict):
            self.refuse(name, "a table")
        return TomlTable(value, (*self._path, name), self._text, self._where, self._hint)

    def tables(self, name: str) -> tuple[TomlTable, ...]:
        """An array of tables; none where it is absent."""
        values = self._get(name, [])
        if not isinstance(values, list) or not all(isinstance(v, dict) for v in values):
            self.refuse(name, "an array of tables")
        return tuple(
            TomlTable(value, (*self._path, f"{name}#{at}"), self._text, self._where, self._hint)
            for at, value in enumerate(values)
        )

    def text(self, name: str, absent: T, expected: str = "text") -> str | T:
        """A string that is not empty."""
        value = self._get(name, absent)
        if name in self._value and not (isinstance(value, str) and value and len(value) <= 4096):
            self.refuse(name, expected)
        return value  # type: ignore[no-any-return]  # checked, or what the caller gave

    def texts(
        self, name: str, absent: tuple[str, ...], expected: str = "an array of texts, each once"
    ) -> tuple[str, ...]:
        """An array of strings that are not empty, each once."""
        values = self._get(name, absent)
        if name not in self._value:
            return absent
        fine = isinstance(values, list) and all(isinstance(v, str) and v for v in values)
        if not fine or len(set(values)) != len(values):
            self.refuse(name, expected)
        return tuple(values)

    def one_of(self, name: str, allowed: tuple[str, ...], absent: str) -> str:
        """One of the given words."""
        value = self._get(name, absent)
        if name in self._value and (not isinstance(value, str) or value not in allowed):
            self.refuse(name, " or ".join(allowed))
        return str(value)

    def flag(self, name: str, *, absent: bool) -> bool:
        """True or false."""
        value = self._get(name, absent)
        if not isinstance(value, bool):
            self.refuse(name, "true or false")
        return value

    def count(self, name: str, absent: int, low: int = 0, high: int = 10**9) -> int:
        """An integer within the bounds, both included; ``1.0`` and ``true`` are none."""
        value = self._get(name, absent)
        if name in self._value and (type(value) is not int or not low <= value <= high):
            self.refuse(name, f"an integer from {low} to {high}")
        return int(value)

    def share(self, name: str, absent: str, above: str = "0") -> str:
        """A number between ``above`` and 1, both excluded, as a plain decimal string."""
        value = self._get(name, absent)
        if name not in self._value:
            return absent
        fine = isinstance(value, Decimal) and _is_plain(value) and Decimal(above) < value < 1
        if not fine:
            self.refuse(name, f"a number between {above} and 1, of at most {DIGITS} digits")
        return f"{value:f}"

    def number(self, name: str) -> int | Decimal:
        """A finite number."""
        value = self._get(name, None)
        if type(value) is not int and not (isinstance(value, Decimal) and _is_plain(value)):
            self.refuse(name, f"a number of at most {DIGITS} digits")
        return value

    def day(self, name: str, absent: str) -> str:
        """A date."""
        value = self._get(name, absent)
        if name not in self._value:
            return absent
        if not isinstance(value, date) or isinstance(value, datetime):
            self.refuse(name, "a date such as 2027-06-30")
        return value.isoformat()

    @property
    def path(self) -> tuple[str, ...]:
        """Its name; ``suite#1`` is the second table of the array ``suite``."""
        return self._path

    def line(self, path: tuple[str, ...]) -> str:
        """The file, and the line on which that key stands."""
        line = line_of(self._text, path)
        return f"{self._where} line {line}" if line else self._where

    def refuse(self, name: str, expected: str) -> NoReturn:
        """Say what was found instead of what was expected.

        Raises:
            ConfigError: always.

        """
        got = f"{_shown(self._value[name]):.80}" if name in self._value else "nothing"
        key = ".".join(part.partition("#")[0] for part in (*self._path, name))
        self.fail(name, f"got {key} = {got}, expected {expected}")

    def fail(self, name: str, message: str) -> NoReturn:
        """The message, and where that key stands.

        Raises:
            ConfigError: always.

        """
        message = f"{message}, in {self.line((*self._path, name))}"
        raise ConfigError(message, hint=self._hint)

    def _get(self, name: str, absent: Any) -> Any:
        self._asked.add(name)
        return self._value.get(name, absent)


def parse_toml(raw: bytes, *, where: str, limit: int, hint: str = _HINT) -> TomlTable:
    """A whole file.

    Raises:
        ConfigError: too large, or not TOML in UTF-8.

    """
    if len(raw) > limit:
        message = f"got {len(raw)} bytes, expected at most {limit}, in {where}"
        raise ConfigError(message, hint=hint)
    try:
        value = read_toml(raw, where=where)
    except ConfigError as error:
        error.hint = hint
        raise
    return TomlTable(value, (), raw.decode("utf-8"), where, hint)


def read_toml(
    raw: bytes,
    *,
    where: str,
    limit: int = SOURCE_LIMIT,
    parse_float: Callable[[str], object] | None = None,
) -> dict[str, Any]:
    """What a TOML file says, within bounds that keep every later step from choking on it.

    Numbers with a point or an exponent are Decimal, or what ``parse_float`` makes of them.

    Raises:
        ConfigError: more bytes than ``limit``, not TOML in UTF-8, more than ``DEPTH_LIMIT`` levels,
            an integer outside 64 bits, a number that is not finite or beyond 1e400 or 1e-400.

    """
    if len(raw) > limit:
        message = f"got {len(raw)} bytes, expected at most {limit}, in {where}"
        raise ConfigError(message)
    try:
        text = raw.decode("utf-8")
        value = tomllib.loads(text, parse_float=parse_float or _decimal)
    except RecursionError:
        message = f"got nesting beyond {DEPTH_LIMIT} levels, expected TOML of less, in {where}"
        raise ConfigError(message) from None
    except ValueError as error:  # UnicodeDecodeError and TOMLDecodeError are of this kind
        message = f"got {error!s:.200}, expected TOML in UTF-8, in {where}"
        raise ConfigError(message) from error
    problem = _beyond(value)
    if problem is not None:
        path, message = problem
        line = line_of(text, path)
        raise ConfigError(f"{message}, in {where}" + (f" line {line}" if line else ""))
    return value


def _decimal(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:  # an exponent of 19 digits
        message = f"the number {text[:40]}, which is out of bounds"
        raise ValueError(message) from None


def _beyond(document: dict[str, Any]) -> tuple[tuple[str, ...], str] | None:
    """The first key whose value is out of bounds, level by level: a stack could be too short."""
    level: list[tuple[tuple[str, ...], Any]] = [((), document)]
    for _ in range(DEPTH_LIMIT + 1):
        following: list[tuple[tuple[str, ...], Any]] = []
        for path, value in level:
            expected = _bound(value)
            if expected:
                key = ".".join(part.partition("#")[0] for part in path)
                return path, f"got {key:.80} = {_shown(value):.24}, expected {expected}"
            following += _below(path, value)
        if not following:
            return None
        level = following
    path, value = level[0]
    return _down(path, value), f"got nesting beyond {DEPTH_LIMIT} levels, expected less"


def _down(path: tuple[str, ...], value: object) -> tuple[str, ...]:
    """On to what stands deepest: on its line, a dotted key is written as a whole."""
    parts = list(path)
    while isinstance(value, dict) and value and len(parts) < _LONGEST:
        name, value = next(iter(value.items()))
        parts.append(name)
    return tuple(parts)


def _below(path: tuple[str, ...], value: object) -> list[tuple[tuple[str, ...], Any]]:
    if isinstance(value, dict):
        return [((*path, name), child) for name, child in value.items()]
    if isinstance(value, list):
        *before, name = path
        return [((*before, f"{name}#{at}"), child) for at, child in enumerate(value)]
    return []


def _bound(value: object) -> str:
    """What was expected of a number that is out of bounds; else nothing."""
    if isinstance(value, int) and not -_INT_LIMIT <= value < _INT_LIMIT:
        return "an integer from -2^63 to 2^63 - 1"
    if isinstance(value, Decimal) and not (
        value.is_finite() and abs(value.adjusted()) <= _MAGNITUDE
    ):
        return f"a number between 1e-{_MAGNITUDE} and 1e{_MAGNITUDE}"
    return ""


def line_of(text: str, path: tuple[str, ...]) -> int:
    """The line (from 1) on which a key stands, or the longest part of its path; 0 if none.

    By the look of the lines: text in several lines can mislead. It is for people.
    """
    best, found = 0, 0
    table: tuple[str, ...] = ()
    arrays: dict[tuple[str, ...], int] = {}
    for number, whole in enumerate(text.splitlines(), start=1):
        line = whole[:_LONGEST].strip()
        header = _HEADER.match(line)
        if header is not None:
            table = _named(_split(header[1]), arrays, is_array=line.startswith("[["))
        for key in _keys(line, table) if header is None else (table,):
            if len(key) > best and path[: len(key)] == key:
                best, found = len(key), number
    return found


def _named(
    header: tuple[str, ...], arrays: dict[tuple[str, ...], int], *, is_array: bool
) -> tuple[str, ...]:
    """The header's path, each array in it with the number of its table."""
    if is_array:
        arrays[header] = arrays.get(header, -1) + 1
    starts = (header[: at + 1] for at in range(len(header)))
    return tuple(
        f"{start[-1]}#{arrays[start]}" if start in arrays else start[-1] for start in starts
    )


def _keys(line: str, table: tuple[str, ...]) -> list[tuple[str, ...]]:
    """The key that a line sets, and those in an inline table behind it."""
    match = _KEY.match(line)
    if match is None:
        return []
    key = (*table, *_split(match[1]))
    inner = (next(filter(None, groups), "") for groups in _INLINE.findall(line[match.end() :]))
    return [key, *((*key, name) for name in inner)]


def _split(dotted: str) -> tuple[str, ...]:
    return tuple(part.strip().strip("\"'") for part in dotted.split("."))


def _is_plain(value: Decimal) -> bool:
    """Not 1e-99999999, which would be written out with all its zeros."""
    return value.is_finite() and value.adjusted() >= -DIGITS and _places(value) <= DIGITS


def _places(value: Decimal) -> int:
    exponent = value.as_tuple().exponent
    return abs(exponent) if isinstance(exponent, int) else DIGITS + 1


def _shown(value: object) -> str:
    """For a message: no container is written out, nor an integer that takes its square in time."""
    if isinstance(value, dict | list):
        return "a table" if isinstance(value, dict) else "an array"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int) and not -_INT_LIMIT <= value < _INT_LIMIT:
        return f"an integer of {value.bit_length()} bits"
    return repr(value[:200]) if isinstance(value, str) else str(value)
