# SPDX-License-Identifier: Apache-2.0
"""Takes the word vectors out of an ONNX graph, so that nobody has to copy them.

ONNX Runtime holds every weight of a file twice while it loads it. Of the weights of products it
makes its own packed form anyway; a table that rows are looked up in is read as it stands, and may
as well be an input of the graph that is handed in with each run. The operators are the same and
get the same numbers.

Not responsible for memory: what comes out are views of what went in.
"""

from __future__ import annotations

from collections import Counter
from math import prod
from typing import NamedTuple

from hubpolicy.core.onnx_wire import (
    Field,
    fields,
    text,
    varint,
    write_bytes,
    write_head,
    write_number,
)

ELEMENT_BYTES = {1: 4, 2: 1, 3: 1, 10: 2}
"""Bytes of an element by ``TensorProto.DataType``: float, uint8, int8, float16."""
LOOKUPS = frozenset({"Gather", "EmbedLayerNormalization", "QEmbedLayerNormalization"})
"""Operators that take single rows of their largest input."""

# Field numbers of onnx.proto3 (IR version 13).
_GRAPH = 7
_NODE, _TENSOR, _INPUT, _OUTPUT = 1, 5, 11, 12
_NODE_INPUT, _NODE_OPERATOR, _NODE_ATTRIBUTE = 1, 4, 5
_SUBGRAPHS = {6, 11}
_VALUE_NAME = 1
_DIMS, _TYPE, _NAME, _RAW = 1, 2, 8, 9
_MOST_DIMS = 32
"""More than NumPy 1 has; a table that rows are looked up in has two."""
_ONCE = 2
"""How often a name stands in a graph where it is of one weight and one node's input."""


class Table(NamedTuple):
    """A weight: its name, ``TensorProto.DataType``, shape, and numbers in row order as a view."""

    name: str
    element: int
    shape: tuple[int, ...]
    content: memoryview


class Lifted(NamedTuple):
    """The file in pieces, to be put one behind the other, and what is no longer in it."""

    pieces: tuple[bytes | memoryview, ...]
    tables: tuple[Table, ...]


def lift_tables(content: memoryview, where: str, at_least: int) -> Lifted:
    """Make inputs of the weights of so many bytes that a single node looks rows up in.

    What is in any way unusual (used twice, used in a subgraph, an input or output already, stored
    otherwise than as raw bytes, of another size than its shape) stays where it is.

    Raises:
        MalformedError: not the wire format of an ONNX model.

    """
    parts = tuple(fields(content, where))
    graphs = [part for part in parts if part.number == _GRAPH]
    as_it_is = Lifted((content,), ())
    if len(graphs) != 1 or not isinstance(graphs[0].value, memoryview):
        return as_it_is
    graph = tuple(fields(graphs[0].value, where))
    names = _looked_up(graph, where)
    found = {id(part): _table(part, where, at_least) for part in graph if part.number == _TENSOR}
    lifted = {key: table for key, table in found.items() if table and table.name in names}
    if not lifted:
        return as_it_is
    inner = tuple(
        _as_input(lifted[id(part)]) if id(part) in lifted else part.whole for part in graph
    )
    made = (write_head(_GRAPH, sum(map(len, inner))), *inner)
    pieces = tuple(
        piece for part in parts for piece in (made if part is graphs[0] else (part.whole,))
    )
    return Lifted(pieces, tuple(lifted.values()))


def _looked_up(graph: tuple[Field, ...], where: str) -> frozenset[str]:
    """Names that one node of :data:`LOOKUPS` uses and nothing else."""
    uses: Counter[str] = Counter()
    lookups: set[str] = set()
    for part in graph:
        if not isinstance(part.value, memoryview):
            continue
        if part.number == _NODE:
            operator, inputs, nested = _node(part.value, where)
            if nested:
                return frozenset()
            uses.update(inputs)
            lookups.update(inputs if operator in LOOKUPS else ())
        elif part.number in {_INPUT, _OUTPUT, _TENSOR}:
            # Twice by one name, as input and as weight or in any other way, is not for us to judge.
            place = _NAME if part.number == _TENSOR else _VALUE_NAME
            uses.update(_texts(part.value, place, where))
    return frozenset(name for name in lookups if uses[name] == _ONCE)


def _node(view: memoryview, where: str) -> tuple[str, list[str], bool]:
    """Operator, inputs, and whether there are graphs in it."""
    nested = any(
        inner.number in _SUBGRAPHS
        for part in fields(view, where)
        if part.number == _NODE_ATTRIBUTE and isinstance(part.value, memoryview)
        for inner in fields(part.value, where)
    )
    operator = "".join(_texts(view, _NODE_OPERATOR, where))
    return operator, _texts(view, _NODE_INPUT, where), nested


def _texts(view: memoryview, number: int, where: str) -> list[str]:
    return [
        text(part.value, where)
        for part in fields(view, where)
        if part.number == number and isinstance(part.value, memoryview)
    ]


def _table(part: Field, where: str, at_least: int) -> Table | None:
    if not isinstance(part.value, memoryview) or len(part.value) < at_least:
        return None
    inner = tuple(fields(part.value, where))
    numbers = Counter(each.number for each in inner)
    once = {each.number: each.value for each in inner}
    raw, element = once.get(_RAW), once.get(_TYPE)
    usual = numbers.keys() <= {_DIMS, _TYPE, _NAME, _RAW}
    single = all(numbers[each] == 1 for each in (_TYPE, _NAME, _RAW))
    if not (usual and single and isinstance(raw, memoryview) and isinstance(element, int)):
        return None
    shape = tuple(size for each in inner if each.number == _DIMS for size in _sizes(each, where))
    if len(shape) > _MOST_DIMS:
        return None
    if len(raw) < at_least or len(raw) != prod(shape) * ELEMENT_BYTES.get(element, 0):
        return None
    return Table("".join(_texts(part.value, _NAME, where)), element, shape, raw)


def _sizes(part: Field, where: str) -> list[int]:
    """A repeated number is written one by one, or all in one field."""
    if not isinstance(part.value, memoryview):
        return [part.value] if isinstance(part.value, int) else []
    sizes, at = [], 0
    while at < len(part.value):
        size, at = varint(part.value, at, where)
        sizes.append(size)
    return sizes


def _as_input(table: Table) -> bytes:
    """``ValueInfoProto`` of the same name, type and shape, as an input of the graph."""
    shape = b"".join(write_bytes(1, write_number(1, size)) for size in table.shape)
    tensor = write_number(1, table.element) + write_bytes(2, shape)
    value = write_bytes(1, table.name.encode()) + write_bytes(2, write_bytes(1, tensor))
    return write_bytes(_INPUT, value)
