# SPDX-License-Identifier: Apache-2.0
"""Words and repeated runs, in any script, without the model's own vocabulary."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubpolicy.core.degeneration import ORDER, ngrams, pieces, repeats
from hubpolicy.core.sampling import speaks


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ()),
        ("!?… 😀 --", ()),
        ("The cat, the CAT.", ("the", "cat", "the", "cat")),
        ("Été à Paris_2", ("été", "à", "paris", "2")),
        ("今日は雨です", ("今", "日", "は", "雨", "で", "す")),
        ("สวัสดี"[:2], ("ส", "ว")),
        ("a" * 25, ("a",) * 25),
        ("donaudampfschifffahrt", ("donaudampfschifffahrt",)),
    ],
)
def test_pieces(text: str, words: tuple[str, ...]) -> None:
    assert pieces(text) == words


@pytest.mark.parametrize(
    ("text", "share"),
    [
        ("the " * 24, 20 / 21),
        ("ha" * 40, 75 / 77),
        ("one two three four five six seven eight", 0),
        ("I see it. I see it. I see it.", 3 / 6),
    ],
)
def test_repetition_is_seq_rep_4(text: str, share: float) -> None:
    words = pieces(text)
    assert repeats(words) / ngrams(len(words)) == pytest.approx(share)


@given(st.text())
def test_a_text_has_words_exactly_if_it_can_be_scored(text: str) -> None:
    assert bool(pieces(text)) is any(c.isalnum() for c in text.lower()) is speaks(text)


@given(st.lists(st.sampled_from("abc"), max_size=40).map(tuple))
def test_repeats_are_the_runs_less_the_different_ones(words: tuple[str, ...]) -> None:
    runs = {words[i : i + ORDER] for i in range(len(words) - ORDER + 1)}
    assert repeats(words) == ngrams(len(words)) - len(runs) >= 0
    assert repeats(words + words) >= repeats(words)
