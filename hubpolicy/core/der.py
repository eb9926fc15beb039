# SPDX-License-Identifier: Apache-2.0
"""A look at DER (X.690) beside a strict parser: for fields that it hands to nobody or lets pass."""

from __future__ import annotations

from typing import NamedTuple


class Part(NamedTuple):
    """One element: its tag, what is in it, and all of its bytes."""

    tag: int
    content: bytes
    whole: bytes


def parts(der: bytes) -> list[Part]:
    """The elements that stand one after the other.

    Raises:
        IndexError: they end within a header.
        ValueError: the last one is longer than what is there.

    """
    found, at = [], 0
    while at < len(der):
        begin, tag, size, at = at, der[at], der[at + 1], at + 2
        if size & 0x80:
            width = size & 0x7F
            at, size = at + width, int.from_bytes(der[at : at + width], "big")
        if at + size > len(der):
            raise ValueError
        at += size
        found.append(Part(tag, der[at - size : at], der[begin:at]))
    return found


def require_whole_octets(certificate: Part) -> None:
    """Refuse an X.509 certificate whose signature is said to leave bits unused.

    No signature covers that number, and verifiers read past it.

    Raises:
        IndexError: no such parts.
        ValueError: it is not 0.

    """
    *_, signature = parts(certificate.content)
    if signature.content[0] != 0:
        message = "its signature is said to leave bits unused"
        raise ValueError(message)


_VERSION, _INTEGER = 0xA0, 0x02
_ECDSA = bytes.fromhex("06082a8648ce3d0403")
"""The begin of the object identifiers of ECDSA with SHA-2 (RFC 5758 §3.2)."""


def require_profile(certificate: Part) -> None:
    """Refuse what parsers of X.509 only warn of: a serial number below 1, parameters of ECDSA.

    RFC 5280 §4.1.2.2 and RFC 5758 §3.2 forbid them.

    Raises:
        IndexError: no such parts.
        ValueError: one of both.

    """
    body, outer, _ = parts(certificate.content)
    fields = parts(body.content)
    serial, inner = fields[1:3] if fields[0].tag == _VERSION else fields[:2]
    number = int.from_bytes(serial.content, "big", signed=True)
    if serial.tag != _INTEGER or number < 1:
        message = f"its serial number is {number}, not a positive one"
        raise ValueError(message)
    for algorithm in (inner, outer):
        if algorithm.content.startswith(_ECDSA) and len(parts(algorithm.content)) > 1:
            message = "its ECDSA signature is said to have parameters"
            raise ValueError(message)
