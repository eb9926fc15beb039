# SPDX-License-Identifier: Apache-2.0
"""Word vectors leave the graph and come in as an input; whatever is unusual stays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from hubpolicy.adapters.quiet_onnxruntime import onnxruntime
from hubpolicy.core.onnx_tables import ELEMENT_BYTES, Lifted, lift_tables
from hubpolicy.core.onnx_wire import write_bytes, write_number
from hubpolicy.errors import MalformedError

if TYPE_CHECKING:
    from collections.abc import Callable

ROWS, WIDTH = 5, 3
KINDS = {
    TensorProto.FLOAT: np.float32,
    TensorProto.UINT8: np.uint8,
    TensorProto.INT8: np.int8,
    TensorProto.FLOAT16: np.float16,
}


def numbers(kind: Any = np.float32) -> Any:
    return np.arange(ROWS * WIDTH).reshape(ROWS, WIDTH).astype(kind)


def model(kind: int = TensorProto.FLOAT) -> onnx.ModelProto:
    """Rows of ``table`` by ``ids``, as floats, plus ``bias``."""
    nodes = [
        helper.make_node("Gather", ["table", "ids"], ["rows"]),
        helper.make_node("Cast", ["rows"], ["x"], to=TensorProto.FLOAT),
        helper.make_node("Add", ["x", "bias"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("ids", TensorProto.INT64, ["n"])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", WIDTH])],
        [
            numpy_helper.from_array(np.ones(WIDTH, np.float32), "bias"),
            numpy_helper.from_array(numbers(KINDS[kind]), "table"),
        ],
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8)


def lift(made: onnx.ModelProto | bytes, at_least: int = 1) -> Lifted:
    content = made if isinstance(made, bytes) else made.SerializeToString()
    return lift_tables(memoryview(content), "m.onnx", at_least)


def run(content: bytes, **feed: Any) -> Any:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(content, options).run(["y"], feed)[0]


@pytest.mark.parametrize("kind", sorted(ELEMENT_BYTES))
def test_the_graph_computes_the_same_with_its_table_handed_in(kind: int) -> None:
    whole = model(kind)
    lifted = lift(whole)
    (table,) = lifted.tables
    assert (table.name, table.element, table.shape) == ("table", kind, (ROWS, WIDTH))
    handed = np.frombuffer(table.content, KINDS[kind]).reshape(table.shape)
    assert np.array_equal(handed, numbers(KINDS[kind]))
    rest = b"".join(lifted.pieces)
    onnx.checker.check_model(onnx.load_from_string(rest), full_check=True)
    ids = np.array([4, 0, 4, 2])
    expected = run(whole.SerializeToString(), ids=ids)
    assert np.array_equal(run(rest, ids=ids, table=handed), expected)


def test_all_but_the_table_stays_as_it_is() -> None:
    whole = model()
    rest = onnx.load_from_string(b"".join(lift(whole).pieces))
    (added,) = (value for value in rest.graph.input if value.name == "table")
    rest.graph.input.remove(added)
    (gone,) = (value for value in whole.graph.initializer if value.name == "table")
    whole.graph.initializer.remove(gone)
    assert rest == whole


def _subgraph(made: onnx.ModelProto) -> None:
    branch = helper.make_graph(
        [helper.make_node("Identity", ["table"], ["b"])],
        "branch",
        [],
        [helper.make_tensor_value_info("b", TensorProto.FLOAT, None)],
    )
    node = helper.make_node("If", ["c"], ["z"], then_branch=branch, else_branch=branch)
    made.graph.node.append(node)


def _second_use(made: onnx.ModelProto) -> None:
    made.graph.node.append(helper.make_node("Identity", ["table"], ["z"]))


def _second_input(made: onnx.ModelProto) -> None:
    made.graph.node[0].input[1] = "table"


def _no_lookup(made: onnx.ModelProto) -> None:
    made.graph.node[0].op_type = "MatMul"


def _input_too(made: onnx.ModelProto) -> None:
    shape = [ROWS, WIDTH]
    made.graph.input.append(helper.make_tensor_value_info("table", TensorProto.FLOAT, shape))


def _output_too(made: onnx.ModelProto) -> None:
    shape = [ROWS, WIDTH]
    made.graph.output.append(helper.make_tensor_value_info("table", TensorProto.FLOAT, shape))


def _twice(made: onnx.ModelProto) -> None:
    made.graph.initializer.append(made.graph.initializer[1])


def _not_raw(made: onnx.ModelProto) -> None:
    plain = helper.make_tensor("table", TensorProto.FLOAT, [ROWS, WIDTH], numbers().flatten())
    made.graph.initializer[1].CopyFrom(plain)


def _too_short(made: onnx.ModelProto) -> None:
    made.graph.initializer[1].raw_data = made.graph.initializer[1].raw_data[:-1]


def _other_shape(made: onnx.ModelProto) -> None:
    made.graph.initializer[1].dims[0] += 1


def _many_dimensions(made: onnx.ModelProto) -> None:
    made.graph.initializer[1].dims.extend([1] * 70)


def _another_kind(made: onnx.ModelProto) -> None:
    made.graph.initializer[1].data_type = TensorProto.INT32


@pytest.mark.parametrize(
    "change",
    [_subgraph, _second_use, _second_input, _no_lookup, _input_too, _output_too, _twice, _not_raw,
     _too_short, _other_shape, _many_dimensions, _another_kind],
)  # fmt: skip
def test_what_is_unusual_stays_where_it_is(change: Callable[[onnx.ModelProto], None]) -> None:
    made = model()
    change(made)
    lifted = lift(made)
    assert not lifted.tables
    assert b"".join(lifted.pieces) == made.SerializeToString()


def test_only_large_tables_are_lifted() -> None:
    size = numbers().nbytes
    assert lift(model(), at_least=size).tables
    assert not lift(model(), at_least=size + 1).tables


def test_a_second_graph_leaves_the_file_alone() -> None:
    content = model().SerializeToString() + write_bytes(7, b"")
    lifted = lift(content)
    assert not lifted.tables
    assert b"".join(lifted.pieces) == content


def test_sizes_may_be_packed() -> None:
    tensor = (
        write_bytes(1, bytes([ROWS, WIDTH]))
        + write_number(2, TensorProto.FLOAT)
        + write_bytes(8, b"table")
        + write_bytes(9, numbers().tobytes())
    )
    made = model()
    del made.graph.initializer[1]
    content = made.SerializeToString()
    graph = made.graph.SerializeToString()
    rest = content.replace(write_bytes(7, graph), b"")
    (table,) = lift(rest + write_bytes(7, graph + write_bytes(5, tensor))).tables
    assert table.shape == (ROWS, WIDTH)


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_damage_is_malformed_or_lifted_never_a_crash(data: st.DataObject) -> None:
    content = bytearray(model().SerializeToString())
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        lifted = lift(bytes(content))
    except MalformedError:
        return
    assert sum(map(len, lifted.pieces)) + sum(len(t.content) for t in lifted.tables) > 0
