# SPDX-License-Identifier: Apache-2.0
"""The body of a card to sections: CommonMark tokens, so that fences and comments fool nobody.

Not responsible for what a section must hold; that is the schema's.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from markdown_it import MarkdownIt

from hubpolicy.core.card import html
from hubpolicy.core.card.headings import canonical_label, slug
from hubpolicy.core.card.outline import INTRODUCTION, outline
from hubpolicy.core.card.prose import is_empty_cell, measure
from hubpolicy.domain.card import Link, Mark, Placeholder, Section, Table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from markdown_it.token import Token

_FIELD = re.compile(r"\s*([^:\n]{1,60}?)\s*:\s*(.*)", re.DOTALL)
_MAIL = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")
_AUTOLINK = re.compile(rf"(?:https?://|mailto:)[^\s<>()\[\]\"'`]{{1,2000}}|{_MAIL.pattern}")


class _Parser(MarkdownIt):
    """Takes every link as written: nothing is rendered here, and hidden targets are findings."""

    def validateLink(self, url: str) -> bool:  # noqa: ARG002, N802 - the base's interface
        return True

    def normalizeLink(self, url: str) -> str:  # noqa: N802 - the base's interface
        return url


class _Block(NamedTuple):
    """One piece of prose: its text, where it is, and its label if it is a ``Label: value`` line."""

    text: str
    line: int
    label: str = ""


class _Draft:
    """A section while it is read."""

    def __init__(self, title: str, level: int, line: int) -> None:
        self.title = title
        self.level = level
        self.line = line
        self.blocks: list[_Block] = []
        self.tables: list[Table] = []
        self.links: list[Link] = []
        self.code_blocks = 0


def parse_body(text: str, first_line: int, boilerplate: tuple[str, ...]) -> tuple[Section, ...]:
    """The sections of a body that begins in ``first_line``, one for each canonical id.

    What stands before the first heading is the section ``introduction`` of level 0. Sections with
    the same id are added up; the first gives title and line.
    """
    tokens = _Parser("commonmark").enable("table").parse(text)
    drafts = _Drafter(text.split("\n"), first_line).read(tokens)
    sections = outline([_measured(draft, boilerplate) for draft in drafts])
    return sections + _labelled(drafts, boilerplate, {section.id for section in sections})


class _Drafter:
    """Walks the tokens once, in order."""

    def __init__(self, lines: Sequence[str], first_line: int) -> None:
        self.lines = lines
        self.first_line = first_line
        self.drafts = [_Draft("", 0, first_line)]
        self.rows: list[list[str]] = []
        self.header = 0

    def read(self, tokens: Sequence[Token]) -> list[_Draft]:
        for number, token in enumerate(tokens):
            match token.type:
                case "heading_open" if token.level == 0:
                    self._heading(token, tokens[number + 1])
                case "inline" if token.level != 1 or tokens[number - 1].type != "heading_open":
                    self._inline(token, tokens[number - 1].type)
                case "html_block":
                    self._html(token)
                case "fence" | "code_block":
                    self.drafts[-1].code_blocks += 1
                case "table_open":
                    self.rows, self.header = [], 0
                case "thead_close":
                    self.header = len(self.rows)
                case "tr_open":
                    self.rows.append([])
                case "table_close":
                    self._table()
                case _:
                    pass
        return self.drafts

    def _line(self, token: Token) -> int:
        return (token.map[0] if token.map else 0) + self.first_line

    def _heading(self, token: Token, inline: Token) -> None:
        title = _plain(inline).strip()
        self.drafts.append(_Draft(title, int(token.tag[1:]), self._line(token)))
        self._links(inline)

    def _inline(self, token: Token, before: str) -> None:
        draft, line = self.drafts[-1], self._line(token)
        self._links(token)
        if before in {"th_open", "td_open"}:
            text = _plain(token).strip()
            self.rows[-1].append(text)
            if not is_empty_cell(text):
                draft.blocks.append(_Block(text, line))
            return
        for offset, (label, text) in enumerate(each.field() for each in _lines(token)):
            if label or offset == 0:
                draft.blocks.append(_Block(text, line + offset, label))
            else:
                whole = draft.blocks.pop()
                draft.blocks.append(whole._replace(text=f"{whole.text}\n{text}"))

    def _html(self, token: Token) -> None:
        line, content = self._line(token), token.content
        found = html.headings(content)
        for heading in found:
            self.drafts.append(_Draft(heading.text, heading.level, line + heading.lines))
        for address in html.addresses(content):
            at = self._find(address.target, line + address.lines, line + address.lines)
            self.drafts[-1].links.append(Link(address.target, at, address.image))
        text = html.visible(content)
        if found:
            text = text.replace(found[-1].text, " ", 1)
        if text.strip():
            self.drafts[-1].blocks.append(_Block(text, line))

    def _table(self) -> None:
        rows = [tuple(row) for row in self.rows]
        header = rows[0] if self.header and rows else ()
        self.drafts[-1].tables.append(Table(header, tuple(rows[self.header :])))
        self.rows = []

    def _links(self, inline: Token) -> None:
        first = self._line(inline)
        last = (inline.map[1] if inline.map else 0) + self.first_line - 1
        for target, image in _targets(inline.children or ()):
            at = self._find(target.removeprefix("mailto:"), first, last)
            self.drafts[-1].links.append(Link(target, at, image))

    def _find(self, target: str, first: int, last: int) -> Mark:
        """Where the target stands as written; the block's beginning if it was escaped there."""
        for line in range(first, min(last, first + 200) + 1):
            index = line - self.first_line
            if index < len(self.lines) and (column := self.lines[index].find(target)) >= 0:
                return Mark(line, column + 1)
        return Mark(first, 1)


