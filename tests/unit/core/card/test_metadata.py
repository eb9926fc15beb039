# SPDX-License-Identifier: Apache-2.0
"""Facts of the files, and values by key."""

from __future__ import annotations

import pytest

from hubpolicy.core.card.front_matter import parse_front_matter
from hubpolicy.core.card.metadata import (
    facts_from_manifest,
    is_license_file,
    place,
    text_of,
    texts_of,
    weight_format,
)
from hubpolicy.domain.card import Mark, MetaMap, RepoFacts
from hubpolicy.domain.manifest import Entry, make_manifest


def metadata(text: str) -> MetaMap:
    parsed = parse_front_matter(text, 2).metadata
    assert parsed is not None
    return parsed


def test_facts_are_what_names_and_sizes_say() -> None:
    names = ["README.md", "a/model.safetensors", "b.gguf", "LICENSE.txt", "training_args.bin"]
    manifest = make_manifest([Entry(name, 10, "0" * 64) for name in names])
    assert facts_from_manifest(manifest) == RepoFacts(
        ("gguf", "safetensors"), frozenset(names), True, 50
    )


@pytest.mark.parametrize(
    ("path", "weights"),
    [
        ("model.safetensors", "safetensors"),
        ("q/model-Q4_K_M.GGUF", "gguf"),
        ("onnx/model.onnx", "onnx"),
        ("pytorch_model.bin", "pytorch"),
        ("optimizer.pt", ""),
        ("checkpoint/training_args.bin", ""),
        ("tokenizer.json", ""),
        ("safetensors", ""),
    ],
)
def test_weight_formats(path: str, weights: str) -> None:
    assert weight_format(path) == weights


@pytest.mark.parametrize(
    ("path", "is_one"),
    [
        ("LICENSE", True),
        ("licence.md", True),
        ("LICENSE-MODEL.txt", True),
        ("LICENSE_GEMMA", True),
        ("COPYING", True),
        ("UNLICENSE", True),
        ("docs/LICENSE", False),
        ("licensed.py", False),
        ("README.md", False),
    ],
)
def test_license_files(path: str, is_one: bool) -> None:
    assert is_license_file(path) is is_one


def test_texts_of_a_key() -> None:
    found = metadata("a: x\nb: [y, 1, '', z]\nc: 3\nd: {e: f}\ng: ' '")
    assert [each.text for each in texts_of(found, "a")] == ["x"]
    assert [each.text for each in texts_of(found, "b")] == ["y", "z"]
    for key in ("c", "d", "g", "missing"):
        assert texts_of(found, key) == ()
        assert text_of(found, key) is None
    assert text_of(found, "b") is None


def test_places_fall_back_to_the_nearest_parent() -> None:
    found = metadata("a:\n- b: c\n- d: e")
    assert place(found, ("a", 1, "d")) == Mark(4, 6)
    assert place(found, ("a", 1, "x", "y")) == Mark(4, 3)
    assert place(found, ("a", 9)) == Mark(3, 1)
    assert place(found, ("z",)) == Mark(2, 1)
