"""Expand our own grammar (``grammar/*.txt``) into labelled sentences, in matched toxic and benign families.

Slots: ``{list}`` draws an item, ``(a|b|)`` draws an alternative, ``{G}``, ``{g}`` and ``{A}`` are plural, singular and
adjective of one identity group per sentence, ``{H}`` is a second group, ``{slur}`` comes from the data folder's list
(so that none is written here), ``{@hurt}`` nests a sentence of a hateful family about the same group.
Families marked ``held`` and groups marked ``*`` occur only in the functional test.
"""

from __future__ import annotations

import random
import re
from importlib.resources import files
from typing import TYPE_CHECKING, NamedTuple

from training.screen.augment import disturbed, surfaced
from training.screen.sources import Row

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

VAL_SHARE = 0.02
HELD_PER_FAMILY = 120
EMBEDDED_SHARE = 0.16
MAX_DEPTH = 40

NESTED: Mapping[str, tuple[str, ...]] = {
    "hurt": (
        "derog_adj", "derog_noun", "derog_act", "dehumanise", "exclude_norm", "threat_norm_group",
        "negated_positive", "implicit_derog", "hate_express", "stereotype_special",
        "implicit_2",
    ),
    "abuse": ("insult_you", "threat_person", "profane_abuse", "selfharm_urge"),
    "nice": (
        "praise_adj", "praise_noun", "good_act", "human", "norm_good", "never_harm", "group_love",
        "special_benign", "implicit_2b",
    ),
}  # fmt: skip
FILLERS = (
    "encyclopedic", "everyday", "identity_neutral", "wiki_talk", "idiom", "disagree", "debate_civil",
)  # fmt: skip


class Group(NamedTuple):
    """An identity group: plural, singular, adjective; ``held`` groups are never trained on."""

    plural: str
    singular: str
    adjective: str
    held: bool


class Family(NamedTuple):
    """Templates of one intention with one label in [0, 1]."""

    name: str
    label: float
    weight: float
    held: bool
    templates: tuple[str, ...]


def _lines(name: str) -> Iterator[str]:
    text = (files("training.screen") / "grammar" / name).read_text(encoding="utf-8")
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            yield line


def read_groups() -> tuple[Group, ...]:
    """Return the identity groups; raises ValueError on a line that has not three fields."""
    groups = []
    for line in _lines("groups.txt"):
        plural, singular, adjective = (field.strip() for field in line.split("|"))
        held = plural.startswith("*")
        groups.append(Group(plural.lstrip("* "), singular, adjective, held))
    return tuple(groups)


def split_alternatives(text: str) -> tuple[str, ...]:
    """Split at the bars that stand outside parentheses."""
    parts, depth, current = [], 0, ""
    for character in text:
        depth += (character == "(") - (character == ")")
        if character == "|" and depth == 0:
            parts.append(current)
            current = ""
        else:
            current += character
    return (*parts, current)


def read_lists() -> dict[str, tuple[str, ...]]:
    """Return the word lists by name; an indented line continues the one above."""
    joined: list[str] = []
    for line in _lines("lists.txt"):
        if line[0].isspace():
            joined[-1] += " " + line.strip()
        else:
            joined.append(line)
    lists = {}
    for line in joined:
        name, _, items = line.partition(":")
        lists[name.strip()] = tuple(item.strip() for item in split_alternatives(items))
    return lists


def read_families() -> tuple[Family, ...]:
    """Return all families; raises ValueError when a template stands before the first header."""
    families: list[Family] = []
    for line in (*_lines("toxic.txt"), *_lines("benign.txt")):
        if line.startswith("[family "):
            words = line.strip("[] ").split()
            options = dict(word.split("=") for word in words[2:] if "=" in word)
            label, weight = float(options["label"]), float(options.get("weight", 1))
            families.append(Family(words[1], label, weight, "held" in words, ()))
        elif not families:
            msg = f"got template {line!r} before the first family header"
            raise ValueError(msg)
        else:
            last = families[-1]
            families[-1] = last._replace(templates=(*last.templates, line.strip()))
    return tuple(families)


