# SPDX-License-Identifier: Apache-2.0
"""The small reader of ONNX files, against the real library and against rubbish."""

from __future__ import annotations

import contextlib

import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper

from hubpolicy.core.onnx_format import OnnxReferences, parse_references
from hubpolicy.errors import MalformedError


def tensor(name: str, location: str = "") -> TensorProto:
    made = helper.make_tensor(name, TensorProto.FLOAT, [2], [1.0, 2.0])
    if location:
        made.data_location = TensorProto.EXTERNAL
        for key, value in (("offset", "0"), ("location", location), ("length", "8")):
            entry = made.external_data.add()
            entry.key, entry.value = key, value
    return made


def model(*tensors: TensorProto, nodes: tuple[onnx.NodeProto, ...] = ()) -> onnx.ModelProto:
    graph = helper.make_graph(list(nodes), "g", [], [], list(tensors))
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(graph, opset_imports=opsets)


def parse(made: onnx.ModelProto | bytes) -> OnnxReferences:
    content = made if isinstance(made, bytes) else made.SerializeToString()
    return parse_references(memoryview(content), "m.onnx")


def test_names_domains_and_locations() -> None:
    found = parse(model(tensor("a"), tensor("b", "w.bin"), tensor("c", "w.bin"), tensor("d", "x")))
    assert found.tensor_names == {"a", "b", "c", "d"}
    assert found.external == ("w.bin", "x")
    assert found.domains | {""} == {"", "com.microsoft"}


def test_weights_hidden_in_nodes_and_subgraphs_are_found() -> None:
    constant = helper.make_node("Constant", [], ["k"], value=tensor("inner", "in-node.bin"))
    branch = helper.make_graph([constant], "branch", [], [], [tensor("deep", "in-branch.bin")])
    node = helper.make_node("If", ["c"], ["o"], then_branch=branch, else_branch=branch)
    assert set(parse(model(nodes=(node,))).external) == {"in-node.bin", "in-branch.bin"}


def test_weights_hidden_in_functions_are_found() -> None:
    constant = helper.make_node("Constant", [], ["k"], value=tensor("inner", "in-function.bin"))
    made = model()
    made.functions.append(
        helper.make_function("d", "F", [], ["k"], [constant], [helper.make_opsetid("", 18)])
    )
    assert parse(made).external == ("in-function.bin",)


def test_what_a_function_has_beside_its_nodes_is_found() -> None:
    made = model()
    node = helper.make_node("Identity", ["x"], ["k"])
    made.functions.append(
        helper.make_function("d", "F", ["x"], ["k"], [node], [helper.make_opsetid("foreign", 1)])
    )
    made.functions[0].attribute_proto.append(
        helper.make_attribute("value", tensor("default", "default.bin"))
    )
    found = parse(made)
    assert found.external == ("default.bin",)
    assert "foreign" in found.domains


def test_a_field_that_cpp_takes_for_another_is_refused() -> None:
    """ONNX Runtime reads 32 bits of a tag: to it this is ``external_data``, and it opens w.bin."""
    wrapped = bytearray()
    left = (13 << 3 | 2) + (1 << 32)
    for _ in range(4):
        wrapped.append(left & 0x7F | 0x80)
        left >>= 7
    wrapped.append(left)
    entry = b"\x0a\x08location\x12\x05w.bin"
    hidden = bytes(wrapped) + bytes([len(entry)]) + entry + b"\x70\x01"
    with pytest.raises(MalformedError, match=r"field 5368709\d\d"):
        parse(field(7, field(5, hidden)))
    with pytest.raises(MalformedError, match="field 0"):
        parse(field(7, b"\x00\x00"))


def test_sparse_weights_are_found() -> None:
    made = model()
    sparse = made.graph.sparse_initializer.add()
    sparse.values.CopyFrom(tensor("sparse", "sparse.bin"))
    assert parse(made).external == ("sparse.bin",)


def test_external_without_a_place_is_refused() -> None:
    homeless = tensor("a", "w.bin")
    del homeless.external_data[1]
    with pytest.raises(MalformedError, match="0 locations"):
        parse(model(homeless))


def field(number: int, content: bytes) -> bytes:
    size = len(content)
    return (
        bytes([number << 3 | 2, size & 0x7F | 0x80, size >> 7 & 0x7F | 0x80, size >> 14]) + content
    )


def test_a_model_nested_too_deep_is_refused() -> None:
    graph = b""
    for _ in range(40):
        graph = field(1, field(5, field(6, graph)))
    with pytest.raises(MalformedError, match="too deep"):
        parse(field(7, graph))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "no graph"),
        (b"\xff" * 12, "does not end"),
        (b"\x3a\x7f", "behind the file"),
        (b"\x3b", "wire type 3"),
        (b"\x08", "does not end"),
        (b"\x3a\x05\x2a\x03\x42\x01\xff", "not UTF-8"),
    ],
)
def test_rubbish(content: bytes, words: str) -> None:
    with pytest.raises(MalformedError, match=words):
        parse(content)


WHOLE = model(tensor("a"), tensor("b", "w.bin")).SerializeToString()


@given(st.integers(0, len(WHOLE) - 1), st.binary(max_size=6))
def test_no_damage_makes_anything_but_one_kind_of_error(at: int, garbage: bytes) -> None:
    for content in (WHOLE[:at], WHOLE[:at] + garbage + WHOLE[at + len(garbage) :]):
        # Any other exception fails the test.
        with contextlib.suppress(MalformedError):
            assert parse(content).external in {(), ("w.bin",)} or garbage
