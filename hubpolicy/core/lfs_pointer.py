# SPDX-License-Identifier: Apache-2.0
"""Git LFS pointers: the canonical form, and everything that git-lfs would also take for one.

Specification: git-lfs ``docs/spec.md``, "The Pointer"; leniency: git-lfs ``lfs/pointer.go``,
``decodeKVData``. A pointer in the canonical form binds the content's sha256 and size.
"""

from __future__ import annotations

from hubpolicy.domain.named import NamedTuple

MAX_POINTER_SIZE = 1024
"""Bytes. git-lfs reads no further to recognise a pointer (``blobSizeCutoff``)."""

_VERSION = b"version https://git-lfs.github.com/spec/v1\n"
_OID = b"oid sha256:"
_SIZE = b"size "
_HEX = frozenset(b"0123456789abcdef")
_MARKS = (b"git-lfs", b"git-media", b"hawser")
_KEYS = ("version", "oid", "size")
_MAX_DIGITS = 19


class Pointer(NamedTuple):
    """What a pointer says about the content: lower-case hex sha256, and size in bytes."""

    sha256: str
    size: int


def parse_pointer(content: bytes) -> Pointer | None:
    """The pointer, if ``content`` is byte for byte the canonical form without extensions."""
    if len(content) > MAX_POINTER_SIZE or not content.startswith(_VERSION + _OID):
        return None
    digest, newline, rest = content[len(_VERSION + _OID) :].partition(b"\n")
    if not newline or len(digest) != 64 or not _HEX.issuperset(digest):
        return None
    digits = rest[len(_SIZE) : -1]
    if rest != _SIZE + digits + b"\n" or not _is_canonical_number(digits):
        return None
    return Pointer(digest.decode("ascii"), int(digits))


def looks_like_pointer(content: bytes) -> bool:
    """True for everything that git-lfs reads as a pointer, the canonical form included.

    Slightly wider than git-lfs (values are not looked at), so that no spelling slips between. Like
    git-lfs it judges the first 1024 bytes only, trims Unicode white space and skips empty lines.
    """
    start = content[:MAX_POINTER_SIZE]
    if not any(mark in start for mark in _MARKS):
        return False
    lines = start.decode("utf-8", errors="replace").strip().split("\n")
    keys = [line.partition(" ")[0] for line in lines if line.rstrip("\r")]
    return "oid" in keys and all(key in _KEYS or key.startswith("ext-") for key in keys)


def _is_canonical_number(digits: bytes) -> bool:
    if not digits.isdigit() or len(digits) > _MAX_DIGITS:
        return False
    return digits == b"0" or not digits.startswith(b"0")
