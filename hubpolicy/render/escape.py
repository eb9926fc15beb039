# SPDX-License-Identifier: Apache-2.0
"""Hostile text made harmless for a terminal: repo names, paths, card text, model output."""

from __future__ import annotations

import re
import unicodedata

_UNSAFE = frozenset({"Cc", "Cf", "Cn", "Cs", "Co", "Zl", "Zp"})
_COMMAND = re.compile(r"##(?=\[)")
_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+!|<>~&@-])")
_ESCAPED = re.compile(
    r"\\ud[89ab][0-9a-f]{2}\\ud[c-f][0-9a-f]{2}|\\(?P<lone>ud[89a-f][0-9a-f]{2})|\\."
)
"""One escape of a JSON string: a pair of surrogates, a lone one, or another."""

_CALL = re.compile(r"(?<!\w)\\@(?=\w)|\\#(?=\d)|(?<=\bGH)\\-(?=\d)|\$", re.IGNORECASE)
"""What GitHub looks for once Markdown is read, where an escape is no more: somebody's name, a
number of an issue, mathematics. An element of its own is what its documentation advises for these.
"""

_LINK = re.compile(r"(www(?=\.)|(?<=[A-Za-z])(?=://))([.:])", re.IGNORECASE)
"""What GitHub makes a link of without being asked."""


def terminal(text: str) -> str:
    r"""Control, bidirectional, private and unassigned characters as ``\\x1b`` or ``\\u202e``.

    ``##[`` is broken up too: anywhere in a line of a log it begins a workflow command.
    """
    if not (text.isascii() and text.isprintable()):
        text = "".join(_visible(char) for char in text)
    return _COMMAND.sub(r"#\\x23", text)


def markdown(text: str) -> str:
    """No character of hostile text means anything in Markdown or HTML; no address a link.

    Nobody is called by ``@name``, no issue by ``#1``, and nothing is read as mathematics.
    """
    plain = _SPECIAL.sub(r"\\\1", terminal(text)).replace("\\<", "&lt;").replace("\\>", "&gt;")
    return _CALL.sub(_apart, _LINK.sub(r"\1\\\2", plain))


def _apart(found: re.Match[str]) -> str:
    return f"<span>{found[0][-1]}</span>"


def in_json(text: str) -> str:
    r"""Serialised ASCII JSON that says the same, without the ``##[`` of workflow commands.

    A lone surrogate stands for no character, and strict readers refuse the document that holds
    one: it becomes the six characters ``\\ud800``.
    """
    return _COMMAND.sub(r"#\\u0023", _ESCAPED.sub(_whole, text))


def _whole(found: re.Match[str]) -> str:
    lone = found["lone"]
    return rf"\\{lone}" if lone else found[0]


def _visible(char: str) -> str:
    if unicodedata.category(char) not in _UNSAFE:
        return char
    code = ord(char)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
