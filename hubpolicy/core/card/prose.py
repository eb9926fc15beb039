# SPDX-License-Identifier: Apache-2.0
"""What in a piece of prose the author said: words, without placeholders and template sentences."""

from __future__ import annotations

import re
from typing import NamedTuple

# Bracketed forms first: "[More Information Needed]" must not leave its brackets behind. Every
# repetition is bounded and none is nested, so each expression takes linear time.
_PLACEHOLDERS = re.compile(
    r"\[\s{0,4}(?:more\s{1,4}info(?:rmation)?\s{1,4}needed|information\s{1,4}needed"
    r"|to\s{1,4}be\s{1,4}(?:added|completed|defined|determined|done|filled)"
    r"|todo|tbd|tba|n/?a|fixme|xxx|placeholder)\b[^\[\]\n]{0,200}\]"
    r"|\[\s{0,4}(?:insert|add|your|enter|fill\s{1,4}in|describe|provide)\s[^\[\]\n]{1,200}\](?!\()"
    r"|<\s{0,4}(?:insert|add|your|enter|todo|tbd|fill|placeholder)[\s_-][^<>\n]{0,200}>"
    r"|\{\{[^{}]{0,300}\}\}|\{%[^{}]{0,300}%\}"
    r"|\bmore\s{1,4}info(?:rmation)?\s{1,4}needed\b"
    r"|\b(?:to\s{1,4}be\s{1,4}(?:added|completed|defined|determined|announced|filled\s{1,4}in))\b"
    r"|\bcoming\s{1,4}soon\b|\blorem\s{1,4}ipsum\b|\bmodel\s{1,4}id\b(?=\s{0,4}$)"
    r"|\b(?-i:TODO|TBD|TBA|FIXME|XXX)\b",
    re.IGNORECASE,
)
_ALONE = re.compile(
    r"\s*(?:n\s?/\s?a|none|null|nil|todo|tbd|tba|xxx|wip|unknown|[.…?_-]+)[\s.]*", re.IGNORECASE
)
_NO_VALUE = re.compile(r"\s*(?:n\s?/\s?a|none|[.…?_\u2013\u2014-]*)\s*", re.IGNORECASE)
_URL = re.compile(
    r"(?:https?://|www\.)[^\s<>()\[\]]{1,2000}|[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}"
)
_RUN = re.compile(r"[^\W_]+(?:['\u2019-][^\W_]+)*")
# Scripts that do not write spaces: Thai, Lao, Myanmar, Khmer, kana, Han.
_UNSPACED = re.compile(
    r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]"
)
_UNSPACED_PER_WORD = 2


class Prose(NamedTuple):
    """The author's words in a piece of text, and what else stood there.

    ``placeholders`` are pairs of the text and the number of line breaks before it.
    """

    words: int
    placeholders: tuple[tuple[str, int], ...]
    boilerplate: int


def measure(text: str, boilerplate: tuple[str, ...] = ()) -> Prose:
    """Count the author's own words.

    Placeholders go first, so that one inside a template sentence does not shield it; addresses
    count as no words. Each line stands for itself. ``boilerplate`` are phrases as :func:`phrase`
    makes them, longest first.
    """
    found: list[tuple[str, int]] = []
    kept: list[str] = []
    for number, line in enumerate(text.split("\n")):
        if is_filler(line):
            found.extend([(line.strip(), number)] if line.strip() else [])
        else:
            found.extend((match.group(), number) for match in _PLACEHOLDERS.finditer(line))
            kept.append(_PLACEHOLDERS.sub(" ", line))
    rest = phrase(_URL.sub(" ", "\n".join(kept)))
    removed = 0
    for stock in boilerplate:
        if stock in rest:
            removed += rest.count(stock)
            rest = rest.replace(stock, " ")
    return Prose(_count(rest), tuple(found), removed)


def is_filler(text: str) -> bool:
    """True for text that stands for nothing: blank, ``N/A``, ``TBD``, ``...``, ``None``."""
    return not text.strip() or _ALONE.fullmatch(text) is not None


def is_empty_cell(text: str) -> bool:
    """True for what a table says where there is no value: blank, ``-``, ``N/A``."""
    return _NO_VALUE.fullmatch(text) is not None


def phrase(text: str) -> str:
    """Words in lower case with one blank before, between and after: what phrases are found in."""
    runs = _RUN.findall(text.casefold())
    return " " + "  ".join(runs) + " " if runs else " "


def _count(text: str) -> int:
    unspaced = len(_UNSPACED.findall(text))
    runs = _RUN.findall(_UNSPACED.sub(" ", text))
    words = sum(1 for run in runs if any(char.isalnum() for char in run))
    return words + (unspaced + _UNSPACED_PER_WORD - 1) // _UNSPACED_PER_WORD
