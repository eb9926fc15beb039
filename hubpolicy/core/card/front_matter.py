# SPDX-License-Identifier: Apache-2.0
"""Front matter text to metadata values, through YAML events alone: nothing is ever constructed.

Anchors, aliases, tags and merge keys are refused as they pass by, so a bomb is never expanded and
no object is ever made. Not responsible for what the keys mean.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from hubpolicy.core.card.scalars import ambiguity, read_12
from hubpolicy.core.card.split import Defect
from hubpolicy.core.card.text import clean, quoted
from hubpolicy.domain.card import Mark, MetaEntry, MetaList, MetaMap, MetaNode, MetaScalar

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ruamel.yaml.events import Event, NodeEvent

DEPTH_LIMIT = 12
NODE_LIMIT = 4000
KEY_LIMIT = 256
DEFECT_LIMIT = 5

# What ruamel.yaml's scanner raises on bytes that it did not foresee, beside its own errors.
_SCANNER_FAULTS = (ValueError, OverflowError, IndexError, AttributeError, TypeError, AssertionError)


class Duplicate(NamedTuple):
    """A key that stands twice in one mapping."""

    key: str
    at: Mark
    first: Mark


class Ambiguous(NamedTuple):
    """A plain scalar that readers take differently; ``why`` completes "the text is …"."""

    text: str
    at: Mark
    why: str
    is_key: bool


class FrontMatter(NamedTuple):
    """What the text says. ``metadata`` is None if it could not be read to its end."""

    metadata: MetaMap | None
    defects: tuple[Defect, ...] = ()
    duplicates: tuple[Duplicate, ...] = ()
    ambiguous: tuple[Ambiguous, ...] = ()


def parse_front_matter(text: str, first_line: int) -> FrontMatter:
    """Read the events of one YAML document whose first line is ``first_line`` of README.md."""
    reader = _Reader(first_line)
    try:
        reader.read(YAML(typ="safe", pure=True).parse(text))
    except _StopReading:
        pass
    except MarkedYAMLError as error:
        reader.defects.append(_yaml_defect(error, first_line))
    except (YAMLError, *_SCANNER_FAULTS) as error:
        message = f"front matter is not valid YAML: {clean(str(error), 120)}"
        fix = "write plain `key: value` lines, with quotes around special characters"
        reader.defects.append(Defect(message, Mark(first_line, 1), fix))
    return reader.front_matter()


# What only an escape can bring in, since the text was searched before: "\\u0000", "\\ud800" …
_FORBIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


_FLOW_MARKS = re.compile(r"\?|^:")


class _StopReading(Exception):  # noqa: N818 - a signal between the two halves of this module
    """A limit was passed; the defect is already noted."""


class _Open(NamedTuple):
    """A collection whose end has not come yet. ``key`` is the key that waits for its value."""

    event: MappingStartEvent | SequenceStartEvent
    nodes: list[MetaNode]
    entries: dict[str, MetaEntry]
    key: list[MetaScalar]


class _Reader:
    """Builds frozen nodes from events; holds what is open and what was found."""

    def __init__(self, first_line: int) -> None:
        self.first_line = first_line
        self.defects: list[Defect] = []
        self.duplicates: list[Duplicate] = []
        self.ambiguous: list[Ambiguous] = []
        self.open: list[_Open] = []
        self.root: MetaNode | None = None
        self.nodes = 0
        self.finished = False

    def read(self, events: Iterator[Event]) -> None:
        for event in events:
            match event:
                case MappingStartEvent() | SequenceStartEvent():
                    self._start(event)
                case MappingEndEvent() | SequenceEndEvent():
                    self._end()
                case ScalarEvent():
                    self._check(event)
                    self._add(self._scalar(event))
                case AliasEvent():
                    self._count(event)
                    self._refuse(event, f"the alias {quoted('*' + event.anchor)}")
                    self._add(MetaScalar(None, "", self._mark(event)))
                case DocumentStartEvent() if self.root is not None:
                    self._defect("front matter holds a second YAML document", event, "keep one")
                    raise _StopReading
                case _:
                    pass
        self.finished = True

    def front_matter(self) -> FrontMatter:
        metadata = self._metadata()
        found = tuple(self.defects)
        return FrontMatter(metadata, found, tuple(self.duplicates), tuple(self.ambiguous))

    def _metadata(self) -> MetaMap | None:
        if self.defects or not self.finished:
            return None
        if isinstance(self.root, MetaMap):
            return self.root
        kind = "a list" if isinstance(self.root, MetaList) else "a single value"
        message = f"front matter is {kind}, expected `key: value` lines"
        at = self.root.at if self.root else Mark(self.first_line, 1)
        self.defects.append(Defect(message, at, "write for example `license: apache-2.0`"))
        return None

    def _start(self, event: MappingStartEvent | SequenceStartEvent) -> None:
        self._check(event)
        if len(self.open) >= DEPTH_LIMIT:
            fix = "flatten the metadata"
            self._defect(f"front matter nests deeper than {DEPTH_LIMIT} levels", event, fix)
            raise _StopReading
        self.open.append(_Open(event, [], {}, []))

    def _end(self) -> None:
        done = self.open.pop()
        at = self._mark(done.event)
        if isinstance(done.event, SequenceStartEvent):
            self._add(MetaList(tuple(done.nodes), at))
        else:
            self._add(MetaMap(tuple(done.entries.values()), at))

    def _add(self, node: MetaNode) -> None:
        if not self.open:
            self.root = node
        elif isinstance(self.open[-1].event, SequenceStartEvent):
            self.open[-1].nodes.append(node)
        elif self.open[-1].key:
            key = self.open[-1].key.pop()
            if isinstance(node, MetaScalar) and node.plain and not node.text:
                node = node._replace(at=key.at)  # the mark of nothing is where the next thing is
            self.open[-1].entries[key.text] = MetaEntry(key.text, key.at, node)
        else:
            self._add_key(node)

    def _add_key(self, node: MetaNode) -> None:
        if not isinstance(node, MetaScalar):
            fix = "use plain names as keys; quote text that begins with `{` or `[`"
            message = "a key of the front matter is a list or a mapping"
            self.defects.append(Defect(message, node.at, fix))
            node = MetaScalar(None, f"\x00{self.nodes}", node.at)
        if node.plain and node.text == "<<":
            message = "front matter uses the merge key `<<`, which only some readers know"
            self.defects.append(Defect(message, node.at, "write the keys out"))
        first = self.open[-1].entries.get(node.text)
        if first is not None:
            self.duplicates.append(Duplicate(node.text, node.at, first.at))
        self.open[-1].key.append(node)

    def _scalar(self, event: ScalarEvent) -> MetaScalar:
        text, at, is_key = event.value, self._mark(event), self._expects_key()
        if found := _FORBIDDEN.search(text):
            what = f"the character U+{ord(found.group()):04X}"
            self._defect(f"a value of the front matter holds {what}", event, "remove the escape")
        if is_key and not 0 < len(text) <= KEY_LIMIT:
            message = f"a key has {len(text):,} characters, expected 1 to {KEY_LIMIT}"
            self._defect(message, event, "write `key: value` lines")
        if event.style is not None:
            return MetaScalar(text, text, at, plain=False)
        why = (
            ambiguity(text) or (_key_reading(text) if is_key else None) or self._flow_reading(text)
        )
        if why is None:
            return MetaScalar(read_12(text).value, text, at)
        if not (is_key and text == "<<"):
            self.ambiguous.append(Ambiguous(text, at, why, is_key))
        return MetaScalar(text, text, at)

    def _flow_reading(self, text: str) -> str | None:
        # PyYAML's scanner (scan_plain) ends a plain scalar there, inside brackets only.
        if any(each.event.flow_style for each in self.open) and _FLOW_MARKS.search(text):
            return "a text for some readers and an error for the Hub's Python client"
        return None

    def _expects_key(self) -> bool:
        top = self.open[-1] if self.open else None
        return top is not None and isinstance(top.event, MappingStartEvent) and not top.key

    def _check(self, event: NodeEvent) -> None:
        self._count(event)
        if event.anchor is not None:
            self._refuse(event, f"the anchor {quoted('&' + event.anchor)}")
        if (tag := getattr(event, "tag", None)) is not None:
            self._refuse(event, f"the tag {quoted(str(tag))}")

    def _count(self, event: NodeEvent) -> None:
        self.nodes += 1
        if self.nodes > NODE_LIMIT:
            fix = "move long lists out, for example evaluation results to .eval_results/*.yaml"
            self._defect(f"front matter holds more than {NODE_LIMIT:,} values", event, fix)
            raise _StopReading

    def _refuse(self, event: NodeEvent, what: str) -> None:
        fix = "write the value out; a card needs no anchors, aliases or tags"
        self._defect(f"front matter uses {what}, expected plain values", event, fix)
        if len(self.defects) >= DEFECT_LIMIT:
            raise _StopReading

    def _defect(self, message: str, event: Event, fix: str) -> None:
        self.defects.append(Defect(message, self._mark(event), fix))

    def _mark(self, event: Event) -> Mark:
        start = event.start_mark
        return Mark(start.line + self.first_line, start.column + 1)


def _key_reading(text: str) -> str | None:
    reading = read_12(text)
    return None if reading.kind == "text" else f"{reading.phrase}, expected a text as key"


_OPENED = re.compile("quoted scalar|flow sequence|flow mapping")
_HINTS = (
    ("cannot start any token", "quote the value, and indent with blanks, not tabs"),
    ("mapping values are not allowed", 'quote values that hold ": ", for example name: "a: b"'),
    ("quoted scalar", "close the quote"),
    ("expected ',' or", "close the bracket, or quote the text"),
    ("expected <block end>", "give all keys of one level the same indentation"),
    ("could not find expected ':'", "write `key: value`"),
    ("undefined alias", "quote text that begins with `*`"),
)


def _yaml_defect(error: MarkedYAMLError, first_line: int) -> Defect:
    mark = error.problem_mark or error.context_mark
    if error.context_mark and _OPENED.search(str(error.context)):
        mark = error.context_mark  # where it was opened; the problem is only seen at the end
    at = Mark(mark.line + first_line, mark.column + 1) if mark else Mark(first_line, 1)
    problem = clean(" ".join(part for part in (error.context, error.problem) if part), 160)
    default = "quote values with special characters, indent with two blanks"
    fix = next((hint for sign, hint in _HINTS if sign in problem), default)
    return Defect(f"front matter is not valid YAML: {problem}", at, fix)
