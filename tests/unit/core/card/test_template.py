# SPDX-License-Identifier: Apache-2.0
"""What generators write and nobody has touched must fail: the template of the official client."""

from __future__ import annotations

from importlib.resources import files

import huggingface_hub
import pytest
from huggingface_hub import ModelCard, ModelCardData

from hubpolicy.core.card.boilerplate import BOILERPLATE
from hubpolicy.core.card.markdown import parse_body
from hubpolicy.core.card.prose import phrase
from hubpolicy.core.card.split import split
from tests.unit.core.card.cards import judge

TEMPLATE = (files(huggingface_hub) / "templates" / "modelcard_template.md").read_bytes()
COMPLETE = ModelCardData(
    language="en",
    license="mit",
    library_name="transformers",
    pipeline_tag="text-generation",
    base_model="acme/fjord-1b",
    tags=["x"],
)
SECTIONS = {"uses", "bias-risks-limitations", "training-data", "evaluation", "contact"}


def rendered(data: ModelCardData, **values: str) -> bytes:
    return str(ModelCard.from_template(data, **values)).encode()


def test_the_raw_template_is_no_card() -> None:
    check = judge(TEMPLATE)
    assert "HP102" in check.failed
    assert {"HP105", "HP111", "HP112"} <= set(check.failed)


def test_the_untouched_template_says_nothing() -> None:
    check = judge(rendered(ModelCardData()))
    assert {"HP106", "HP107", "HP108", "HP109", "HP112"} <= set(check.failed)
    assert "HP113" in check.warned


def test_complete_metadata_do_not_save_an_untouched_text() -> None:
    check = judge(rendered(COMPLETE, model_id="acme/x", developers="Acme", model_type="decoder"))
    assert check.failed == ("HP112",)
    found = [each.message for each in check.findings if each.rule == "HP112"]
    assert len(found) == len(SECTIONS)


def test_every_section_of_the_template_has_no_words() -> None:
    halves = split(rendered(COMPLETE))
    words = {each.id: each.words_total for each in parse_body(halves.body, 1, BOILERPLATE)}
    assert set(words) >= SECTIONS
    assert [name for name in SECTIONS if words[name]] == []


def test_hints_that_were_taken_out_of_their_comments_are_no_words() -> None:
    halves = split(rendered(COMPLETE))
    opened = halves.body.replace("<!--", "").replace("-->", "")
    words = {each.id: each.words for each in parse_body(opened, 1, BOILERPLATE)}
    assert {name: count for name, count in words.items() if name in SECTIONS and count} == {}


def test_the_template_filled_in_passes() -> None:
    said = (
        "This says in twenty words of its own what there is to say about it, and then a few more. "
    )
    check = judge(
        rendered(
            COMPLETE,
            model_id="acme/x",
            direct_use=said * 2,
            bias_risks_limitations=said * 2,
            training_data=said * 2,
            results=said * 2,
            model_card_contact="anna@acme.example",
        )
    )
    assert check.failed == ()
    assert check.warned == ("HP113",)


@pytest.mark.parametrize("sentence", BOILERPLATE)
def test_template_sentences_are_phrases(sentence: str) -> None:
    assert phrase(sentence) == sentence
    assert len(sentence.split()) >= 3
