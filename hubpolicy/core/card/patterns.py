# SPDX-License-Identifier: Apache-2.0
"""Which regular expressions a foreign schema may use: those that cannot run away.

Python's engine backtracks; ``(a+)+$`` and ``(a|a)*$`` need minutes for thirty letters. Allowed is a
subset whose time is bounded by a small polynomial: nothing variable inside a repetition, at most
:data:`OPEN_LIMIT` repetitions of open length, no look-around, no back-reference, and at most
:data:`SUBJECT_LIMIT` characters to search in.
"""

from __future__ import annotations

import re

SUBJECT_LIMIT = 256
"""Characters of a text that a pattern is tried on; longer ones are refused."""

PATTERN_LIMIT = 512
OPEN_LIMIT = 2
OPTIONAL_LIMIT = 6

_TOKEN = re.compile(
    r"(?P<escape>\\.)|(?P<set>\[\^?\]?(?:\\.|[^\]\\])*\])|(?P<open>\((?:\?:)?)|(?P<close>\))"
    r"|(?P<exact>\{[0-9]{1,9}\})|(?P<optional>\?|\{0?,1\})|(?P<repeat>[*+]|\{[0-9]*,[0-9]*\})"
    r"|(?P<or>\|)|(?P<other>.)",
    re.DOTALL,
)


def refusal(pattern: str) -> str | None:
    """Why a pattern may not be used, or None."""
    if len(pattern) > PATTERN_LIMIT:
        return f"is longer than {PATTERN_LIMIT} characters"
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError):
        return "is not a regular expression"
    return _walk(pattern)


def _walk(pattern: str) -> str | None:
    variable = [False]  # for each open group: does something in it match in several ways?
    closed: bool | None = None  # the group that just ended, if one did
    before, opens, optionals = "", 0, 0
    for token in _TOKEN.finditer(pattern):
        kind, text = str(token.lastgroup), token.group()
        quantifier = kind in {"exact", "optional", "repeat"}
        if before == "open" and quantifier:
            return "uses look-around, flags or named groups"
        if kind == "escape" and text[1].isdigit():
            return "uses a back-reference"
        if kind in {"repeat", "exact"} and closed:
            return "repeats a group that matches in several ways"
        if before in {"repeat", "optional", "exact"} and quantifier:
            before = kind  # lazy and possessive marks change no bound
            continue
        opens += kind == "repeat"
        optionals += kind in {"optional", "or"}
        if kind == "open":
            variable.append(False)
        closed = variable.pop() if kind == "close" else None
        variable[-1] = variable[-1] or bool(closed) or kind in {"repeat", "optional", "or"}
        before = kind
    if opens > OPEN_LIMIT:
        return f"has more than {OPEN_LIMIT} repetitions of open length"
    return f"has more than {OPTIONAL_LIMIT} options" if optionals > OPTIONAL_LIMIT else None
