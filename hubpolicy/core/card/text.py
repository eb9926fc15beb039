# SPDX-License-Identifier: Apache-2.0
"""Card text inside our own messages: cut, and without a character that a terminal obeys."""

from __future__ import annotations

import re

SHOWN = 80
"""Characters of foreign text that a message quotes at most."""

_LINE_BREAKS = re.compile(r"[\t\r\n\v\f\x1c-\x1e\x85\u2028\u2029]+")


def clean(text: str, limit: int = SHOWN) -> str:
    """The text on one line, unprintable characters as U+FFFD, at most ``limit`` characters."""
    line = _LINE_BREAKS.sub(" ", text[: limit * 4]).strip()
    shown = "".join(char if char.isprintable() else "\ufffd" for char in line)
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def quoted(text: str, limit: int = SHOWN) -> str:
    """Cleaned, between backticks; backticks inside become apostrophes."""
    return "`" + clean(text, limit).replace("`", "'") + "`"
