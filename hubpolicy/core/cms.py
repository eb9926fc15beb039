# SPDX-License-Identifier: Apache-2.0
"""What stands in an RFC 3161 response although no signature covers it (RFC 5652 §5).

Verifiers read past these fields, so that a changed one would mean what the untouched one means.
Here they say what the standard has them say, or the token is refused. Certificates and lists of
revoked ones may stand in it, and so may words of the authority to whoever asked (RFC 3161 §2.4.2):
authorities write them, and nothing is decided by them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from hubpolicy.core.der import Part, parts, require_whole_octets

if TYPE_CHECKING:
    from collections.abc import Iterable

_SEQUENCE, _NULL, _FIRST = 0x30, 0x05, 0xA0
_SHA2 = bytes.fromhex("6086480165030402")
_RSA, _ECDSA = bytes.fromhex("2a864886f70d0101"), bytes.fromhex("2a8648ce3d0403")
_SIGNS = {
    _SHA2 + b"\1": (_ECDSA + b"\2", _RSA + b"\x0b", _RSA + b"\1"),
    _SHA2 + b"\2": (_ECDSA + b"\3", _RSA + b"\x0c", _RSA + b"\1"),
    _SHA2 + b"\3": (_ECDSA + b"\4", _RSA + b"\x0d", _RSA + b"\1"),
}
"""By the digest's identifier, what a signature over it is called (RFC 5754 §3): ECDSA, RSA."""


class _Signed(NamedTuple):
    """The parts of a token that are looked at."""

    version: bytes
    certificates: list[Part]
    signer: Part


def unsigned_oddity(response: bytes) -> str:
    """What the unsigned fields say that they must not; empty if they are as the standard has them.

    ``response``: DER of a time-stamp response. Another version or algorithm than the rest of it
    takes is odd, and so is an attribute that nobody signed.
    """
    try:
        return _oddity(response)
    except (IndexError, ValueError):
        return "a part of it is not as RFC 5652 has it"


def names_signer(response: bytes, pinned: Iterable[bytes]) -> bool:
    """Whether a verified token names its signer as a certificate does, byte for byte.

    The name selects the certificate and is not signed; verifiers compare it loosely (another type
    of text, other upper case). ``pinned``: DER of certificates that the token need not carry.
    """
    signed = _signed(response)
    who = parts(signed.signer.content)[1]
    known = (*signed.certificates, *(parts(der)[0] for der in pinned))
    return who.tag != _SEQUENCE or who.content in {_named(each) for each in known}


def _oddity(response: bytes) -> str:
    signed = _signed(response)
    own, who, digest, _, algorithm, _, *more = parts(signed.signer.content)
    for certificate in signed.certificates:
        require_whole_octets(certificate)
    number = b"\1" if who.tag == _SEQUENCE else b"\3"
    if signed.version != b"\3":
        return f"version {signed.version.hex()} of its message, expected 03"
    if own.content != number:
        return f"version {own.content.hex()} of its signer, expected {number.hex()}"
    if not _fits(digest, algorithm):
        return "a signature algorithm that is not the one of its digest"
    return "attributes that nobody signed" if more else ""


def _signed(response: bytes) -> _Signed:
    (whole,) = parts(response)
    _, token = parts(whole.content)
    _, content = parts(token.content)
    (signed,) = parts(content.content)
    version, *between, signers = parts(signed.content)
    (signer,) = parts(signers.content)
    carried = [each for part in between if part.tag == _FIRST for each in parts(part.content)]
    return _Signed(version.content, carried, signer)


def _named(certificate: Part) -> bytes:
    """Issuer and serial number as the certificate writes them (RFC 5280 §4.1)."""
    told = [part for part in parts(parts(certificate.content)[0].content) if part.tag != _FIRST]
    number, _, issuer = told[:3]
    return issuer.whole + number.whole


def _fits(digest: Part, algorithm: Part) -> bool:
    """Whether a signature of that name can be one over that digest."""
    (hashed, *_), (signs, *parameters) = parts(digest.content), parts(algorithm.content)
    plain = all((part.tag, part.content) == (_NULL, b"") for part in parameters)
    return plain and signs.content in _SIGNS.get(hashed.content, ())
