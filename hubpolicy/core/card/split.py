# SPDX-License-Identifier: Apache-2.0
"""README.md in two: front matter and body, with every limit checked before any YAML is read.

The measure is what the Hub's own client takes for front matter (``huggingface_hub.repocard``,
``REGEX_YAML_BLOCK``). Whatever only some readers accept is a defect: judged must be what is read.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from hubpolicy.core.card.text import quoted
from hubpolicy.domain.card import Mark

FRONT_LIMIT = 64 * 1024
"""Bytes of front matter. 5 MB of YAML took PyYAML 46 s."""

CARD_LIMIT = 512 * 1024
"""Bytes of README.md."""

BOM = b"\xef\xbb\xbf"
LFS_POINTER = b"version https://git-lfs.github.com/spec/"
START = Mark(1, 1)

_FENCE = re.compile(rb"---[ \t]*(?:\r?\n|\Z)")
_CLOSING = re.compile(rb"\n---[ \t]*(?=\r?\n|\Z)")
_DOTS = re.compile(rb"\n\.\.\.[ \t]*(?=\r?\n|\Z)")
_SECOND_START = re.compile(r"^---[ \t]", re.MULTILINE)
_DIRECTIVE = re.compile(r"^%", re.MULTILINE)
_BIDI = "\u202a-\u202e\u2066-\u2069"
_BREAKS = "\x85\u2028\u2029"
_FORBIDDEN = re.compile(
    rf"\r(?!\n)|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029{_BIDI}\ufeff\ufffe\uffff]"
)
_FORBIDDEN_BODY = re.compile(r"\r(?!\n)|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


class Defect(NamedTuple):
    """What is wrong with the bytes, where, and what to do about it. Text is safe to print."""

    message: str
    at: Mark
    fix: str


class Halves(NamedTuple):
    """The two parts as text. ``front`` is None where no front matter can be read."""

    front: str | None
    front_line: int
    body: str
    body_line: int
    defects: tuple[Defect, ...] = ()


def split(readme: bytes) -> Halves:
    """Split at the front matter's fences.

    Decoding, size and fences are checked in that order of cost; nothing is read twice. Lines are
    those of the file: ``front_line`` and ``body_line`` say where each part begins.
    """
    defects: list[Defect] = []
    content = readme
    if content.startswith(BOM):
        content = content[len(BOM) :]
        message = "README.md starts with a byte-order mark, so the Hub's client finds no metadata"
        fix = "save it as UTF-8 without BOM, for example: sed -i '1s/^\\xEF\\xBB\\xBF//' README.md"
        defects.append(Defect(message, START, fix))
    start = _opening(content, defects)
    if start is None:
        return Halves(None, 1, _body(content, 0, 1, defects), 1, tuple(defects))
    closing = _CLOSING.search(content, start - 1, start + FRONT_LIMIT + 8)
    if closing is None or closing.start() - start > FRONT_LIMIT:
        defects.append(_unclosed(content, start))
        return Halves(None, 1, _body(content, 0, 1, defects), 1, tuple(defects))
    return _halves(content, start, closing, defects)


def _halves(content: bytes, start: int, closing: re.Match[bytes], defects: list[Defect]) -> Halves:
    front_line = content.count(b"\n", 0, start) + 1
    body_start = content.find(b"\n", closing.end())
    body_start = len(content) if body_start < 0 else body_start + 1
    body_line = content.count(b"\n", 0, body_start) + 1
    known = len(defects)
    # As the client cuts it: the line break before the closing fence belongs to the fence.
    front = _decode(content[start : closing.start()].removesuffix(b"\r"), front_line, defects)
    if len(defects) == known:
        defects.extend(_refuse_front(front, front_line))
    broken = len(defects) > known
    body = _body(content, body_start, body_line, defects)
    return Halves(None if broken else front, front_line, body, body_line, tuple(defects))


def refuse_body(text: str, first_line: int) -> Defect | None:
    """The first character of the body that is no text, or None."""
    found = _FORBIDDEN_BODY.search(text)
    if found is None:
        return None
    message = f"README.md holds the control character {_name(found.group())}, expected plain text"
    return Defect(message, mark_at(text, found.start(), first_line), "delete that character")


def mark_at(text: str, offset: int, first_line: int) -> Mark:
    """Line and column of an offset in a text that begins in ``first_line``."""
    line_start = text.rfind("\n", 0, offset) + 1
    return Mark(first_line + text.count("\n", 0, line_start), offset - line_start + 1)


def _opening(content: bytes, defects: list[Defect]) -> int | None:
    """Offset after the opening fence, or None with a defect."""
    fence = _FENCE.match(content)
    if fence is not None:
        if fence.group().rstrip(b"\r\n") != b"---":
            message = "the opening `---` has blanks behind it; the Hub's client finds no metadata"
            defects.append(Defect(message, Mark(1, 4), "delete the blanks after the first `---`"))
        return fence.end()
    blank = re.match(rb"\s{1,4096}", content)
    later = _FENCE.match(content, blank.end()) if blank else None
    if blank and later:
        message = "front matter must begin in the first line, got blank space before the `---`"
        defects.append(Defect(message, START, "delete everything before the first `---`"))
        return later.end()
    fix = "begin README.md with a line `---`, then license, language, library_name and "
    fix += "pipeline_tag, then a line `---`"
    message = "README.md has no front matter: got " + _first_line(content) + ", expected `---`"
    defects.append(Defect(message, START, fix))
    return None


def _unclosed(content: bytes, start: int) -> Defect:
    line = content.count(b"\n", 0, start)
    closing = _CLOSING.search(content, start - 1)
    if closing is not None or len(content) - start > FRONT_LIMIT:
        size = (closing.start() if closing else len(content)) - start
        message = f"front matter has {size:,} bytes, expected at most {FRONT_LIMIT:,}"
        fix = "move long lists out, for example evaluation results to .eval_results/*.yaml"
        return Defect(message, Mark(line, 1), fix)
    if dots := _DOTS.search(content, start - 1):
        at = Mark(content.count(b"\n", 0, dots.start()) + 2, 1)
        message = "front matter ends with `...`; the Hub's client knows only `---`"
        return Defect(message, at, "write `---` instead of `...`")
    message = "front matter is opened and never closed"
    return Defect(message, Mark(line, 1), "add a line with `---` after the last key")


def _refuse_front(text: str, first_line: int) -> list[Defect]:
    if not text.strip():
        fix = "write at least: license, language, library_name and pipeline_tag"
        return [Defect("front matter is empty", Mark(first_line, 1), fix)]
    if found := _FORBIDDEN.search(text):
        message = f"front matter holds the character {_name(found.group())}, which readers of YAML "
        message += "take differently or hide"
        at = mark_at(text, found.start(), first_line)
        return [Defect(message, at, "delete that character, or end lines with LF or CRLF")]
    if (tab := text.find("\t")) >= 0:
        message = "front matter holds a tab, which readers of YAML take differently"
        fix = 'indent with blanks; inside a text write "\\t" between double quotes'
        return [Defect(message, mark_at(text, tab, first_line), fix)]
    if found := _SECOND_START.search(text):
        at = mark_at(text, found.start(), first_line)
        return [Defect("front matter holds a second YAML document", at, "keep one mapping")]
    if found := _DIRECTIVE.search(text):
        at = mark_at(text, found.start(), first_line)
        return [Defect("front matter holds a YAML directive", at, "delete the line with `%`")]
    return []


def _body(content: bytes, start: int, line: int, defects: list[Defect]) -> str:
    """The text from an offset on; nothing of a file that is too large to be judged anyway."""
    return _decode(content[start:], line, defects) if len(content) <= CARD_LIMIT else ""


def _decode(content: bytes, first_line: int, defects: list[Defect]) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        before = content[: error.start]
        line_start = before.rfind(b"\n") + 1
        column = len(before[line_start:].decode("utf-8", errors="replace")) + 1
        at = Mark(first_line + before.count(b"\n"), column)
        byte = content[error.start]
        message = f"README.md is not UTF-8: got byte 0x{byte:02X}"
        defects.append(Defect(message, at, "save the file as UTF-8"))
        return content.decode("utf-8", errors="replace")


def _first_line(content: bytes) -> str:
    line = content[:400].split(b"\n", 1)[0].decode("utf-8", errors="replace")
    return f"{quoted(line, 40)} in the first line" if line.strip() else "an empty first line"


def _name(text: str) -> str:
    return " ".join(f"U+{ord(char):04X}" for char in text)