class Grammar:
    """The grammar with its random source; ``sentence`` expands one template of a family."""

    def __init__(self, rng: random.Random, slurs: Sequence[str]) -> None:
        """Read the grammar files; ``slurs`` fill ``{slur}``."""
        self.rng = rng
        self.lists = {**read_lists(), "slur": tuple(slurs)}
        self.families = {family.name: family for family in read_families()}
        every = read_groups()
        self.groups = {held: tuple(g for g in every if g.held is held) for held in (False, True)}

    def sentence(self, name: str, group: Group) -> str:
        """Return one sentence of family ``name`` about ``group``, without surface variation."""
        return tidy(self._expanded(self.rng.choice(self.families[name].templates), group))

    def _expanded(self, text: str, group: Group) -> str:
        for _ in range(MAX_DEPTH):
            choice = re.search(r"\(([^()]*\|[^()]*)\)", text)
            slot = re.search(r"\{(@?\w+)\}", text)
            if choice:
                item = self.rng.choice(choice.group(1).split("|"))
                text = text[: choice.start()] + item + text[choice.end() :]
            elif slot:
                text = text[: slot.start()] + self._slot(slot.group(1), group) + text[slot.end() :]
            else:
                return text
        msg = f"got more than {MAX_DEPTH} expansions in {text!r}"
        raise ValueError(msg)

    def _slot(self, name: str, group: Group) -> str:
        fixed = {"G": group.plural, "g": group.singular, "A": group.adjective}
        if name in fixed:
            return fixed[name]
        if name == "H":
            return self.rng.choice(self.groups[group.held]).plural
        if name.startswith("@"):
            return self.sentence(self.rng.choice(NESTED[name[1:]]), group).rstrip(".!")
        return self.rng.choice(self.lists[name])


def tidy(text: str) -> str:
    """Repair what slots leave behind: double spaces, "a idiot", "the the", spaces before marks."""
    text = re.sub(r"\s+", " ", text).strip()
    text = re.sub(
        r"\b(all those|those|these|the|all) (the|all)\b", r"\2", text, flags=re.IGNORECASE
    )
    text = re.sub(r"\b([Aa]) (?=[aeiouAEIOU](?!ni[fqvt]|uro))", r"\1n ", text)
    text = re.sub(r"\b(stab|run|cut)ing\b", r"\1bing", text)
    return re.sub(r"\s+([,.!?])", r"\1", text)


def _rows_of(grammar: Grammar, family: Family, count: int, *, held: bool) -> Iterator[Row]:
    rng = grammar.rng
    seen: set[str] = set()
    kind = ("new_family" if family.held else "new_group") if held else "own"
    source = f"{kind}:{family.name}"
    for _ in range(count * 3):
        group = rng.choice(grammar.groups[held])
        text = grammar.sentence(family.name, group)
        names = (group.plural, group.singular, group.adjective)
        unseen = family.held or not held or any(name in text for name in names)
        if text in seen or not unseen:
            continue
        seen.add(text)
        if held:
            yield Row(surfaced(text, rng, plain=True), round(family.label), 1.0, source, "test")
        else:
            part = "val" if rng.random() < VAL_SHARE else "train"
            text = surfaced(text, rng)
            label = min(max(family.label, 0.02), 0.98)
            if rng.random() < EMBEDDED_SHARE:
                text = _embedded(grammar, text)
            yield Row(disturbed(text, rng), label, family.weight, source, part)
        if len(seen) >= count:
            return


def _embedded(grammar: Grammar, text: str) -> str:
    """Put ``text`` between harmless sentences, as it would stand in a model's longer output."""
    rng = grammar.rng
    pieces = [text]
    for _ in range(rng.randint(1, 4)):
        group = rng.choice(grammar.groups[False])
        filler = surfaced(grammar.sentence(rng.choice(FILLERS), group), rng, plain=True)
        pieces.insert(rng.randint(0, len(pieces)), filler)
    return " ".join(piece if piece[-1:] in ".!?" else piece + "." for piece in pieces)


def generated(seed: int, per_family: int, slurs: Sequence[str]) -> Iterator[Row]:
    """Yield training rows of all families but the held, then the functional test.

    The functional test is every held family with every group, and every other family with held groups.
    """
    grammar = Grammar(random.Random(seed), slurs)
    for family in grammar.families.values():
        if not family.held:
            count = min(per_family, 60 * len(family.templates))
            yield from _rows_of(grammar, family, count, held=False)
    for family in grammar.families.values():
        yield from _rows_of(grammar, family, HELD_PER_FAMILY, held=True)
