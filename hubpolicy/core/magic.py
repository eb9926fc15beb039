# SPDX-License-Identifier: Apache-2.0
"""What the first bytes of a file say. Not responsible for names; ``filetypes`` joins both."""

from __future__ import annotations

from typing import Literal

HEAD_SIZE = 512
"""Bytes that are looked at: enough for tar's mark at 257 and for the first name in a zip."""

Look = Literal["pickle", "weight", "code", "archive", "image", "pdf", "text", "binary"]

_MAX_SAFETENSORS_HEADER = 100_000_000
_ZIP = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
_PICKLES = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")
_NUMPY = b"\x93NUMPY"
_PREFIXES: tuple[tuple[bytes, Look], ...] = (
    (b"GGUF", "weight"),
    (b"FUGG", "weight"),
    (b"lmgg", "weight"),
    (b"ggml", "weight"),
    (b"fmgg", "weight"),
    (b"tjgg", "weight"),
    (b"algg", "weight"),
    (b"\x89HDF\r\n\x1a\n", "weight"),
    (b"PAR1", "archive"),
    (b"\x1f\x8b", "archive"),
    (b"BZh", "archive"),
    (b"\xfd7zXZ\x00", "archive"),
    (b"\x28\xb5\x2f\xfd", "archive"),
    (b"7z\xbc\xaf\x27\x1c", "archive"),
    (b"Rar!\x1a\x07", "archive"),
    (b"\x04\x22\x4d\x18", "archive"),
    (b"\x7fELF", "code"),
    (b"#!", "code"),
    (b"\0asm", "code"),
    (b"\xca\xfe\xba\xbe", "code"),
    (b"\xcf\xfa\xed\xfe", "code"),
    (b"\xce\xfa\xed\xfe", "code"),
    (b"!<arch>\n", "code"),
    (b"\x89PNG\r\n\x1a\n", "image"),
    (b"\xff\xd8\xff", "image"),
    (b"GIF87a", "image"),
    (b"GIF89a", "image"),
    (b"%PDF-", "pdf"),
)

# Most files begin with none of these bytes: one look-up instead of thirty comparisons.
_FIRST: dict[int, tuple[tuple[bytes, Look], ...]] = {
    first: tuple(mark for mark in _PREFIXES if mark[0][0] == first)
    for first in (*b"\x80\x93P", *(prefix[0] for prefix, _ in _PREFIXES))
}


_MARKS = (*_ZIP, *_PICKLES, _NUMPY, *(prefix for prefix, _ in _PREFIXES))
MARKED = frozenset((b"", *(mark[:2] for mark in _MARKS)))
"""What the first two bytes of a plain text are not: they begin a mark, or there are none."""


def sniff(head: bytes) -> Look:
    """What a file that begins with ``head`` (up to 512 bytes, not empty) looks like.

    Pickle below protocol 2 has no mark and looks like text: there the name must speak.
    """
    if head[0] in _FIRST:
        look = _marked(head)
        if look is not None:
            return look
    return _structure(head)


def _marked(head: bytes) -> Look | None:
    if head.startswith(_PICKLES):
        return "pickle"
    if head.startswith(_ZIP):
        # torch.save writes "<name>/data.pkl" as its first member.
        return "pickle" if b"data.pkl" in head else "archive"
    if head.startswith(_NUMPY):
        return "pickle" if b"|O" in head else "weight"
    for prefix, look in _FIRST[head[0]]:
        if head.startswith(prefix):
            return look
    return None


def _structure(head: bytes) -> Look:
    if b"\0" not in head:
        return "text"
    if head[8:9] == b"{" and 2 <= int.from_bytes(head[:8], "little") <= _MAX_SAFETENSORS_HEADER:
        return "weight"
    if head[4:8] == b"TFL3" or _is_onnx(head):
        return "weight"
    if head[257:262] == b"ustar":
        return "archive"
    if head[:2] == b"MZ":
        return "code"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image"
    return "binary"


def _is_onnx(head: bytes) -> bool:
    # ModelProto: field 1 (ir_version) as a small varint, then a string or message field 2 to 8.
    return head[0] == 0x08 and 0 < head[1] < 32 and head[2] in range(0x12, 0x43, 8)
