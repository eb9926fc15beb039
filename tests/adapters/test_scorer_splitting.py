# SPDX-License-Identifier: Apache-2.0
"""What is taken apart again computes the same, and stays apart in the session that scores."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from hubpolicy.adapters.quiet_onnxruntime import onnxruntime
from hubpolicy.adapters.scorers.export.splitting import split_slow
from hubpolicy.adapters.scorers.loaded import _SLOWER_FUSED

if TYPE_CHECKING:
    from pathlib import Path

WIDTH = 64
MS = "com.microsoft"


def block(*, bias: bool, epsilon: float = 1e-5, spare_output: bool = False) -> onnx.ModelProto:
    """``gelu(SkipLayerNormalization(x, skip) + c)``."""
    random = np.random.default_rng(7)
    weights = {
        name: random.standard_normal(WIDTH).astype(np.float32)
        for name in ("gamma", "beta", "bias", "c")
    }
    inputs = ["x", "skip", "gamma", "beta", *(["bias"] if bias else [])]
    outputs = ["normed", "", "", "sum"] if spare_output else ["normed"]
    nodes = [
        helper.make_node("SkipLayerNormalization", inputs, outputs, domain=MS, epsilon=epsilon),
        helper.make_node("BiasGelu", ["normed", "c"], ["y"], domain=MS),
    ]
    shape = [1, "tokens", WIDTH]
    graph = helper.make_graph(
        nodes,
        "block",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in ("x", "skip")],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)],
        [
            numpy_helper.from_array(value, name)
            for name, value in weights.items()
            if bias or name != "bias"
        ],
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid(MS, 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=9)


def session(model: onnx.ModelProto, **settings: Any) -> Any:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    for name, value in settings.items():
        setattr(options, name, value)
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, disabled_optimizers=list(_SLOWER_FUSED)
    )


def feed(tokens: int) -> dict[str, Any]:
    random = np.random.default_rng(tokens)
    return {
        name: (random.standard_normal((1, tokens, WIDTH)) * 3).astype(np.float32)
        for name in ("x", "skip")
    }


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("epsilon", [1e-12, 1e-5, 0.5])
@pytest.mark.parametrize("tokens", [1, 17, 130])
def test_the_pieces_compute_the_same(bias: bool, epsilon: float, tokens: int) -> None:
    whole, split = block(bias=bias, epsilon=epsilon), block(bias=bias, epsilon=epsilon)
    split_slow(split)
    onnx.checker.check_model(onnx.shape_inference.infer_shapes(split), full_check=False)
    kinds = Counter(node.op_type for node in split.graph.node)
    assert kinds == {"Add": 3 if bias else 2, "LayerNormalization": 1, "Gelu": 1}
    (want,) = session(whole).run(None, feed(tokens))
    (got,) = session(split).run(None, feed(tokens))
    np.testing.assert_allclose(got, want, atol=2e-6)


def test_they_stay_apart_when_loaded(tmp_path: Path) -> None:
    split = block(bias=True)
    split_slow(split)
    path = tmp_path / "optimised.onnx"
    session(split, optimized_model_filepath=str(path))
    kinds = {node.op_type for node in onnx.load(str(path)).graph.node}
    assert kinds == {"Add", "LayerNormalization", "Gelu"}


def test_a_sum_that_others_read_is_left_alone() -> None:
    model = block(bias=True, spare_output=True)
    split_slow(model)
    kinds = [node.op_type for node in model.graph.node]
    assert kinds == ["SkipLayerNormalization", "Add", "Gelu"]


def test_what_is_neither_is_left_alone() -> None:
    model = block(bias=True)
    split_slow(model)
    once = json.dumps([str(node) for node in model.graph.node])
    split_slow(model)
    assert json.dumps([str(node) for node in model.graph.node]) == once
