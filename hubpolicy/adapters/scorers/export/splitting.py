# SPDX-License-Identifier: Apache-2.0
"""Takes two fusions apart again that the CPU runs slower fused than in pieces.

SkipLayerNormalization and BiasGelu go over a row number by number; Add, LayerNormalization and
Gelu use the vector unit. On one core with AVX-512 (ONNX Runtime 1.32): 335 us against 55 us for
71 x 768 numbers, 260 us against 195 us for 71 x 3072, and in int8 the first Add costs nothing,
since the matrix product before it adds the bias itself. That made int8 1.22 times and fp32 1.08
times as fast; the scores are the same to 1e-6. The session that loads the graph has to leave
these two fusions off, as :mod:`hubpolicy.adapters.scorers.loaded` does.
"""

from __future__ import annotations

from typing import Any

_DOMAIN = "com.microsoft"
_EPSILON = 1e-12
"""Of SkipLayerNormalization, where none is given (ONNX Runtime, docs/ContribOperators.md)."""


def split_slow(model: Any) -> None:
    """Replace both operators in an ``onnx.ModelProto``, in place."""
    nodes: list[Any] = []
    for node in model.graph.node:
        nodes += _PIECES.get(node.op_type, _as_it_is)(node)
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def _as_it_is(node: Any) -> list[Any]:
    return [node]


def _skip_layer_norm(node: Any) -> list[Any]:
    """``LayerNormalization(x + bias + skip)``; inputs x, skip, gamma, beta and maybe a bias."""
    from onnx import helper

    if len([name for name in node.output if name]) > 1:
        return [node]
    value, skip, gamma, beta, *bias = node.input
    epsilon = next((item.f for item in node.attribute if item.name == "epsilon"), _EPSILON)
    name, pieces = node.output[0], []
    if bias and bias[0]:
        pieces.append(helper.make_node("Add", [value, bias[0]], [f"{name}_biased"]))
        value = f"{name}_biased"
    pieces.append(helper.make_node("Add", [value, skip], [f"{name}_sum"]))
    norm = helper.make_node(
        "LayerNormalization", [f"{name}_sum", gamma, beta], [name], axis=-1, epsilon=epsilon
    )
    return [*pieces, norm]


def _bias_gelu(node: Any) -> list[Any]:
    from onnx import helper

    name = node.output[0]
    add = helper.make_node("Add", list(node.input), [f"{name}_biased"])
    return [add, helper.make_node("Gelu", [f"{name}_biased"], [name], domain=_DOMAIN)]


_PIECES = {"SkipLayerNormalization": _skip_layer_norm, "BiasGelu": _bias_gelu}
