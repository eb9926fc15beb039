# SPDX-License-Identifier: Apache-2.0
"""Reading a JSON object strictly: a getter states a type, :meth:`Fields.done` refuses the rest."""

from __future__ import annotations

import re
from typing import Any, NoReturn

from hubpolicy.core import times
from hubpolicy.errors import MalformedError

TEXT_LIMIT = 4096
COUNT_LIMIT = 10**12

_HEX = re.compile(r"[0-9a-f]{64}")
_HEX_DIGITS = b"0123456789abcdef"
_DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]{0,17})(?:\.[0-9]{1,18})?")


def are_hex(values: list[Any], digits: int) -> bool:
    """True if all are strings of that many lower-case hex digits; 20 x faster than one by one."""
    if any(kind is not str for kind in set(map(type, values))):
        return False
    if any(length != digits for length in set(map(len, values))):
        return False
    joined = "".join(values)
    return joined.isascii() and not joined.encode("ascii").translate(None, _HEX_DIGITS)


class Fields:
    """A JSON object whose fields are asked for one by one."""

    __slots__ = ("_asked", "_value", "where")

    def __init__(self, value: Any, where: str) -> None:
        self.where = where
        if not isinstance(value, dict):
            message = f"got {type(value).__name__}, expected a JSON object, in {where}"
            raise MalformedError(message)
        self._value = value
        self._asked: set[str] = set()

    def done(self) -> None:
        """Refuse fields that nobody asked for.

        Raises:
            MalformedError: naming the first of them.

        """
        for name in self._value:
            if name not in self._asked:
                expected = ", ".join(sorted(self._asked))
                message = f"got unknown field {name[:80]!r}, expected {expected}, in {self.where}"
                raise MalformedError(message)

    @property
    def names(self) -> tuple[str, ...]:
        """Every field that is there, known or not."""
        return tuple(self._value)

    def has(self, name: str) -> bool:
        """True if an optional field is there."""
        self._asked.add(name)
        return name in self._value

    def raw(self, name: str) -> Any:
        """The value as it is; None (which no field may be) where the field is missing."""
        self._asked.add(name)
        return self._value.get(name)

    def text(self, name: str) -> str:
        """A string, perhaps empty."""
        value = self.raw(name)
        if not isinstance(value, str) or len(value) > TEXT_LIMIT:
            self.refuse(name, f"text of at most {TEXT_LIMIT} characters")
        return value

    def words(self, name: str) -> str:
        """A string that is not blank."""
        value = self.text(name)
        if not value.strip():
            self.refuse(name, "text that is not blank")
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        """An array of strings."""
        values = self.array(name)
        texts = tuple(value for value in values if isinstance(value, str))
        if len(texts) != len(values) or any(len(text) > TEXT_LIMIT for text in texts):
            self.refuse(name, f"an array of texts of at most {TEXT_LIMIT} characters")
        return texts

    def one_of(self, name: str, allowed: tuple[str, ...]) -> str:
        """One of the given words."""
        value = self.raw(name)
        if not isinstance(value, str) or value not in allowed:
            self.refuse(name, " or ".join(allowed))
        return value

    def flag(self, name: str) -> bool:
        """True or false."""
        value = self.raw(name)
        if not isinstance(value, bool):
            self.refuse(name, "true or false")
        return value

    def count(self, name: str, *, low: int = 0, high: int = COUNT_LIMIT) -> int:
        """An integer within the bounds, both included; ``1.0`` and ``true`` are none."""
        value = self.raw(name)
        if type(value) is not int or not low <= value <= high:
            self.refuse(name, f"an integer from {low} to {high}")
        return value

    def decimal(self, name: str) -> str:
        """A decimal number as text, such as ``"0.95"``; kept as written."""
        value = self.raw(name)
        if not isinstance(value, str) or not _DECIMAL.fullmatch(value):
            self.refuse(name, "a decimal number as text")
        return value

    def hexdigest(self, name: str) -> str:
        """64 lower-case hex digits."""
        value = self.raw(name)
        if not isinstance(value, str) or not _HEX.fullmatch(value):
            self.refuse(name, "64 lower-case hex digits")
        return value

    def hexdigests(self, name: str) -> frozenset[str]:
        """An array of 64 lower-case hex digits each."""
        values = self.array(name)
        if not are_hex(values, 64):
            self.refuse(name, "an array of 64 lower-case hex digits each")
        return frozenset(values)

    def date(self, name: str) -> str:
        """A date, ``YYYY-MM-DD``."""
        value = self.raw(name)
        if not isinstance(value, str) or not times.is_date(value):
            self.refuse(name, "a date like 2026-11-22")
        return value

    def instant(self, name: str) -> str:
        """An instant in UTC, ``YYYY-MM-DDTHH:MM:SSZ``."""
        value = self.raw(name)
        if not isinstance(value, str) or not times.is_instant(value):
            self.refuse(name, "an instant like 2026-11-22T15:00:00Z")
        return value

    def object(self, name: str) -> Fields:
        """A nested object."""
        value = self.raw(name)
        if not isinstance(value, dict):
            self.refuse(name, "an object")
        return Fields(value, f"{name!r} of {self.where}")

    def array(self, name: str) -> list[Any]:
        """A JSON array, perhaps empty."""
        value = self.raw(name)
        if not isinstance(value, list):
            self.refuse(name, "an array")
        return value

    def objects(self, name: str) -> list[Fields]:
        """An array of objects."""
        where = f"{name!r} of {self.where}"
        return [Fields(item, f"item {i} of {where}") for i, item in enumerate(self.array(name))]

    def digest(self, algorithm: str = "sha256") -> str:
        """The ``digest`` object that holds exactly that algorithm (in-toto DigestSet)."""
        digest = self.object("digest")
        value = digest.hexdigest(algorithm)
        digest.done()
        return value

    def refuse(self, name: str, expected: str) -> NoReturn:
        """Say what was found instead of what was expected.

        Raises:
            MalformedError: always.

        """
        got = f"{self._value[name]!r:.80}" if name in self._value else "nothing"
        message = f"got {got}, expected {expected}, in {name!r} of {self.where}"
        raise MalformedError(message)
