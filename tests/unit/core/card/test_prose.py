# SPDX-License-Identifier: Apache-2.0
"""Which words are the author's."""

from __future__ import annotations

import time

import pytest

from hubpolicy.core.card.boilerplate import BOILERPLATE
from hubpolicy.core.card.prose import is_empty_cell, is_filler, measure, phrase

WORDS = {
    "": 0,
    "one two three": 3,
    "don't co-operate": 2,
    "dont’s are one": 3,
    "72 % of 300": 3,
    "snake_case counts twice": 4,
    "— … !!! ---": 0,
    "see https://example.org/a/b/c?d=e#f now": 2,
    "write to anna.b@example.org": 2,
    "漢字かな": 2,
    "漢字か": 2,
    "ภาษาไทยไม่เว้นวรรค": 8,
    "한국어 문장은 띄어 씁니다": 4,
    "Größe naïve Ελλάδα": 3,
}
PLACEHOLDERS = {
    "[More Information Needed]": "[More Information Needed]",
    "[more  information needed].": "[more  information needed]",
    "More information needed": "More information needed",
    "[TODO: provide examples of latent issues]": "[TODO: provide examples of latent issues]",
    "[N/A]": "[N/A]",
    "[tbd]": "[tbd]",
    "TODO": "TODO",
    "N/A": "N/A",
    "none": "none",
    "...": "...",
    "to be added": "to be added",
    "Coming soon!": "Coming soon",
    "lorem ipsum": "lorem ipsum",
    "{{ model_summary | default('', true) }}": "{{ model_summary | default('', true) }}",
    "{% if x %}": "{% if x %}",
    "<your dataset here>": "<your dataset here>",
    "[insert your dataset here]": "[insert your dataset here]",
}
NO_PLACEHOLDERS = [
    "todo lists are its favourite genre",
    "[add](https://example.org) is a link",
    "the score is N/A for Welsh",
    "none of these models was tested",
    "see [1] and [Smith 2020]",
    "<b>bold</b>",
    "an unknown author",
    "Array[int] and {a: b}",
]


@pytest.mark.parametrize(("text", "words"), WORDS.items())
def test_words_are_counted_in_every_script(text: str, words: int) -> None:
    assert measure(text).words == words


@pytest.mark.parametrize(("text", "placeholder"), PLACEHOLDERS.items())
def test_a_placeholder_is_found_and_says_nothing(text: str, placeholder: str) -> None:
    prose = measure(text, BOILERPLATE)
    assert prose.placeholders == ((placeholder, 0),)
    assert prose.words == 0


@pytest.mark.parametrize("text", NO_PLACEHOLDERS)
def test_ordinary_text_is_no_placeholder(text: str) -> None:
    prose = measure(text)
    assert prose.placeholders == ()
    assert prose.words > 0


def test_placeholders_know_their_line() -> None:
    prose = measure("first line\nsecond TODO\nN/A\nlast [tbd] and [todo]")
    assert prose.placeholders == (("TODO", 1), ("N/A", 2), ("[tbd]", 3), ("[todo]", 3))


@pytest.mark.parametrize(
    "text",
    [
        (
            "Users (both direct and downstream) should be made aware of the risks, biases and"
            " limitations of the model."
        ),
        (
            "USERS BOTH DIRECT AND DOWNSTREAM should be made aware of the risks biases and limitations"
            " of the model!"
        ),
        (
            "Users (both direct and\ndownstream) should be made aware of the risks,\nbiases and"
            " limitations of the model."
        ),
        (
            "Users (both direct [TODO] and downstream) should be made aware of the risks, biases and"
            " limitations of the model."
        ),
        "Use the code below to get started with the model.",
    ],
)
def test_template_sentences_are_no_words_however_they_are_broken(text: str) -> None:
    prose = measure(text, BOILERPLATE)
    assert (prose.words, prose.boilerplate) == (0, 1)


def test_own_words_around_a_template_sentence_count() -> None:
    text = "Beware. Use the code below to get started with the model. It needs a GPU."
    assert measure(text, BOILERPLATE).words == 5


def test_a_template_sentence_is_not_found_inside_longer_words() -> None:
    assert measure("Reuse the code below to get started with the models.", BOILERPLATE).words == 10


def test_phrases_are_bounded_by_blanks() -> None:
    assert phrase("The Model's  card!") == " the  model's  card "
    assert phrase("!?") == " "


@pytest.mark.parametrize("text", ["", " ", "N/A", "n / a", "TBD", "None.", "...", "—" * 0, "_"])
def test_filler(text: str) -> None:
    assert is_filler(text)


@pytest.mark.parametrize(
    ("text", "empty"), [("-", True), ("N/A", True), ("", True), ("TBD", False), ("0.5", False)]
)
def test_an_empty_cell_is_no_placeholder(text: str, empty: bool) -> None:
    assert is_empty_cell(text) is empty


@pytest.mark.parametrize(
    "text",
    [
        "[todo" * 40_000,
        "[add " * 40_000,
        "<your " * 30_000,
        "{{" * 100_000,
        "more" + " " * 200_000 + "info",
        "a@" * 100_000,
        "a" * 200_000 + "@",
        "http://" * 30_000,
        "a." * 100_000 + "@",
        "." * 200_000,
        "a'" * 100_000,
    ],
    ids=lambda text: text[:6],
)
def test_hostile_prose_takes_linear_time(text: str) -> None:
    begin = time.process_time()
    measure(text, BOILERPLATE)
    assert time.process_time() - begin < 3
