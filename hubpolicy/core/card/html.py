# SPDX-License-Identifier: Apache-2.0
"""Raw HTML in a card: the text a reader sees, the headings and the links, in linear time.

No HTML parser: it finds comments, tags and attributes one after the other and never goes back.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

_TOKEN = re.compile(
    r"<!--(?:.*?-->|.*\Z)|<(?P<raw>script|style)\b.*?(?:</(?P=raw)\s*>|\Z)|<[A-Za-z/!?][^<>]{0,4000}>",
    re.DOTALL | re.IGNORECASE,
)
_HEADING = re.compile(
    r"<h([1-6])(?:\s[^<>]{0,400})?>(.{0,400}?)</h\1\s*>", re.DOTALL | re.IGNORECASE
)
_ADDRESS = re.compile(r"""\b(href|src)\s{0,8}=\s{0,8}["']([^"'<>]{1,2000})["']""", re.IGNORECASE)


class HtmlHeading(NamedTuple):
    """``<h2>…</h2>``: level, text, and the number of line breaks before it in the block."""

    level: int
    text: str
    lines: int


class HtmlAddress(NamedTuple):
    """An ``href`` or ``src``; ``lines`` as in :class:`HtmlHeading`."""

    target: str
    lines: int
    image: bool


def visible(html: str) -> str:
    """The text without comments, scripts, styles and tags."""
    return _TOKEN.sub(" ", html)


def without_comments(html: str) -> str:
    """The same length of lines, comments, scripts and styles blanked."""
    return _TOKEN.sub(lambda found: _blank(found.group()), html)


def headings(html: str) -> tuple[HtmlHeading, ...]:
    """All headings outside comments, in order."""
    live = without_comments(html)
    return tuple(
        HtmlHeading(int(each[1]), visible(each[2]).strip(), line)
        for each, line in _lined(_HEADING, live)
    )


def addresses(html: str) -> tuple[HtmlAddress, ...]:
    """All link and image targets outside comments, in order."""
    live = without_comments(html)
    return tuple(
        HtmlAddress(each[2].strip(), line, each[1].lower() == "src")
        for each, line in _lined(_ADDRESS, live)
    )


def _lined(pattern: re.Pattern[str], text: str) -> Iterator[tuple[re.Match[str], int]]:
    """Each match with its line, from 0. Lines are counted once, however many matches there are."""
    at = line = 0
    for each in pattern.finditer(text):
        line += text.count("\n", at, each.start())
        at = each.start()
        yield each, line


def _blank(token: str) -> str:
    hidden = token.startswith("<!--") or token[1:7].lower() in {"script", "style>", "style "}
    return "\n" * token.count("\n") if hidden else token
