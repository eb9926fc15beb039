# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from hubpolicy.core.rules import hp413

ALL = ("gguf", "onnx", "safetensors")
NONE: frozenset[str] = frozenset()


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("model.safetensors", "safetensors"),
        ("a/Model.SafeTensors", "safetensors"),
        ("m.gguf", "gguf"),
        ("model.onnx", "onnx"),
        ("model.onnx.data", "onnx"),
        ("model.onnx_data", "onnx"),
        ("model.onnx_data_1", "onnx"),
        ("m.h5", "h5"),
        ("README.md", ""),
        ("weights", ""),
        ("model.safetensors.index.json", ""),
        ("pytorch_model.bin", ""),
    ],
)
def test_the_name_says_the_format(path: str, form: str) -> None:
    assert hp413.format_of(path) == form


def test_formats_that_the_policy_does_not_name_block() -> None:
    paths = ("model.safetensors", "model.onnx", "model.onnx.data", "m.h5", "README.md")
    found = hp413.check(paths, ("safetensors",), NONE)
    assert [f.location.path for f in found if f.location] == [
        "m.h5",
        "model.onnx",
        "model.onnx.data",
    ]
    assert [f.location.path for f in hp413.check(paths, ALL, NONE) if f.location] == ["m.h5"]
    assert {f.effect for f in found} == {"failed"}


def test_a_path_that_the_policy_lists_is_spared() -> None:
    assert hp413.check(("m.h5",), ALL, frozenset({"m.h5"})) == ()
