# SPDX-License-Identifier: Apache-2.0
"""The protobuf wire format as far as ONNX files use it: fields out of bytes, and into bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, NoReturn

from hubpolicy.errors import MalformedError

if TYPE_CHECKING:
    from collections.abc import Iterator

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_VARINT_BITS = 64
_LAST_FIELD = (1 << 29) - 1
"""C++ readers keep 32 bits of a tag: a field of a higher number is to them another one (protobuf's
"Assigning Field Numbers")."""


class Field(NamedTuple):
    """``value``: a number, a view of a message or string, or None for the fixed sizes.

    ``whole`` is the field as it stands in the file, tag and length included.
    """

    number: int
    value: int | memoryview | None
    whole: memoryview


def fields(view: memoryview, where: str) -> Iterator[Field]:
    """The fields of one message, in order; nothing is copied.

    Raises:
        MalformedError: groups, unknown wire types, numbers that no field has, or a field that ends
            behind the message.

    """
    at, end = 0, len(view)
    while at < end:
        start = at
        tag, at = varint(view, at, where)
        number, wire = tag >> 3, tag & 7
        if not 0 < number <= _LAST_FIELD:
            refuse(f"field {number}", where)
        if wire == _VARINT:
            value, at = varint(view, at, where)
            yield Field(number, value, view[start:at])
            continue
        if wire == _BYTES:
            size, at = varint(view, at, where)
        elif wire in {_FIXED64, _FIXED32}:
            size = 8 if wire == _FIXED64 else 4
        else:
            refuse(f"wire type {wire}", where)
        if size > end - at:
            refuse("a field that ends behind the file", where)
        content = view[at : at + size] if wire == _BYTES else None
        at += size
        yield Field(number, content, view[start:at])


def varint(view: memoryview, at: int, where: str) -> tuple[int, int]:
    """The number that begins at ``at``, and where the next thing begins.

    Raises:
        MalformedError: it does not end.

    """
    value = shift = 0
    while at < len(view) and shift < _VARINT_BITS:
        byte = view[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if not byte & 0x80:
            return value, at
        shift += 7
    return refuse("a number that does not end", where)


def text(view: memoryview, where: str) -> str:
    """A string field.

    Raises:
        MalformedError: it is not UTF-8.

    """
    try:
        return bytes(view).decode("utf-8")
    except UnicodeDecodeError:
        refuse("a name that is not UTF-8", where)


def refuse(got: str, where: str) -> NoReturn:
    """Raise MalformedError."""
    message = f"got {got}, expected an ONNX model, in {where}"
    raise MalformedError(message)


def write_number(number: int, value: int) -> bytes:
    """A field that is a number."""
    return _write_varint(number << 3 | _VARINT) + _write_varint(value)


def write_head(number: int, size: int) -> bytes:
    """What stands before a message or string of so many bytes."""
    return _write_varint(number << 3 | _BYTES) + _write_varint(size)


def write_bytes(number: int, content: bytes) -> bytes:
    """A field that is a message or string."""
    return write_head(number, len(content)) + content


def _write_varint(value: int) -> bytes:
    written = bytearray()
    while value > 0x7F:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    written.append(value)
    return bytes(written)
