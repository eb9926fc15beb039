# SPDX-License-Identifier: Apache-2.0
"""A rough look at a card's front matter, without a YAML parser.

It finds what is plainly broken (no end, tabs, unclosed quotes or brackets, a key twice, a line that
is neither key, item nor continuation) and lets the rest pass; it does not judge any value.
"""

from __future__ import annotations

import re

_FENCE = re.compile(r"---[ \t]*")
_KEY = re.compile(r"""(?:"[^"]*"|'[^']*'|[^\s#:\-\[\]{},&*!|>'"%@`][^:#]*):(?:\s|$)""")
_BLOCK = re.compile(r"[:\-]\s+[|>][+-]?\d?\s*(?:#.*)?$|^[^#]*:\s*[|>][+-]?\d?\s*$")
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"|\'(?:[^\']|\'\')*\'')


def examine(card: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the errors and warnings about the front matter of a README.md."""
    lines = card.lstrip("\ufeff").splitlines()
    if not lines or not _FENCE.fullmatch(lines[0]):
        return (), ("empty or missing yaml metadata in repo card",)
    end = next((at for at, line in enumerate(lines[1:], 1) if _FENCE.fullmatch(line)), None)
    if end is None:
        return ("the metadata has no closing ---",), ()
    body = lines[1:end]
    if not any(line.strip() and not line.lstrip().startswith("#") for line in body):
        return (), ("empty or missing yaml metadata in repo card",)
    return tuple(_errors(body)), ()


def _errors(lines: list[str]) -> list[str]:
    errors: list[str] = []
    keys: set[str] = set()
    depth = 0
    block_indent: int | None = None
    for number, line in enumerate(lines, start=2):
        indent = len(line) - len(line.lstrip(" "))
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if block_indent is not None and indent > block_indent:
            continue
        block_indent = indent if _BLOCK.search(line) else None
        if "\t" in line[: len(line) - len(line.lstrip())]:
            errors.append(f"line {number}: a tab cannot indent")
        bare = _QUOTED.sub("''", line.split(" #")[0])
        if depth == 0 and indent == 0:
            errors.extend(_top_level(bare, number, line, keys))
        depth += sum(bare.count(char) for char in "[{") - sum(bare.count(char) for char in "]}")
        if depth < 0:
            errors.append(f"line {number}: a bracket closes that was not opened")
            depth = 0
    if depth:
        errors.append("a bracket is not closed")
    return errors


def _top_level(bare: str, number: int, line: str, keys: set[str]) -> list[str]:
    if bare.startswith(("- ", "]", "}")) or bare.strip() == "-":
        return []
    if not _KEY.match(line):
        return [f"line {number}: expected 'key: value', got {line.strip()[:60]!r}"]
    key, _, value = line.partition(":")
    found = []
    if key in keys:
        found.append(f"line {number}: duplicated mapping key {key!r}")
    keys.add(key)
    if value.strip()[:1] in ("'", '"') and not _QUOTED.match(value.strip()):
        found.append(f"line {number}: a quote is not closed")
    return found
