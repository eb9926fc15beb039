# SPDX-License-Identifier: Apache-2.0
"""Which regular expressions a foreign schema may use: those that cannot run away.

Python's engine backtracks; ``(a+)+$`` needs minutes for thirty letters. Allowed is a subset in
which the time is bounded: no repetition inside a repetition, at most two open repetitions, no
look-around, no back-reference, and :data:`SUBJECT_LIMIT` characters to search in.
"""

from __future__ import annotations

import re
from typing import NamedTuple

SUBJECT_LIMIT = 512
PATTERN_LIMIT = 512
_OPEN_REPETITIONS = 2
_LARGE_COUNT = 64

_TOKEN = re.compile(
    r"(?P<escape>\\.)|(?P<set>\[\^?\]?(?:\\.|[^\]\\])*\])|(?P<open>\((?:\?:)?)|(?P<close>\))"
    r"|(?P<repeat>[*+?]|\{[0-9]{1,9}(?P<comma>,(?P<upper>[0-9]{0,9}))?\})|(?P<other>.)",
    re.DOTALL,
)


class _Group(NamedTuple):
    repeats: bool


def refusal(pattern: str) -> str | None:
    """Why a pattern may not be used, or None."""
    if len(pattern) > PATTERN_LIMIT:
        return f"is longer than {PATTERN_LIMIT} characters"
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError):
        return "is not a regular expression"
    if "(?" in pattern.replace("(?:", ""):
        return "uses look-around, flags or named groups"
    return _walk(pattern)


def _walk(pattern: str) -> str | None:
    groups = [_Group(repeats=False)]
    closed_repeats = previous_repeat = False
    open_repetitions = 0
    for token in _TOKEN.finditer(pattern):
        kind = token.lastgroup if token.lastgroup not in {"comma", "upper"} else "repeat"
        if kind == "escape" and token.group()[1].isdigit():
            return "uses a back-reference"
        if kind == "open":
            groups.append(_Group(repeats=False))
        elif kind == "close":
            closed_repeats = groups.pop().repeats
        elif kind == "repeat" and not previous_repeat and _grows(token):
            if closed_repeats:
                return "repeats a group that itself repeats"
            groups[-1] = _Group(repeats=True)
            open_repetitions += 1
        if kind == "close" and closed_repeats:
            groups[-1] = _Group(repeats=True)
        else:
            closed_repeats = False
        previous_repeat = kind == "repeat"
    many = open_repetitions > _OPEN_REPETITIONS
    return f"has more than {_OPEN_REPETITIONS} open repetitions" if many else None


def _grows(token: re.Match[str]) -> bool:
    """True for ``*``, ``+``, ``{n,}`` and counts that are large enough to act like them."""
    text = token.group()
    if text == "?":
        return False
    if text in {"*", "+"}:
        return True
    upper = token["upper"] if token["comma"] else text[1:-1]
    return not upper or int(upper) > _LARGE_COUNT
