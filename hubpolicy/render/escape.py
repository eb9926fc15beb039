# SPDX-License-Identifier: Apache-2.0
"""Hostile text made harmless for a terminal: repo names, paths, card text, model output."""

from __future__ import annotations

import unicodedata

_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})


def terminal(text: str) -> str:
    r"""Control, bidirectional and private characters as ``\\x1b`` or ``\\u202e`` escapes."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_visible(char) for char in text)


def _visible(char: str) -> str:
    if unicodedata.category(char) not in _UNSAFE:
        return char
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
