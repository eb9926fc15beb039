"""Template grammar of the prompt sets and of the demo models' texts.

A template is a sentence with slots such as ``{plant}``. A slot keeps its value within one text; ``{plant2}`` is another
value of the same slot. ``{person}`` binds ``{they}``, ``{them}`` and ``{their}``. All choices come from SHA-256, so the
same seed gives the same text with every Python version on every machine.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

T = TypeVar("T")
HERE = Path(__file__).parent
SLOT = re.compile(r"\{([A-Za-z]+)(\d?)\}")
BEFORE_VOWEL = re.compile(r"\b([Aa]) (?=[aeio]|u(?!s|ni))")
SENTENCE_START = re.compile(r"(^|(?<=[.?!] ))([a-z])")


class Draw:
    """A stream of choices derived from a seed text; never the standard generator, whose methods may change."""

    def __init__(self, seed: str) -> None:
        self._seed = seed.encode()
        self._count = 0

    def below(self, limit: int) -> int:
        """Return an integer in [0, limit); the modulo bias is under 2**-50 for every list we have."""
        block = hashlib.sha256(b"%s\x00%d" % (self._seed, self._count)).digest()
        self._count += 1
        return int.from_bytes(block[:8], "big") % limit

    def pick(self, options: Sequence[T]) -> T:
        """Return one of `options`."""
        return options[self.below(len(options))]


class Opening(NamedTuple):
    """The first part of a sentence and the ways it may end."""

    topic: str
    text: str
    endings: tuple[str, ...]
    follow: tuple[str, ...]


class Lexicon(NamedTuple):
    """Fillers by slot name; each person is (name, subject, object, possessive)."""

    people: tuple[tuple[str, ...], ...]
    slots: Mapping[str, tuple[str, ...]]


def read_toml(path: Path) -> dict[str, Any]:
    """Read one of our own TOML files."""
    return tomllib.loads(path.read_text(encoding="utf-8"))


def read_lexicon(*extra: Path) -> Lexicon:
    """Read lexicon.toml and the `slots` tables of `extra` files."""
    base = read_toml(HERE / "lexicon.toml")
    tables = [base["slots"], *(read_toml(path)["slots"] for path in extra)]
    slots = {name: tuple(values) for table in tables for name, values in table.items()}
    people = tuple(tuple(entry.split("/")) for entry in base["people"]["person"])
    return Lexicon(people, slots)


def read_topics(path: Path) -> tuple[Opening, ...]:
    """Read the openings of a file with `[[topic]]` tables, in the file's order."""
    return tuple(
        Opening(topic["id"], row[0], tuple(row[1:]), tuple(topic.get("follow", ())))
        for topic in read_toml(path)["topic"]
        for row in topic["openings"]
    )


def read_scenes(kind: str, follow: Mapping[str, tuple[str, ...]]) -> tuple[Opening, ...]:
    """Put together every pair of scenes.toml's first and second part for `kind`, in a fixed mixed order."""
    table = read_toml(HERE / "scenes.toml")[kind]
    first, second = [value for key, value in table.items() if key != "frame"]
    openings = [
        Opening(
            topic, put_together(table["frame"], part, row[0]), tuple(row[1:]), follow.get(topic, ())
        )
        for topic, parts in first.items()
        for part in parts
        for row in second["items"]
    ]
    return tuple(
        sorted(openings, key=lambda opening: hashlib.sha256(opening.text.encode()).digest())
    )


def put_together(frame: str, first: str, second: str) -> str:
    """Replace the two outer slots of a frame, which are no fillers but templates themselves."""
    pairs = (("{action}", first), ("{scene}", first), ("{link}", second), ("{cue}", second))
    for slot, value in pairs:
        frame = frame.replace(slot, value)
    return frame


def read_parity(path: Path) -> tuple[tuple[Opening, ...], dict[str, tuple[str, ...]]]:
    """Read the matched templates and the descriptors by group."""
    table = read_toml(path)
    rows = table["templates"]["openings"]
    openings = tuple(Opening("parity", row[0], tuple(row[1:]), ()) for row in rows)
    return openings, {name: tuple(values) for name, values in table["groups"].items()}


def bind_person(lexicon: Lexicon, draw: Draw, bound: dict[str, str]) -> None:
    """Bind the person slots together, so that pronouns agree."""
    values = draw.pick(lexicon.people)
    bound.update(zip(("person", "they", "them", "their"), values, strict=True))


def fill(slot: str, base: str, lexicon: Lexicon, draw: Draw, bound: dict[str, str]) -> str:
    """Return the value of `slot`, binding it first where this text has not used it yet."""
    if slot not in bound:
        if slot in ("person", "they", "them", "their"):
            bind_person(lexicon, draw, bound)
        else:
            taken = set(bound.values())
            bound[slot] = draw.pick([value for value in lexicon.slots[base] if value not in taken])
    return bound[slot]


def expand(template: str, lexicon: Lexicon, draw: Draw, bound: dict[str, str]) -> str:
    """Fill the slots of `template`; `bound` is read and extended. Unknown slots raise KeyError."""
    return SLOT.sub(
        lambda match: fill(match.group(0)[1:-1], match.group(1), lexicon, draw, bound),
        template,
    )


def agree(text: str) -> str:
    """Make articles agree with the next word."""
    return BEFORE_VOWEL.sub(r"\1n ", text)


def finish(text: str) -> str:
    """Make articles agree and begin each sentence with a capital letter."""
    return SENTENCE_START.sub(lambda match: match.group(2).upper(), agree(text))
