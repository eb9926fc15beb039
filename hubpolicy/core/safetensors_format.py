# SPDX-License-Identifier: Apache-2.0
"""The header of a safetensors file, parsed strictly (format of huggingface/safetensors).

Eight bytes little-endian length, a JSON object, then the tensors without holes or overlaps: a
file that says less than it holds could be something else to another reader.
"""

from __future__ import annotations

from math import prod
from typing import Any

from hubpolicy.core import strictjson
from hubpolicy.errors import MalformedError

LENGTH_BYTES = 8
MAX_HEADER = 100_000_000
METADATA = "__metadata__"

_WIDTHS = {
    4: ("F4",),
    6: ("F6_E2M3", "F6_E3M2"),
    8: ("BOOL", "U8", "I8", "F8_E5M2", "F8_E4M3", "F8_E8M0"),
    16: ("U16", "I16", "F16", "BF16"),
    32: ("U32", "I32", "F32"),
    64: ("U64", "I64", "F64", "C64"),
}
_BITS = {dtype: bits for bits, dtypes in _WIDTHS.items() for dtype in dtypes}


def header_length(start: bytes, file_size: int, where: str) -> int:
    """Bytes of JSON that follow the first eight.

    Raises:
        MalformedError: more than 100 MB, or more than the file has.

    """
    length = int.from_bytes(start[:LENGTH_BYTES], "little")
    room = min(MAX_HEADER, file_size - LENGTH_BYTES)
    if len(start) < LENGTH_BYTES or not 2 <= length <= room:
        message = f"got a header of {length} bytes, expected 2 to {room}, in {where}"
        raise MalformedError(message)
    return length


def parse_header(header: bytes, file_size: int, where: str) -> frozenset[str]:
    """Names of all tensors.

    Raises:
        MalformedError: not a header, unknown dtypes, or offsets that overlap, leave holes or do
            not end with the file.

    """
    table = strictjson.parse(header, what=where, limit=MAX_HEADER)
    if not isinstance(table, dict) or header[:1] != b"{":
        message = f"got {type(table).__name__}, expected a JSON object at once, in {where}"
        raise MalformedError(message)
    spans = sorted(_span(name, entry, where) for name, entry in table.items() if name != METADATA)
    at = 0
    for begin, end in spans:
        if begin != at:
            message = f"got a tensor at {begin}, expected it at {at}, in {where}"
            raise MalformedError(message)
        at = end
    if at != file_size - LENGTH_BYTES - len(header):
        rest = file_size - LENGTH_BYTES - len(header)
        message = f"got tensors of {at} bytes in {rest}, expected them to fill it, in {where}"
        raise MalformedError(message)
    return frozenset(table) - {METADATA}


def _span(name: str, entry: Any, where: str) -> tuple[int, int]:
    match entry:
        case {"dtype": str() as dtype, "shape": list() as shape, "data_offsets": [begin, end]}:
            sizes_ok = all(type(n) is int and n >= 0 for n in (*shape, begin, end))
            if len(entry) == 3 and dtype in _BITS and sizes_ok:
                bits = prod(shape) * _BITS[dtype]
                if bits == (end - begin) * 8:
                    return begin, end
    got = f"tensor {name[:80]!r} as {str(entry)[:120]}"
    message = f"got {got}, expected dtype, shape and offsets that agree, in {where}"
    raise MalformedError(message)
