# SPDX-License-Identifier: Apache-2.0
"""What stands in an RFC 3161 response although no signature covers it (RFC 5652 §5).

Verifiers read past these fields, so that a changed one would mean what the untouched one means.
Here they say what the standard has them say, or the token is refused. Certificates and lists of
revoked ones may stand in it, and so may words of the authority to whoever asked (RFC 3161 §2.4.2):
authorities write them, and nothing is decided by them.
"""

from __future__ import annotations

from hubpolicy.core.der import Part, parts, require_whole_octets

_SEQUENCE, _NULL, _CERTIFICATES = 0x30, 0x05, 0xA0
_SHA2 = bytes.fromhex("6086480165030402")
_RSA, _ECDSA = bytes.fromhex("2a864886f70d0101"), bytes.fromhex("2a8648ce3d0403")
_SIGNS = {
    _SHA2 + b"\1": (_ECDSA + b"\2", _RSA + b"\x0b", _RSA + b"\1"),
    _SHA2 + b"\2": (_ECDSA + b"\3", _RSA + b"\x0c", _RSA + b"\1"),
    _SHA2 + b"\3": (_ECDSA + b"\4", _RSA + b"\x0d", _RSA + b"\1"),
}
"""By the digest's identifier, what a signature over it is called (RFC 5754 §3): ECDSA, RSA."""


def unsigned_oddity(response: bytes) -> str:
    """What the unsigned fields say that they must not; empty if they are as the standard has them.

    ``response``: DER of a time-stamp response. Another version or algorithm than the rest of it
    takes is odd, and so is an attribute that nobody signed.
    """
    try:
        return _oddity(response)
    except (IndexError, ValueError):
        return "a part of it is not as RFC 5652 has it"


def _oddity(response: bytes) -> str:
    (whole,) = parts(response)
    _, token = parts(whole.content)
    _, content = parts(token.content)
    (signed,) = parts(content.content)
    version, *between, signers = parts(signed.content)
    (signer,) = parts(signers.content)
    own, who, digest, _, algorithm, _, *more = parts(signer.content)
    for part in between:
        for certificate in parts(part.content) if part.tag == _CERTIFICATES else ():
            require_whole_octets(certificate)
    number = b"\1" if who.tag == _SEQUENCE else b"\3"
    if version.content != b"\3":
        return f"version {version.content.hex()} of its message, expected 03"
    if own.content != number:
        return f"version {own.content.hex()} of its signer, expected {number.hex()}"
    if not _fits(digest, algorithm):
        return "a signature algorithm that is not the one of its digest"
    return "attributes that nobody signed" if more else ""


def _fits(digest: Part, algorithm: Part) -> bool:
    """Whether a signature of that name can be one over that digest."""
    (hashed, *_), (signs, *parameters) = parts(digest.content), parts(algorithm.content)
    plain = all(part == Part(_NULL, b"") for part in parameters)
    return plain and signs.content in _SIGNS.get(hashed.content, ())
