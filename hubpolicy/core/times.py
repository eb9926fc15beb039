# SPDX-License-Identifier: Apache-2.0
"""Instants and dates as text, without ``datetime`` (the git hook counts milliseconds).

Both forms sort as text: ``2026-11-22T15:00:00Z`` and ``2026-11-22``, always UTC.
"""

from __future__ import annotations

import re

_DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_INSTANT = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})Z")
_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def is_date(text: str) -> bool:
    """True for ``YYYY-MM-DD`` that exists in the Gregorian calendar."""
    return _day_number(text) is not None


def is_instant(text: str) -> bool:
    """True for ``YYYY-MM-DDTHH:MM:SSZ`` that exists; leap seconds are not accepted."""
    return _seconds(text) is not None


def seconds(text: str) -> int:
    """Seconds since 1970-01-01T00:00:00Z of an instant, or of the start of a date (UTC).

    Raises:
        ValueError: the text is neither.

    """
    value = _seconds(text)
    if value is None:
        day = _day_number(text)
        value = None if day is None else day * 86400
    if value is None:
        message = f"got {text[:40]!r}, expected YYYY-MM-DDTHH:MM:SSZ or YYYY-MM-DD"
        raise ValueError(message)
    return value


def _seconds(text: str) -> int | None:
    match = _INSTANT.fullmatch(text)
    if match is None:
        return None
    day = _day_number(match[1])
    hour, minute, second = int(match[2]), int(match[3]), int(match[4])
    if day is None or hour > 23 or minute > 59 or second > 59:
        return None
    return ((day * 24 + hour) * 60 + minute) * 60 + second


def _day_number(text: str) -> int | None:
    """Days since 1970-01-01."""
    match = _DATE.fullmatch(text)
    if match is None:
        return None
    year, month, day = (int(part) for part in match.groups())
    if year < 1 or not 1 <= month <= 12:
        return None
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    if not 1 <= day <= _DAYS[month - 1] + (leap and month == 2):
        return None
    before = year - 1
    days = before * 365 + before // 4 - before // 100 + before // 400 - 719162
    return days + sum(_DAYS[: month - 1]) + (leap and month > 2) + day - 1
