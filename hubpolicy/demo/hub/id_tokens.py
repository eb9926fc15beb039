# SPDX-License-Identifier: Apache-2.0
"""OpenID Connect id tokens: signed by their issuer, meant for us, and valid now.

RS256 only (RFC 7515, 7518 §3.3, 8017 §8.2.2), which is what GitHub and GitLab sign with, in the
standard library: verifying takes one power and one comparison.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

SKEW_SECONDS = 60
_MIN_MODULUS_BITS = 2048
_MAX_TOKEN = 16 * 1024
_SHA256_PREFIX = bytes.fromhex("3031300d060960864801650304020105000420")


class RefusedError(Exception):
    """The token proves nothing. The reason is for the log; no caller gets to read it."""


def verified_claims(
    token: str, jwks: Mapping[str, Any], *, issuer: str, audience: str, now: float
) -> dict[str, Any]:
    """Return the claims of a token (compact serialisation) that a key of the issuer signed.

    Raises:
        RefusedError: whatever is wrong with it.
    """
    parts = token.split(".") if len(token) <= _MAX_TOKEN and token.isascii() else []
    if len(parts) != 3:
        msg = "not three parts"
        raise RefusedError(msg)
    header, claims = _document(parts[0]), _document(parts[1])
    if header.get("alg") != "RS256" or "crit" in header:
        msg = "the issuer's keys are RS256"
        raise RefusedError(msg)
    signed = f"{parts[0]}.{parts[1]}".encode()
    if not _signed_by(_key(jwks, header.get("kid")), signed, _decoded(parts[2])):
        msg = "not signed by the key it names"
        raise RefusedError(msg)
    _require_valid(claims, issuer, audience, now)
    return claims


def issuer_of(token: str) -> str:
    """Return who the token says made it; nothing of that is proven."""
    parts = token.split(".")
    return str(_document(parts[1]).get("iss", "")) if len(parts) == 3 else ""


def _require_valid(claims: Mapping[str, Any], issuer: str, audience: str, now: float) -> None:
    heard = claims.get("aud")
    ends, begins = _time(claims.get("exp")), _time(claims.get("nbf", claims.get("iat")))
    if claims.get("iss") != issuer:
        msg = "another issuer"
    elif audience not in (heard if isinstance(heard, list) else [heard]):
        msg = "for another audience"
    elif ends is None or begins is None or not isinstance(claims.get("sub"), str):
        msg = "without exp, iat or sub"
    elif not begins - SKEW_SECONDS <= now < ends + SKEW_SECONDS:
        msg = "not valid now"
    else:
        return
    raise RefusedError(msg)


def _time(value: object) -> float | None:
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _key(jwks: Mapping[str, Any], kid: object) -> tuple[int, int]:
    for key in jwks["keys"]:
        if key["kid"] == kid and key["kty"] == "RSA":
            modulus, exponent = (int.from_bytes(_decoded(key[name])) for name in ("n", "e"))
            if modulus.bit_length() >= _MIN_MODULUS_BITS:
                return modulus, exponent
    msg = "no such key"
    raise RefusedError(msg)


def _signed_by(key: tuple[int, int], message: bytes, signature: bytes) -> bool:
    """RSASSA-PKCS1-v1_5: the padded digest is built and compared, never parsed."""
    modulus, exponent = key
    size = (modulus.bit_length() + 7) // 8
    value = int.from_bytes(signature)
    if len(signature) != size or value >= modulus:
        return False
    digest = _SHA256_PREFIX + hashlib.sha256(message).digest()
    expected = b"\x00\x01" + b"\xff" * (size - len(digest) - 3) + b"\x00" + digest
    return hmac.compare_digest(pow(value, exponent, modulus).to_bytes(size), expected)


def _decoded(text: str) -> bytes:
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError) as error:
        msg = "not base64url"
        raise RefusedError(msg) from error
    if base64.urlsafe_b64encode(raw).rstrip(b"=").decode() != text:
        msg = "not canonical base64url"
        raise RefusedError(msg)
    return raw


def _document(text: str) -> dict[str, Any]:
    try:
        value = json.loads(_decoded(text))
    except (ValueError, RecursionError) as error:
        msg = "not JSON"
        raise RefusedError(msg) from error
    if not isinstance(value, dict):
        msg = "not an object"
        raise RefusedError(msg)
    return value
