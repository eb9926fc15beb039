"""Surface variation: case, punctuation, and the spellings that people use to slip past a filter."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random

LEET = {"a": "@4", "e": "3", "i": "1!", "o": "0", "s": "$5", "t": "7"}
MIN_WORD = 4
DISTURBED_SHARE = 0.12
ENDINGS = (".", ".", ".", ".", "!", "", "", "", "!!", "...")


def surfaced(text: str, rng: random.Random, *, plain: bool = False) -> str:
    """Give a bare sentence a beginning and an end; ``plain`` keeps to ordinary writing."""
    text = text[:1].upper() + text[1:]
    if text[-1:] not in ".!?":
        text += "." if plain and rng.random() < 0.8 else rng.choice(ENDINGS)
    if plain:
        return text
    draw = rng.random()
    if draw < 0.3:
        return text.lower()
    if draw < 0.33:
        return text.upper()
    return text


def _leet(word: str, rng: random.Random) -> str:
    return "".join(rng.choice(LEET[c]) if c in LEET and rng.random() < 0.5 else c for c in word)


def _spaced(word: str, rng: random.Random) -> str:
    return rng.choice((" ", " ", ".", "-", "_")).join(word)


def _repeated(word: str, rng: random.Random) -> str:
    at = rng.randrange(1, len(word))
    return word[:at] + word[at] * rng.randint(1, 3) + word[at:]


def _starred(word: str, rng: random.Random) -> str:
    at = rng.randrange(1, len(word) - 1)
    return word[:at] + "*" + word[at + 1 :]


def _swapped(word: str, rng: random.Random) -> str:
    at = rng.randrange(1, len(word) - 2)
    return word[:at] + word[at + 1] + word[at] + word[at + 2 :]


def _dropped(word: str, rng: random.Random) -> str:
    at = rng.randrange(1, len(word) - 1)
    return word[:at] + word[at + 1 :]


def _vowelless(word: str, rng: random.Random) -> str:
    """Leave out the inner vowels, or put stars for all inner letters."""
    if rng.random() < 0.4:
        return word[0] + "*" * (len(word) - 2) + word[-1]
    return word[0] + re.sub(r"[aeiou]", "", word[1:-1]) + word[-1]


def _glued(text: str) -> str:
    return text.replace(" ", "")


SPELLINGS = (_leet, _leet, _spaced, _repeated, _starred, _swapped, _dropped, _vowelless)


def disturbed(text: str, rng: random.Random, share: float = DISTURBED_SHARE) -> str:
    """Misspell one or two words of a ``share`` of the texts, the same for toxic and benign ones."""
    if rng.random() >= share:
        return text
    if len(text) < 40 and rng.random() < 0.15:
        return _glued(text)
    for _ in range(rng.randint(1, 2)):
        words = list(re.finditer(rf"[A-Za-z]{{{MIN_WORD},}}", text))
        if not words:
            return text
        match = rng.choice(words)
        spelling = rng.choice(SPELLINGS)
        text = text[: match.start()] + spelling(match.group(), rng) + text[match.end() :]
    return text
