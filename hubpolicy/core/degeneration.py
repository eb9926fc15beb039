# SPDX-License-Identifier: Apache-2.0
"""Does a text babble? Words, and runs of four words that stood in the same text before.

The share of repeated runs is seq-rep-4 of Welleck et al. ("Neural text generation with
unlikelihood training", ICLR 2020), on words instead of tokens: it must not depend on the
vocabulary of whoever is judged. Scripts without spaces, and tokens that a broken model glues
together, are taken letter by letter.
"""

from __future__ import annotations

import re

ORDER = 4
LONGEST_WORD = 24
"""No word of a language with spaces is usually longer; what is longer is read letter by letter."""

_WORD = re.compile(r"[^\W_]+")


def pieces(text: str) -> tuple[str, ...]:
    """Words in lower case; of overlong runs, and of scripts without spaces, the letters."""
    found: list[str] = []
    for word in _WORD.findall(text.lower()):
        if len(word) > LONGEST_WORD or _is_unspaced(word):
            found.extend(word)
        else:
            found.append(word)
    return tuple(found)


def ngrams(n_pieces: int) -> int:
    """How many runs of four words a text of that many words has."""
    return max(0, n_pieces - ORDER + 1)


def repeats(words: tuple[str, ...]) -> int:
    """How many runs of four words stood in the text before."""
    runs = [words[i : i + ORDER] for i in range(ngrams(len(words)))]
    return len(runs) - len(set(runs))


def _is_unspaced(word: str) -> bool:
    """Thai to Khmer, kana, and the ideographs of Chinese and Japanese."""
    first = word[0]
    return (
        "\u0e00" <= first <= "\u0eff"
        or "\u1780" <= first <= "\u17ff"
        or ("\u3040" <= first <= "\u9fff" or "\uf900" <= first <= "\ufaff" or first >= "\U00020000")
    )
