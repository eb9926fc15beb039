# SPDX-License-Identifier: Apache-2.0
"""The last layer computes the row that the head reads, and the score is what it was."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from hubpolicy.adapters.quiet_onnxruntime import onnxruntime
from hubpolicy.adapters.scorers.export.first_token import keep_first_token
from hubpolicy.adapters.scorers.export.splitting import split_slow
from tests.adapters.true_shape_bundle import LABELS, WIDTH, WORDS, make_encoder

if TYPE_CHECKING:
    from collections.abc import Callable


def run(model: onnx.ModelProto, batch: int, tokens: int, *also: str) -> list[Any]:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    ids = np.random.default_rng(tokens).integers(3, len(WORDS), (batch, tokens))
    feeds = {"input_ids": ids, "attention_mask": np.ones_like(ids)}
    results: list[Any] = session.run(["logits", *also], feeds)
    return results


@pytest.mark.parametrize("splits", [False, True], ids=["fused", "taken apart"])
@pytest.mark.parametrize(("batch", "tokens"), [(1, 1), (1, 2), (1, 71), (3, 17)])
def test_the_logits_are_what_they_were(batch: int, tokens: int, splits: bool) -> None:
    model = make_encoder()
    (want,) = run(model, batch, tokens)
    assert keep_first_token(model)
    if splits:
        split_slow(model)
    onnx.checker.check_model(onnx.shape_inference.infer_shapes(model))
    (got,) = run(model, batch, tokens)
    assert got.shape == (batch, len(LABELS))
    np.testing.assert_allclose(got, want, atol=1e-5)


def test_behind_the_attention_there_is_one_row() -> None:
    model = make_encoder()
    assert keep_first_token(model)
    inside = [helper.make_tensor_value_info(n, TensorProto.FLOAT, None) for n in ("a", "o", "g")]
    model.graph.output.extend(inside)
    _, attention, product, gelu = run(model, 1, 30, "a", "o", "g")
    assert attention.shape[1] == 30
    assert product.shape == (1, 1, WIDTH)
    assert gelu.shape[:2] == (1, 1)
    assert Counter(node.op_type for node in model.graph.node)["Slice"] == 2  # and what it skips


def test_of_two_layers_the_last_alone_is_cut() -> None:
    first, second = make_encoder(3), make_encoder(4)
    for node in second.graph.node:
        node.name = f"2{node.name}" if node.name else ""
        node.input[:] = [f"2{name}" if name not in {"mask", "x"} else name for name in node.input]
        node.output[:] = [f"2{name}" if name != "logits" else name for name in node.output]
        node.input[:] = ["m" if name == "x" else name for name in node.input]
    for tensor in second.graph.initializer:
        tensor.name = f"2{tensor.name}"
    del first.graph.node[-2:]
    first.graph.node.extend(second.graph.node[2:])
    first.graph.initializer.extend(second.graph.initializer)
    (want,) = run(first, 2, 9)
    assert keep_first_token(first)
    kinds = [node.op_type for node in first.graph.node]
    assert kinds.index("Slice") > len(kinds) - 1 - kinds[::-1].index("Attention")
    (got,) = run(first, 2, 9)
    np.testing.assert_allclose(got, want, atol=1e-5)


def test_what_is_left_out_is_not_what_the_attention_gave() -> None:
    """ONNX writes an optional input or output that is not there as an empty name."""
    model = make_encoder()
    *_, skip, _, head = model.graph.node
    skip.output.extend(["", ""])
    head.output[0] = "raw"
    model.graph.node.append(helper.make_node("Clip", ["raw", "", "most"], ["logits"]))
    most = numpy_helper.from_array(np.array(0.5, dtype=np.float32), "most")
    model.graph.initializer.append(most)
    (want,) = run(model, 2, 5)
    assert keep_first_token(model)
    (got,) = run(model, 2, 5)
    np.testing.assert_allclose(got, want, atol=1e-5)


def _means(graph: Any) -> None:
    graph.node[-2].CopyFrom(
        helper.make_node("ReduceMean", ["m"], ["c"], axes=[1], keepdims=0)
    )  # fmt: skip


def _last(graph: Any) -> None:
    second = numpy_helper.from_array(np.array(1, dtype=np.int64), "first")
    graph.initializer[-1].CopyFrom(second)


def _shows_all(graph: Any) -> None:
    graph.output.append(helper.make_tensor_value_info("m", TensorProto.FLOAT, None))


def _mixes(graph: Any) -> None:
    place = next(n for n, node in enumerate(graph.node) if list(node.output) == ["o"])
    graph.node.insert(place + 1, helper.make_node("Softmax", ["o"], ["mixed"], axis=1))
    graph.node[place + 2].input[0] = "mixed"


def _multiplies_rows(graph: Any) -> None:
    place = next(n for n, node in enumerate(graph.node) if list(node.output) == ["o"])
    turned = helper.make_node("Transpose", ["a"], ["turned"], perm=[0, 2, 1])
    graph.node.insert(place, turned)
    graph.node[place + 1].input[:] = ["a", "turned"]


def _adds_what_has_no_tokens(graph: Any) -> None:
    """Cut like a value with tokens, of this one number would be left, and nothing would fail."""
    bias = np.arange(WIDTH, dtype=np.float32).reshape(1, WIDTH)
    constant = helper.make_node("Constant", [], ["k"], value=numpy_helper.from_array(bias))
    place = next(n for n, node in enumerate(graph.node) if list(node.output) == ["o"])
    graph.node.insert(place + 1, helper.make_node("Add", ["o", "k"], ["shifted"]))
    graph.node.insert(0, constant)
    graph.node[place + 3].input[0] = "shifted"


def _has_no_attention(graph: Any) -> None:
    for node in graph.node:
        if node.op_type == "Attention":
            node.op_type = "Identity"


@pytest.mark.parametrize(
    "change",
    [
        _means, _last, _shows_all, _mixes, _multiplies_rows, _adds_what_has_no_tokens,
        _has_no_attention,
    ],
)  # fmt: skip
def test_where_other_tokens_count_nothing_is_changed(change: Callable[[Any], None]) -> None:
    model = make_encoder()
    change(model.graph)
    before = model.SerializeToString(deterministic=True)
    assert not keep_first_token(model)
    assert model.SerializeToString(deterministic=True) == before
