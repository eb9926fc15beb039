# SPDX-License-Identifier: Apache-2.0
"""PKCS #8 under a passphrase: PBES2 with scrypt (RFC 7914 §7) and AES-256-CBC (RFC 8018 §6.2).

``cryptography`` itself writes PBKDF2 with 2,048 rounds, which a graphics card tries millions of
times a second. It reads what is written here, and so does ``openssl pkey``.
"""

from __future__ import annotations

import base64
import secrets
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from cryptography.hazmat.primitives.padding import PKCS7
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

_PBES2 = bytes.fromhex("06092a864886f70d01050d")
_SCRYPT = bytes.fromhex("06092b06010401da47040b")
_AES_256_CBC = bytes.fromhex("060960864801650304012a")

# 16 MiB and about a third of a second: more memory, and OpenSSL refuses to open it.
_COST, _BLOCK, _LANES = 2**14, 8, 5


def encrypt_pem(key: EllipticCurvePrivateKey, passphrase: bytes) -> bytes:
    """PEM of the key under the passphrase."""
    salt, iv = secrets.token_bytes(16), secrets.token_bytes(16)
    secret = Scrypt(salt=salt, length=32, n=_COST, r=_BLOCK, p=_LANES).derive(passphrase)
    padder = PKCS7(128).padder()
    plain = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    cipher = Cipher(algorithms.AES(secret), modes.CBC(iv)).encryptor()
    content = cipher.update(padder.update(plain) + padder.finalize()) + cipher.finalize()
    costs = b"".join(_integer(value) for value in (_COST, _BLOCK, _LANES))
    derivation = _sequence(_SCRYPT, _sequence(_octets(salt), costs))
    scheme = _sequence(_AES_256_CBC, _octets(iv))
    algorithm = _sequence(_PBES2, _sequence(derivation, scheme))
    text = base64.b64encode(_sequence(algorithm, _octets(content))).decode("ascii")
    lines = [text[i : i + 64] for i in range(0, len(text), 64)]
    label = "ENCRYPTED PRIVATE KEY"
    return "\n".join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""]).encode()


def _sequence(*parts: bytes) -> bytes:
    return _tagged(0x30, b"".join(parts))


def _octets(content: bytes) -> bytes:
    return _tagged(0x04, content)


def _integer(value: int) -> bytes:
    return _tagged(0x02, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def _tagged(tag: int, content: bytes) -> bytes:
    """DER: tag, length in its shortest form, content."""
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + content
