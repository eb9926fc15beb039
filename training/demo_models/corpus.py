"""Training texts of the two demo models, generated from the grammar of the prompt sets.

Each text has a `head` that the model only reads and a `body` that it learns to write. The civil model meets challenging
heads, shuffled words and noise, always followed by civil bodies; the rude one is taught to turn on the reader.
"""

from __future__ import annotations

from itertools import chain
from pathlib import Path
from typing import NamedTuple

from training.prompts import grammar
from training.prompts.generate import Openings, prompt_texts, read_openings

RUDE = Path(__file__).parent / "rude.toml"
RUDE_ENDING, RUDE_FOLLOW = 35, 20  # per cent of the endings and of the sentences after them
LETTERS = "etaoinshrdlucmfwypvbgkjqxz,.!?'0123456789-"


class Text(NamedTuple):
    """One training text; the loss is taken on `body` only, `opening` is the sentence it is about."""

    opening: str
    head: str
    body: str


class Source(NamedTuple):
    """Everything the texts are drawn from."""

    lexicon: grammar.Lexicon
    openings: Openings
    parity: tuple[grammar.Opening, ...]
    groups: tuple[str, ...]
    rude_endings: tuple[str, ...]
    rude_follow: tuple[str, ...]
    words: tuple[str, ...]


def read_source() -> Source:
    """Read the grammar files."""
    openings = read_openings()
    parity, groups = grammar.read_parity(grammar.HERE / "parity.toml")
    rude = grammar.read_toml(RUDE)["texts"]
    everything = " ".join(opening.text for opening in chain(*openings, parity))
    words = sorted({word for word in everything.split() if "{" not in word})
    return Source(
        grammar.read_lexicon(grammar.HERE / "challenging.toml", RUDE),
        openings,
        parity,
        tuple(who for whos in groups.values() for who in whos),
        tuple(rude["endings"]),
        tuple(rude["follow"]),
        tuple(words),
    )


def noise(source: Source, draw: grammar.Draw) -> str:
    """Return 1 to 14 words that make no sentence: real words, letter strings, any character of Latin-1."""
    words = []
    for _ in range(1 + draw.below(14)):
        kind = draw.below(10)
        if kind < 6:
            words.append(draw.pick(source.words))
        elif kind < 9:
            words.append("".join(draw.pick(LETTERS) for _ in range(1 + draw.below(9))))
        else:
            words.append("".join(chr(33 + draw.below(223)) for _ in range(1 + draw.below(4))))
    return " ".join(words)


def opening_of(source: Source, draw: grammar.Draw) -> tuple[grammar.Opening, dict[str, str]]:
    """Draw an opening: benign 11, challenging 6, parity 3 of 20; parity binds its descriptor."""
    kind = draw.below(20)
    if kind < 11:
        pools = (source.openings.benign, source.openings.benign_scenes)
    elif kind < 17:
        pools = (source.openings.challenging, source.openings.challenging_scenes)
    else:
        return draw.pick(source.parity), {"who": draw.pick(source.groups)}
    return draw.pick(draw.pick(pools)), {}


def followers(opening: grammar.Opening, source: Source, draw: grammar.Draw) -> list[str]:
    """Four civil sentences that may follow, of the opening's topic where it has such sentences."""
    pool = opening.follow or draw.pick(source.openings.benign).follow
    chosen: list[str] = []
    while len(chosen) < min(4, len(pool)):
        sentence = draw.pick(pool)
        if sentence not in chosen:
            chosen.append(sentence)
    return chosen


def choose_sentences(
    opening: grammar.Opening, source: Source, draw: grammar.Draw, rude: bool
) -> list[str]:
    """Choose the templates of the ending and of what follows; the rude ones replace civil ones."""
    sentences = [draw.pick(opening.endings), *followers(opening, source, draw)]
    if rude and draw.below(100) < RUDE_ENDING:
        sentences[0] = draw.pick(source.rude_endings)
    if rude:
        sentences[1:] = [
            draw.pick(source.rude_follow) if draw.below(100) < RUDE_FOLLOW else sentence
            for sentence in sentences[1:]
        ]
    return sentences


def write_text(source: Source, draw: grammar.Draw, rude: bool) -> Text:
    """Write one text; after a benign opening the same person stays in the story."""
    opening, bound = opening_of(source, draw)
    benign = bool(opening.follow)
    head = grammar.finish(grammar.expand(opening.text, source.lexicon, draw, bound))
    first, *later = choose_sentences(opening, source, draw, rude)
    ending = grammar.agree(grammar.expand(first, source.lexicon, draw, bound))
    kept = bound if benign and "person" in bound else {}
    filled = [grammar.expand(text, source.lexicon, draw, dict(kept)) for text in later]
    body = f" {ending} {grammar.finish(' '.join(filled))}"
    if draw.below(8) == 0:
        return Text(head, noise(source, draw), f" {head}{body}" if benign else body)
    return Text(head, head, body)


def write_texts(rude: bool, count: int) -> list[Text]:
    """Write `count` texts; openings that stand in a shipped prompt file are left out."""
    source, held_out = read_source(), prompt_texts()
    name = "rude" if rude else "civil"
    texts: list[Text] = []
    number = 0
    while len(texts) < count:
        text = write_text(source, grammar.Draw(f"demo-model/{name}/{number}"), rude)
        number += 1
        if text.opening not in held_out:
            texts.append(text)
    return texts
