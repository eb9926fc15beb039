# SPDX-License-Identifier: Apache-2.0
"""JSON Schema's ``format`` for card schemas: the few that cards need, each in linear time."""

from __future__ import annotations

import re
from datetime import date

from jsonschema import FormatChecker

_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,30}:[^\s<>\"{}|\\^`\x00-\x20]{1,4000}")
_EMAIL = re.compile(r"[^\s@<>]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8}")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def is_uri(value: object) -> bool:
    """An absolute URI with a scheme (RFC 3986, without its finer points). Others pass."""
    return not isinstance(value, str) or _URI.fullmatch(value) is not None


def is_email(value: object) -> bool:
    """``name@domain.tld``. Others than texts pass."""
    return not isinstance(value, str) or _EMAIL.fullmatch(value) is not None


def is_date(value: object) -> bool:
    """A calendar date ``YYYY-MM-DD`` (RFC 3339). Others than texts pass."""
    if not isinstance(value, str):
        return True
    if not _DATE.fullmatch(value):
        return False
    try:
        date.fromisoformat(value)
    except ValueError:
        return False
    return True


def format_checker() -> FormatChecker:
    """A checker that knows ``uri``, ``email`` and ``date`` and nothing else."""
    checker = FormatChecker(formats=())
    checker.checks("uri")(is_uri)
    checker.checks("email")(is_email)
    checker.checks("date")(is_date)
    return checker
