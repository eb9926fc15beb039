# SPDX-License-Identifier: Apache-2.0
"""A look at DER (X.690) that a strict parser has taken, for fields that it hands to nobody."""

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
