# SPDX-License-Identifier: Apache-2.0
"""HP105: the card fits the profile's schema."""

from __future__ import annotations

import pytest

from tests.unit.core.card.cards import found, judge, with_metadata


@pytest.mark.parametrize(
    ("key", "value", "finding"),
    [
        ("tags", "birds", "`tags` is the text `birds`, expected a list"),
        ("tags", "[1]", "`tags` holds 1, expected texts"),
        ("datasets", "", "`datasets` is empty, expected dataset ids"),
        ("thumbnail", "[a]", "`thumbnail` is a list, expected a text"),
        ("new_version", "a/b/c", "`new_version` is the text `a/b/c`, expected a repository"),
        (
            "co2_eq_emissions",
            "much",
            "`co2_eq_emissions` is the text `much`, expected grams of CO2",
        ),
        (
            "co2_eq_emissions",
            "{emissions: -1}",
            "`co2_eq_emissions.emissions` is -1, expected grams of CO2 as a number",
        ),
        ("extra_gated_prompt", "3", "`extra_gated_prompt` is the number 3, expected a text"),
    ],
)
def test_metadata_of_the_wrong_kind(key: str, value: str, finding: str) -> None:
    (line,) = found(with_metadata(**{key: value}), "HP105")
    assert line.endswith(f" error {finding}")
    assert line.startswith("6:")


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("licence", "license"),
        ("languages", "language"),
        ("pipeline-tag", "pipeline_tag"),
        ("library", "library_name"),
        ("model_index", "model-index"),
        ("base-model", "base_model"),
    ],
)
def test_a_misspelt_key_is_a_warning(key: str, meant: str) -> None:
    card = with_metadata(**{meant.replace("-", "__"): None, key.replace("-", "__"): "x"})
    (line,) = found(card, "HP105")
    assert line.endswith(f"warning the Hub does not know the key `{key}`, it reads `{meant}`")


def test_an_own_key_beside_the_known_one_is_left_alone() -> None:
    assert judge(with_metadata(licence="x", owner="anna", model_creator="anna")).findings == ()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("tags", "[]"),
        ("datasets", "[acme/birds]"),
        ("metrics", "accuracy"),
        ("co2_eq_emissions", "12.5"),
        ("inference", "false"),
        ("gated", "true"),
        ("widget", "[{text: hello}]"),
        ("new_version", "acme/tern-2"),
    ],
)
def test_metadata_of_the_right_kind_pass(key: str, value: str) -> None:
    assert judge(with_metadata(**{key: value})).findings == ()
