# SPDX-License-Identifier: Apache-2.0
"""Public keys: ECDSA on P-256 and nothing else. The key fixes the algorithm, never the message."""

from __future__ import annotations

import hashlib
from binascii import Error as Base64Error
from binascii import a2b_base64, b2a_base64
from functools import cache
from typing import TYPE_CHECKING

from hubpolicy.errors import MalformedError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ec

_HEADER = "-----BEGIN PUBLIC KEY-----\n"
_FOOTER = "-----END PUBLIC KEY-----\n"
# SubjectPublicKeyInfo of id-ecPublicKey on prime256v1 with an uncompressed point (RFC 5480 §2).
_SPKI = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d030107034200")
_POINT_BYTES = 65


def keyid_of(pem: str) -> str:
    """Hex sha256 over the PEM text, final newline included: how Model Signing v1.0 names keys."""
    return hashlib.sha256(pem.encode("utf-8")).hexdigest()


def make_pem(point: bytes) -> str:
    """The one PEM text of a P-256 key, from its 65-byte uncompressed point (SEC 1 §2.3.3)."""
    text = b2a_base64(_SPKI + point, newline=False).decode("ascii")
    lines = [text[i : i + 64] for i in range(0, len(text), 64)]
    return _HEADER + "".join(f"{line}\n" for line in lines) + _FOOTER


def parse_point(pem: str, *, where: str) -> bytes:
    """The uncompressed point of a P-256 public key in its one PEM text.

    Parsed here and not by ``cryptography``'s serialization module, whose import alone takes the
    git hook 20 ms. That the point lies on the curve is checked where a signature is verified.

    Raises:
        MalformedError: another algorithm or curve, a compressed point, or any other PEM text for
            the same key (line length, white space), so that a key has exactly one key id.

    """
    body = pem.removeprefix(_HEADER).removesuffix(_FOOTER).replace("\n", "")
    try:
        der = a2b_base64(body, strict_mode=True)
    except (Base64Error, ValueError):
        der = b""
    point = der.removeprefix(_SPKI)
    if len(point) != _POINT_BYTES or make_pem(point) != pem:
        message = f"got another key, expected the PEM of an ECDSA P-256 public key, in {where}"
        raise MalformedError(message, hint="openssl ecparam -genkey -name prime256v1 -noout")
    return point


def verify_signature(pem: str, signature: bytes, message: bytes, *, where: str) -> bool:
    """True if the DER signature over SHA-256 of the message holds under the key.

    High-S signatures hold too: references go by payload digest, so a second signature over the
    same payload changes nothing.

    Raises:
        MalformedError: no P-256 key, or a point that is not on the curve.

    """
    # Imported here: a push without evidence must not pay for it.
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric import ec

    point = parse_point(pem, where=where)
    try:
        key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    except ValueError:
        text = f"got a point that is not on the curve P-256, in {where}"
        raise MalformedError(text) from None
    try:
        key.verify(signature, message, _over_sha256())
    except InvalidSignature:
        return False
    return True


@cache
def _over_sha256() -> ec.ECDSA:
    """The one algorithm, without what its constructor imports to sign: 7 ms of the git hook."""
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.hashes import SHA256

    class OverSha256(ec.ECDSA):
        def __init__(self) -> None:
            pass

        @property
        def algorithm(self) -> SHA256:
            return SHA256()

    return OverSha256()
