# SPDX-License-Identifier: Apache-2.0
"""After the last attention only the first token's row is computed: the head reads no other.

Behind the attention each token goes its own way through the layer's products, and the classifiers
of the BERT family take the first token alone. Three quarters of the last layer's products are for
rows that nobody reads, a sixteenth of all of them in a network of twelve layers. The scores stay:
in fp32 the same sums, in int8 with a scale of the one row that counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_ROWWISE = frozenset(
    ("Add", "BiasGelu", "Gelu", "LayerNormalization", "MatMul", "SkipLayerNormalization")
)
"""What these compute for a token depends on no other token, if the right of a product is fixed."""

_BOUNDS = ("first_token_from", "first_token_to", "first_token_axis")


class _Tail(NamedTuple):
    """What lies between the last attention and the pick of the first token.

    ``enters``: the values with all tokens that it reads, the attention's own first.
    """

    nodes: tuple[Any, ...]
    enters: tuple[str, ...]


def keep_first_token(model: Any) -> bool:
    """Cut the rows off in an ``onnx.ModelProto``, in place; False, and no change, if it cannot be.

    The nodes have to be in order, as ONNX demands.
    """
    from onnx import numpy_helper

    graph = model.graph
    places = [number for number, node in enumerate(graph.node) if node.op_type == "Attention"]
    tail = _tail(graph, graph.node[places[-1]]) if places else None
    if tail is None:
        return False
    cut = {name: f"{name}_first_token" for name in tail.enters}
    for node in tail.nodes:
        for number, name in enumerate(node.input):
            node.input[number] = cut.get(name, name)
    for number, piece in enumerate(_pieces(cut), places[-1] + 1):
        graph.node.insert(number, piece)
    for name, value in zip(_BOUNDS, _bounds(), strict=True):
        graph.initializer.append(numpy_helper.from_array(value, name))
    return True


def _pieces(cut: dict[str, str]) -> Iterator[Any]:
    from onnx import helper

    for whole, first in cut.items():
        yield helper.make_node("Slice", [whole, *_BOUNDS], [first], first)


def _bounds() -> tuple[Any, ...]:
    import numpy as np

    return tuple(np.array([value], dtype=np.int64) for value in (0, 1, 1))


def _tail(graph: Any, attention: Any) -> _Tail | None:
    """None if anything but the pick of the first token reads what comes of it, or mixes tokens."""
    from onnx import numpy_helper

    fixed = {tensor.name: tensor for tensor in graph.initializer}
    outputs = {value.name for value in graph.output}
    start, whole = attention.output[0], attention.input[0]
    known, enters, nodes = {start}, [start], []
    picked = False
    for node in graph.node:
        if known.isdisjoint(node.input):
            continue
        if _picks(node, lambda name: numpy_helper.to_array(fixed[name]) if name in fixed else None):
            picked = True
            continue
        if not _is_rowwise(node, known, fixed) or not outputs.isdisjoint(node.output):
            return None
        nodes.append(node)
        enters += [name for name in node.input if name and name not in (*known, *fixed, *enters)]
        known.update(name for name in node.output if name)
    # Of these two alone it is known that their second axis is the tokens.
    sure = picked and start not in outputs and {start, whole}.issuperset(enters)
    return _Tail(tuple(nodes), tuple(enters)) if sure else None


def _is_rowwise(node: Any, known: set[str], fixed: dict[str, Any]) -> bool:
    if node.op_type not in _ROWWISE:
        return False
    if node.op_type == "MatMul":
        return node.input[0] in known and node.input[1] in fixed
    return all(item.i == -1 for item in node.attribute if item.name == "axis")


def _picks(node: Any, value_of: Callable[[str], Any]) -> bool:
    """True for the row of the first token: ``hidden[:, 0]``."""
    if node.op_type != "Gather":
        return False
    axis = next((item.i for item in node.attribute if item.name == "axis"), 0)
    which = value_of(node.input[1])
    return axis == 1 and which is not None and which.shape == () and int(which) == 0
