# SPDX-License-Identifier: Apache-2.0
"""HP111: the required sections are there."""

from __future__ import annotations

import pytest

from tests.unit.core.card.cards import BODY, found, judge, with_metadata

HEADINGS = {
    "## Uses": "the card does not say what the model is for: no section `Uses`",
    "## Bias, Risks, and Limitations": (
        "the card names no limits: no section `Bias, Risks, and Limitations`"
    ),
    "## Training Data": "the card does not say what the model learned from: no section `Training Data`",
    "## Evaluation": "the card does not say how the model was evaluated: no section `Evaluation`",
    "## Contact": "the card names nobody to turn to: no section `Contact`",
}


@pytest.mark.parametrize(("heading", "message"), HEADINGS.items())
def test_each_required_section_is_missed(heading: str, message: str) -> None:
    card = with_metadata().replace(heading, "## Something else")
    assert [line.partition(" error ")[2] for line in found(card, "HP111")] == [message]


def test_a_missing_section_is_placed_at_the_heading_it_belongs_under() -> None:
    card = with_metadata().replace("## Training Data", "## Training Details")
    (line,) = found(card, "HP111")
    assert line.startswith("20:1 ")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("## Uses", "### 1. Intended Use"),
        ("## Bias, Risks, and Limitations", "## Limitations [optional]"),
        ("## Training Data", "## Training and evaluation data"),
        ("## Evaluation", "Benchmarks\n----------"),
        ("## Contact", "<h2 align='left'>Contact us</h2>\n"),
        ("## Contact\n\n", "**Contact:** "),
    ],
)
def test_headings_go_by_other_names_too(old: str, new: str) -> None:
    assert judge(with_metadata().replace(old, new)).failed == ()


@pytest.mark.parametrize("hidden", ["```\n{}\n```", "<!--\n{}\n-->", "> {}", "    {}"])
def test_a_heading_that_nobody_sees_is_missing(hidden: str) -> None:
    card = with_metadata().replace("## Evaluation", hidden.format("## Evaluation"))
    assert len(found(card, "HP111")) == 1


@pytest.mark.parametrize("relation", ["quantized", "merge"])
def test_quantised_and_merged_models_may_say_how_they_were_made_instead(relation: str) -> None:
    keys = {"base_model": "a/b", "base_model_relation": relation, "tags": "[gguf]"}
    heading = {"quantized": "## Quantization", "merge": "## Merge Details"}[relation]
    card = with_metadata(**keys)
    assert found(card.replace("## Training Data", heading), "HP111") == []
    assert len(found(card.replace("## Training Data", "## Else"), "HP111")) == 1
    assert len(found(with_metadata().replace("## Training Data", heading), "HP111")) == 1


def test_no_body_misses_all() -> None:
    assert len(found(with_metadata().replace(BODY, ""), "HP111")) == 5
