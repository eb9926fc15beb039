# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import hashlib

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from hubpolicy.core import keys
from hubpolicy.errors import MalformedError

ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
PRIVATE = ec.derive_private_key(7, ec.SECP256R1())
PUBLIC = PRIVATE.public_key()
PEM = PUBLIC.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
POINT = PUBLIC.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
SIGNATURE = PRIVATE.sign(b"message", ec.ECDSA(hashes.SHA256()))


def pem_of(key: ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | rsa.RSAPublicKey) -> str:
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def test_pem_and_key_id_are_those_of_other_tools() -> None:
    assert keys.make_pem(POINT) == PEM
    assert keys.parse_point(PEM, where="x") == POINT
    assert keys.keyid_of(PEM) == hashlib.sha256(PEM.encode()).hexdigest()


REFUSED = {
    "P-384": pem_of(ec.derive_private_key(7, ec.SECP384R1()).public_key()),
    "secp256k1": pem_of(ec.derive_private_key(7, ec.SECP256K1()).public_key()),
    "Ed25519": pem_of(ed25519.Ed25519PrivateKey.from_private_bytes(b"\1" * 32).public_key()),
    "RSA": pem_of(rsa.generate_private_key(65537, 2048).public_key()),
    "carriage returns": PEM.replace("\n", "\r\n"),
    "no final newline": PEM.rstrip("\n"),
    "two final newlines": PEM + "\n",
    "text before": "key\n" + PEM,
    "two keys": PEM + PEM,
    "one line": PEM[:60] + PEM[60:].replace("\n", "", 1),
    "blank line": PEM.replace("\n", "\n\n", 1),
    "private key header": PEM.replace("PUBLIC", "PRIVATE"),
    "empty": "",
    "not base64": PEM.replace("M", "*"),
}


@pytest.mark.parametrize("pem", REFUSED.values(), ids=REFUSED.keys())
def test_only_the_one_text_of_a_p256_key(pem: str) -> None:
    with pytest.raises(MalformedError, match="P-256 public key, in the root"):
        keys.parse_point(pem, where="the root")
    with pytest.raises(MalformedError):
        keys.verify_signature(pem, SIGNATURE, b"message", where="the root")


@pytest.mark.parametrize(
    "point",
    [POINT[:-1] + bytes([POINT[-1] ^ 1]), b"\x06" + POINT[1:], b"\x07" + POINT[1:], bytes(65)],
)
def test_points_off_the_curve(point: bytes) -> None:
    with pytest.raises(MalformedError, match="not on the curve"):
        keys.verify_signature(keys.make_pem(point), SIGNATURE, b"message", where="x")


def test_signature_holds_for_its_message_and_key_alone() -> None:
    other = pem_of(ec.derive_private_key(8, ec.SECP256R1()).public_key())
    assert keys.verify_signature(PEM, SIGNATURE, b"message", where="x")
    assert not keys.verify_signature(PEM, SIGNATURE, b"massage", where="x")
    assert not keys.verify_signature(other, SIGNATURE, b"message", where="x")


def test_high_s_holds_too() -> None:
    r, s = decode_dss_signature(SIGNATURE)
    assert keys.verify_signature(PEM, encode_dss_signature(r, ORDER - s), b"message", where="x")


def _raw_form() -> bytes:
    r, s = decode_dss_signature(SIGNATURE)
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


BAD = {
    "r and s without DER": _raw_form(),
    "trailing byte": SIGNATURE + b"\0",
    "truncated": SIGNATURE[:-1],
    "empty": b"",
    "zeros": encode_dss_signature(0, 0),
    "s = order": encode_dss_signature(decode_dss_signature(SIGNATURE)[0], ORDER),
    "psychic": encode_dss_signature(ORDER, ORDER),
    "BER length": SIGNATURE[:1] + b"\x81" + SIGNATURE[1:],
    "SHA-384 inside": PRIVATE.sign(b"message", ec.ECDSA(hashes.SHA384())),
}


@pytest.mark.parametrize("signature", BAD.values(), ids=BAD.keys())
def test_bad_signatures(signature: bytes) -> None:
    assert not keys.verify_signature(PEM, signature, b"message", where="x")