def _targets(children: Sequence[Token]) -> Iterator[tuple[str, bool]]:
    """(target, is it an image?) of links, images, HTML and bare addresses in running text."""
    inside = False
    for child in children:
        match child.type:
            case "link_open":
                inside = True
                yield str(child.attrGet("href") or ""), False
            case "link_close":
                inside = False
            case "image":
                yield str(child.attrGet("src") or ""), True
            case "html_inline":
                yield from ((each.target, each.image) for each in html.addresses(child.content))
            case "text" if not inside:
                for found in _AUTOLINK.findall(child.content):
                    bare = found.rstrip(".,;:!?")
                    yield (f"mailto:{bare}" if _MAIL.fullmatch(bare) else bare), False


def _plain(inline: Token) -> str:
    return "\n".join(line.text for line in _lines(inline))


class _Line:
    """One line of an inline token: its text, and how much of its beginning is bold."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.bold_from_start = False
        self.bold = ""

    @property
    def text(self) -> str:
        return "".join(self.parts)

    def field(self) -> tuple[str, str]:
        """(label, rest) of ``**Label:** rest`` and ``**Label**: rest``, else ("", text)."""
        text = self.text
        found = _FIELD.fullmatch(text) if self.bold else None
        if found and self.bold.strip().rstrip(":").rstrip() == found[1]:
            return found[1], found[2]
        return "", text


def _lines(inline: Token) -> list[_Line]:
    lines = [_Line()]
    hidden = False
    for child in inline.children or ():
        line = lines[-1]
        match child.type:
            case "softbreak" | "hardbreak":
                lines.append(_Line())
            case "text" | "code_inline" if not hidden:
                line.parts.append(child.content)
            case "strong_open":
                line.bold_from_start = not any(part.strip() for part in line.parts)
            case "strong_close" if line.bold_from_start and not line.bold:
                line.bold = line.text
            case "html_inline":
                hidden = _hides(child.content, hidden=hidden)
                line.parts.append(" ")
            case _:
                pass
    return lines


def _hides(tag: str, *, hidden: bool) -> bool:
    name = tag[:8].lower()
    if name.startswith(("<script", "<style")):
        return True
    return hidden and not name.startswith(("</script", "</style"))


def _measured(draft: _Draft, boilerplate: tuple[str, ...]) -> Section:
    words = removed = 0
    placeholders = [Placeholder(text, draft.line) for text, _ in measure(draft.title).placeholders]
    for block in draft.blocks:
        prose = measure(block.text, boilerplate)
        words += prose.words
        removed += prose.boilerplate
        placeholders.extend(Placeholder(text, block.line + n) for text, n in prose.placeholders)
    fields = {slug(block.label): block.text.strip() for block in draft.blocks if block.label}
    return Section(
        id=slug(draft.title) or (INTRODUCTION if draft.level == 0 else "untitled"),
        title=draft.title,
        level=draft.level,
        line=draft.line,
        words=words,
        words_total=words,
        placeholders=tuple(placeholders),
        boilerplate=removed,
        tables=tuple(draft.tables),
        code_blocks=draft.code_blocks,
        links=tuple(draft.links),
        fields=tuple(fields.items()),
    )


def _labelled(
    drafts: list[_Draft], boilerplate: tuple[str, ...], there: set[str]
) -> tuple[Section, ...]:
    """``**Contact:** someone`` anywhere in the card stands for a main section without heading."""
    found: dict[str, Section] = {}
    labelled = [(draft, block) for draft in drafts for block in draft.blocks if block.label]
    for draft, block in labelled:
        for section_id in canonical_label(block.label):
            if section_id not in there and section_id not in found:
                found[section_id] = _of_block(section_id, block, draft, boilerplate)
    return tuple(found.values())


def _of_block(
    section_id: str, block: _Block, draft: _Draft, boilerplate: tuple[str, ...]
) -> Section:
    prose = measure(block.text, boilerplate)
    last = block.line + block.text.count("\n")
    return Section(
        id=section_id,
        title=block.label,
        level=draft.level + 1,
        line=block.line,
        words=prose.words,
        words_total=prose.words,
        boilerplate=prose.boilerplate,
        links=tuple(link for link in draft.links if block.line <= link.at.line <= last),
    )
