# SPDX-License-Identifier: Apache-2.0
"""What an ONNX file refers to, without loading it: external data, operator domains, tensor names.

A reader of the protobuf wire format for the few fields of onnx.proto3 that matter here. Not
responsible for whether the graph makes sense: ONNX Runtime finds that out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, NoReturn

from hubpolicy.errors import MalformedError

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_DEPTH = 32
MAX_NAMES = 1_000_000

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_VARINT_BITS = 64

# Field numbers of onnx.proto3 (IR version 13).
_MODEL_GRAPH, _MODEL_OPSETS, _MODEL_FUNCTIONS = 7, 8, 25
_OPSET_DOMAIN = 1
_TENSOR_NAME, _TENSOR_EXTERNAL, _TENSOR_LOCATION = 8, 13, 14
_ENTRY_KEY, _ENTRY_VALUE = 1, 2
_EXTERNAL = 1
_CHILDREN = {
    "model": {_MODEL_GRAPH: "graph", _MODEL_OPSETS: "opset", _MODEL_FUNCTIONS: "function"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "function": {7: "node"},
    "node": {5: "attribute"},
    "attribute": {
        5: "tensor",
        6: "graph",
        10: "tensor",
        11: "graph",
        22: "sparse",
        23: "sparse",
    },
    "sparse": {1: "tensor", 2: "tensor"},
}


class OnnxReferences(NamedTuple):
    """``external``: locations of data outside of the file, as written, in order, each once."""

    external: tuple[str, ...]
    domains: frozenset[str]
    tensor_names: frozenset[str]


def parse_references(content: memoryview, where: str) -> OnnxReferences:
    """Walk the whole model, subgraphs and functions included; weights are stepped over.

    Raises:
        MalformedError: not protobuf, no graph, cut off, nested too deep, or a tensor that is
            external without saying where.

    """
    walk = _Walk(where)
    walk.message(content, "model", 0)
    if not walk.graphs:
        message = f"got no graph, expected an ONNX model, in {where}"
        raise MalformedError(message)
    return OnnxReferences(tuple(walk.external), frozenset(walk.domains), frozenset(walk.names))


class _Walk:
    """Collects while walking; one per file."""

    def __init__(self, where: str) -> None:
        self.where = where
        self.external: dict[str, None] = {}
        self.domains: set[str] = set()
        self.names: set[str] = set()
        self.graphs = 0

    def message(self, view: memoryview, kind: str, depth: int) -> None:
        if depth > MAX_DEPTH or len(self.names) > MAX_NAMES:
            self._refuse("a model nested too deep or too large")
        if kind == "tensor":
            self._tensor(view)
            return
        self.graphs += kind == "graph"
        children = _CHILDREN.get(kind, {})
        for number, value in self._fields(view):
            if not isinstance(value, memoryview):
                continue
            if kind == "opset" and number == _OPSET_DOMAIN:
                self.domains.add(self._text(value))
            elif number in children:
                self.message(value, children[number], depth + 1)

    def _tensor(self, view: memoryview) -> None:
        locations: list[str] = []
        external = False
        for number, value in self._fields(view):
            if number == _TENSOR_LOCATION:
                external = value == _EXTERNAL
            elif isinstance(value, memoryview) and number == _TENSOR_NAME:
                self.names.add(self._text(value))
            elif isinstance(value, memoryview) and number == _TENSOR_EXTERNAL:
                key, text = self._entry(value)
                if key == "location":
                    locations.append(text)
        if external and len(locations) != 1:
            self._refuse(f"external data with {len(locations)} locations")
        self.external.update(dict.fromkeys(locations))

    def _entry(self, view: memoryview) -> tuple[str, str]:
        parts = {n: self._text(v) for n, v in self._fields(view) if isinstance(v, memoryview)}
        return parts.get(_ENTRY_KEY, ""), parts.get(_ENTRY_VALUE, "")

    def _fields(self, view: memoryview) -> Iterator[tuple[int, int | memoryview]]:
        at, end = 0, len(view)
        while at < end:
            tag, at = self._varint(view, at)
            number, wire = tag >> 3, tag & 7
            if wire == _VARINT:
                value, at = self._varint(view, at)
                yield number, value
                continue
            if wire == _BYTES:
                size, at = self._varint(view, at)
            elif wire in {_FIXED64, _FIXED32}:
                size = 8 if wire == _FIXED64 else 4
            else:
                self._refuse(f"wire type {wire}")
            if size > end - at:
                self._refuse("a field that ends behind the file")
            if wire == _BYTES:
                yield number, view[at : at + size]
            at += size

    def _varint(self, view: memoryview, at: int) -> tuple[int, int]:
        value = shift = 0
        while at < len(view) and shift < _VARINT_BITS:
            byte = view[at]
            at += 1
            value |= (byte & 0x7F) << shift
            if not byte & 0x80:
                return value, at
            shift += 7
        return self._refuse("a number that does not end")

    def _text(self, view: memoryview) -> str:
        try:
            return bytes(view).decode("utf-8")
        except UnicodeDecodeError:
            self._refuse("a name that is not UTF-8")

    def _refuse(self, got: str) -> NoReturn:
        message = f"got {got}, expected an ONNX model, in {self.where}"
        raise MalformedError(message)
