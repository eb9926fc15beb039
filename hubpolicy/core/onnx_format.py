# SPDX-License-Identifier: Apache-2.0
"""What an ONNX file refers to, without loading it: external data, operator domains, tensor names.

A reader of the protobuf wire format for the few fields of onnx.proto3 that matter here. Not
responsible for whether the graph makes sense: ONNX Runtime finds that out.
"""

from __future__ import annotations

from typing import NamedTuple

from hubpolicy.core.onnx_wire import fields, refuse, text

MAX_DEPTH = 32
MAX_NAMES = 1_000_000

# Field numbers of onnx.proto3 (IR version 13).
_MODEL_GRAPH, _MODEL_OPSETS, _MODEL_FUNCTIONS = 7, 8, 25
_OPSET_DOMAIN = 1
_TENSOR_NAME, _TENSOR_EXTERNAL, _TENSOR_LOCATION = 8, 13, 14
_ENTRY_KEY, _ENTRY_VALUE = 1, 2
_EXTERNAL = 1
_CHILDREN = {
    "model": {_MODEL_GRAPH: "graph", _MODEL_OPSETS: "opset", _MODEL_FUNCTIONS: "function"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "function": {7: "node", 9: "opset", 11: "attribute"},
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
        refuse("no graph", where)
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
            refuse("a model nested too deep or too large", self.where)
        if kind == "tensor":
            self._tensor(view)
            return
        self.graphs += kind == "graph"
        children = _CHILDREN.get(kind, {})
        for number, value, _ in fields(view, self.where):
            if not isinstance(value, memoryview):
                continue
            if kind == "opset" and number == _OPSET_DOMAIN:
                self.domains.add(text(value, self.where))
            elif number in children:
                self.message(value, children[number], depth + 1)

    def _tensor(self, view: memoryview) -> None:
        locations: list[str] = []
        external = False
        for number, value, _ in fields(view, self.where):
            if number == _TENSOR_LOCATION:
                external = value == _EXTERNAL
            elif isinstance(value, memoryview) and number == _TENSOR_NAME:
                self.names.add(text(value, self.where))
            elif isinstance(value, memoryview) and number == _TENSOR_EXTERNAL:
                key, location = self._entry(value)
                if key == "location":
                    locations.append(location)
        if external and len(locations) != 1:
            refuse(f"external data with {len(locations)} locations", self.where)
        self.external.update(dict.fromkeys(locations))

    def _entry(self, view: memoryview) -> tuple[str, str]:
        parts = {
            n: text(v, self.where)
            for n, v, _ in fields(view, self.where)
            if isinstance(v, memoryview)
        }
        return parts.get(_ENTRY_KEY, ""), parts.get(_ENTRY_VALUE, "")
