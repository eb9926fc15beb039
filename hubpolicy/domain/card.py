# SPDX-License-Identifier: Apache-2.0
"""The model card as frozen values: metadata with positions, sections, results, repository facts.

Nothing here parses or judges; :mod:`hubpolicy.core.card` does.
"""

from __future__ import annotations

from typing import NamedTuple

CARD_PATH = "README.md"
CARD_SCHEMA = "hubpolicy/card/1"

Primitive = None | bool | int | float | str


class Mark(NamedTuple):
    """A place in README.md. Lines and columns count from 1."""

    line: int
    column: int


class MetaScalar(NamedTuple):
    """A value without children. ``text`` is what the author typed, without quotes."""

    value: Primitive
    text: str
    at: Mark
    plain: bool = True


class MetaList(NamedTuple):
    """A list of the front matter."""

    items: tuple[MetaNode, ...]
    at: Mark


class MetaEntry(NamedTuple):
    """One key of a mapping. ``at`` is where the key stands."""

    key: str
    at: Mark
    value: MetaNode


class MetaMap(NamedTuple):
    """A mapping of the front matter in the author's order. Keys are unique."""

    entries: tuple[MetaEntry, ...]
    at: Mark

    def entry(self, key: str) -> MetaEntry | None:
        """The entry of that key, or None."""
        return next((entry for entry in self.entries if entry.key == key), None)


MetaNode = MetaScalar | MetaList | MetaMap


class Link(NamedTuple):
    """A link or image of the body, target as written."""

    target: str
    at: Mark
    image: bool = False


class Table(NamedTuple):
    """A pipe table: header cells and rows of cells, as text."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


class Placeholder(NamedTuple):
    """Text that the author was meant to replace."""

    text: str
    line: int


class Section(NamedTuple):
    """What stands under one heading, up to the next heading.

    ``words`` are the author's own words here, ``words_total`` with the sections below this one:
    both after comments, placeholders and the template's sentences were taken out.
    """

    id: str
    title: str
    level: int
    line: int
    words: int
    words_total: int
    placeholders: tuple[Placeholder, ...] = ()
    boilerplate: int = 0
    tables: tuple[Table, ...] = ()
    code_blocks: int = 0
    links: tuple[Link, ...] = ()
    fields: tuple[tuple[str, str], ...] = ()


class Reported(NamedTuple):
    """One number of ``model-index``: what was measured, on what, and where it stands."""

    task: str
    dataset: str
    config: str
    split: str
    revision: str
    metric: str
    value: Primitive
    verified: bool
    at: Mark


class RepoFacts(NamedTuple):
    """What the release's files say by name and size. ``paths`` are POSIX, from the root."""

    weight_formats: tuple[str, ...]
    paths: frozenset[str]
    has_license_file: bool
    size_bytes: int


class Card(NamedTuple):
    """README.md, normalised. ``sections`` are in the author's order, one for each id."""

    metadata: MetaMap
    sections: tuple[Section, ...]
    reported: tuple[Reported, ...]
    repo: RepoFacts

    def section(self, section_id: str) -> Section | None:
        """The section of that canonical id, or None."""
        return next((each for each in self.sections if each.id == section_id), None)


def to_plain(node: MetaNode) -> object:
    """The node as JSON-able lists, dictionaries and primitives."""
    match node:
        case MetaScalar():
            return node.value
        case MetaList():
            return [to_plain(item) for item in node.items]
        case _:
            return {entry.key: to_plain(entry.value) for entry in node.entries}


def to_document(card: Card) -> dict[str, object]:
    """The normalised document that a card schema sees: JSON-able, fresh at every call."""
    return {
        "schema": CARD_SCHEMA,
        "metadata": to_plain(card.metadata),
        "sections": {section.id: _section(section) for section in card.sections},
        "results": [_reported(row) for row in card.reported],
        "repo": _repo(card.repo),
    }


def _section(section: Section) -> dict[str, object]:
    return {
        "title": section.title,
        "level": section.level,
        "words": section.words,
        "words_total": section.words_total,
        "placeholders": len(section.placeholders),
        "boilerplate": section.boilerplate,
        "tables": [{"header": [*t.header], "rows": [[*r] for r in t.rows]} for t in section.tables],
        "code_blocks": section.code_blocks,
        "links": [link.target for link in section.links],
        "fields": dict(section.fields),
    }


def _reported(row: Reported) -> dict[str, object]:
    return {
        "task": row.task,
        "dataset": row.dataset,
        "config": row.config,
        "split": row.split,
        "revision": row.revision,
        "metric": row.metric,
        "value": row.value,
        "verified": row.verified,
    }


def _repo(facts: RepoFacts) -> dict[str, object]:
    results = [path for path in facts.paths if path.startswith(".eval_results/")]
    return {
        "weight_formats": [*facts.weight_formats],
        "has_license_file": facts.has_license_file,
        "size_bytes": facts.size_bytes,
        "files": len(facts.paths),
        "eval_results": sorted(results),
    }
