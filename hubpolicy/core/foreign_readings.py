# SPDX-License-Identifier: Apache-2.0
"""What a reader of a foreign format finds, and the form in which it is signed."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn, Protocol

from hubpolicy.core import times
from hubpolicy.errors import MalformedError

if TYPE_CHECKING:
    from hubpolicy.domain.statement import Comparison

_UNITS = 10**18
_FIRST = "1970-01-01"
_LAST_SECOND = 253_402_300_799


class Reading(NamedTuple):
    """The number that the file gives, exactly; ``samples`` = answers behind it, 0 if unsaid."""

    value: Fraction
    samples: int = 0


class Results(Protocol):
    """One parsed file. Both methods raise MalformedError where the file does not say."""

    def reading(self, source: dict[str, str]) -> Reading:
        """The number at that place, by the keys of the format (``foreign_policy.SELECTORS``)."""

    def measured_on(self, pointer: str) -> str:
        """A date or an instant (UTC): when the run was made, as the file says."""


def number(value: object, place: str) -> Fraction:
    """A JSON number as ``strictjson`` reads it ``exact``, or a decimal number as text.

    Raises:
        MalformedError: anything else: ``N/A``, ``null`` and ``true`` are no numbers, and a float
            is what a number was rounded to.

    """
    if type(value) is int or (isinstance(value, Decimal) and value.is_finite()):
        return Fraction(value)
    if not isinstance(value, str) or not _is_decimal(value):
        refuse(value, "a number", place)
    return Fraction(value)


def count(value: object, place: str) -> int:
    """A JSON integer that is not negative.

    Raises:
        MalformedError: anything else.

    """
    if type(value) is not int or value < 0:
        refuse(value, "a count", place)
    return value


def decimal_text(value: Fraction, comparison: Comparison, place: str) -> str:
    """At most 18 digits behind the point, rounded to the side on which it is harder to pass.

    Raises:
        MalformedError: more than 18 digits before it.

    """
    if abs(value) >= _UNITS:
        refuse(_rough(value), "a number of at most 18 digits", place)
    scaled = value * _UNITS
    floor = scaled.numerator // scaled.denominator
    exact = scaled.denominator == 1
    units = floor if exact or comparison == "at least" else floor + 1
    whole, part = divmod(abs(units), _UNITS)
    text = f"{'-' if units < 0 else ''}{whole}.{part:018d}"
    return text.rstrip("0").rstrip(".")


def moment(value: object, place: str) -> str:
    """When a run was made: seconds since 1970, or ISO 8601; without a zone only the day is taken.

    Raises:
        MalformedError: neither, or outside 1970 to 9999 (UTC).

    """
    if isinstance(value, str):
        plain = times.is_date(value) or times.is_instant(value)
        found = value if plain else _iso(value, place)
        if found < _FIRST:  # both forms sort as text
            refuse(value, "a time since 1970", place)
        return found
    seconds = number(value, place)
    if not 0 <= seconds <= _LAST_SECOND:
        refuse(value, "seconds since 1970", place)
    return _instant(datetime.fromtimestamp(int(seconds), UTC))


def refuse(got: object, expected: str, place: str) -> NoReturn:
    """Say what stood there instead.

    Raises:
        MalformedError: always.

    """
    shown = _shown(got)
    message = f"got {shown}, expected {expected}, in {place}"
    raise MalformedError(message)


def member(value: Any, key: str, place: str) -> Any:
    """A member of a JSON object; None where it is absent.

    Raises:
        MalformedError: not an object.

    """
    if not isinstance(value, dict):
        refuse(value, "a JSON object", place)
    return value.get(key)


def _iso(text: str, place: str) -> str:
    try:
        found = datetime.fromisoformat(text)
        # A local time without its zone is known to within a day.
        return _instant(found.astimezone(UTC)) if found.tzinfo else found.date().isoformat()
    except (ValueError, OverflowError):  # the year before 1, or after 9999, in UTC
        refuse(text, "a time such as 2026-11-22T15:00:00Z", place)


def _instant(when: datetime) -> str:
    # strftime writes the year 999 with three digits on some systems.
    return f"{when.replace(microsecond=0, tzinfo=None).isoformat()}Z"


def _shown(got: object) -> str:
    """No container is written out."""
    if got is None:
        return "nothing"
    if isinstance(got, dict | list):
        return "a JSON object" if isinstance(got, dict) else "a JSON array"
    return f"{got}" if isinstance(got, Decimal) else f"{got!r:.60}"


def _rough(value: Fraction) -> str:
    """For a message; a float may be too small for it."""
    return f"{(Decimal(value.numerator) / value.denominator).normalize():g}"


def _is_decimal(text: str) -> bool:
    whole, point, part = text.removeprefix("-").partition(".")
    fine = bool(whole) and bool(part) == bool(point) and len(whole + part) <= 36
    return fine and (whole + part).isascii() and (whole + part).isdigit()
