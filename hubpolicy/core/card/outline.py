# SPDX-License-Identifier: Apache-2.0
"""Sections as read to sections as judged: canonical ids, totals with what stands below, merged."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from hubpolicy.core.card.headings import MAIN, canonical

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hubpolicy.domain.card import Section

INTRODUCTION = "introduction"


class _Named(NamedTuple):
    """A section with all its ids and the ids of the sections it stands below, nearest first."""

    section: Section
    ids: tuple[str, ...]
    above: tuple[str, ...]


def outline(sections: Sequence[Section]) -> tuple[Section, ...]:
    """One section for each canonical id, in the order of first appearance."""
    named = _name(sections)
    parts: dict[str, list[Section]] = {}
    for index, each in enumerate(named):
        for section_id in each.ids:
            total = 0 if section_id in each.above else _total(named, index, section_id)
            section = each.section._replace(id=section_id, words_total=total)
            parts.setdefault(section_id, []).append(section)
    return tuple(_merged(each) for each in parts.values())


def _name(sections: Sequence[Section]) -> list[_Named]:
    named: list[_Named] = []
    open_above: list[_Named] = []
    for section in sections:
        if section.level == 0:
            named.append(_Named(section, (section.id,), ()))
            continue
        while open_above and open_above[-1].section.level >= section.level:
            open_above.pop()
        above = tuple(one for each in reversed(open_above) for one in each.ids)
        each = _Named(section, canonical(section.title, above), above)
        named.append(each)
        open_above.append(each)
    return named


def _total(named: list[_Named], index: int, section_id: str) -> int:
    """Words of a section and of those below it, without other main sections and theirs."""
    start = named[index].section
    total = start.words
    if start.level == 0:
        return total
    barred = 0
    for each in named[index + 1 :]:
        level = each.section.level
        if level <= start.level:
            break
        if barred and level > barred:
            continue
        foreign = (
            section_id in MAIN and not MAIN.isdisjoint(each.ids) and section_id not in each.ids
        )
        barred = level if foreign else 0
        total += 0 if foreign else each.section.words
    return total


def _merged(parts: list[Section]) -> Section:
    """Sections of one id as one: the first gives title, level and line."""
    if len(parts) == 1:
        return parts[0]
    fields = {label: text for part in reversed(parts) for label, text in part.fields}
    return parts[0]._replace(
        words=sum(part.words for part in parts),
        words_total=sum(part.words_total for part in parts),
        placeholders=tuple(each for part in parts for each in part.placeholders),
        boilerplate=sum(part.boilerplate for part in parts),
        tables=tuple(each for part in parts for each in part.tables),
        code_blocks=sum(part.code_blocks for part in parts),
        links=tuple(each for part in parts for each in part.links),
        fields=tuple(fields.items()),
    )
