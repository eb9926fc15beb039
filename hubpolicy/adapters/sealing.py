# SPDX-License-Identifier: Apache-2.0
"""Tells at a twentieth of the cost of SHA-256 whether a block of a file is the one that was hashed.

While a file is hashed for a verdict, each block of it also gets a tag: GMAC (NIST SP 800-38D) under
a random key of that file, which never leaves this process, with the block's number as its nonce.
Whoever changes a block does not know the key, so that the new one bears the same tag with a chance
of about 2**-112 (one more than the 65,536 AES blocks in it, over 2**128; McGrew and Viega 2004,
section 3). A block that bears its tag is the one that was hashed (docs/adr/0017).
"""

from __future__ import annotations

import hmac
import secrets
from typing import TYPE_CHECKING

from hubpolicy.domain.outgoing import Seal

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    from hubpolicy.domain.outgoing import FileStamp

BLOCK_SIZE = 1024 * 1024
"""Bytes of each block but the last."""

_KEY_SIZE = 16
_NONCE_SIZE = 12
_TAG_SIZE = 16


class Tagger:
    """Takes the blocks of one file, in order."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(_KEY_SIZE)
        self._cipher = _cipher(self._key)
        self._tags = bytearray()

    def add(self, block: bytes | memoryview) -> None:
        """The next block."""
        self._tags += _tag(self._cipher, len(self._tags) // _TAG_SIZE, block)

    def seal(self, stamp: FileStamp | None) -> Seal:
        """Of the blocks up to now."""
        return Seal(self._key, bytes(self._tags), stamp)


class SealCheck:
    """Looks at blocks of that file again, in any order."""

    def __init__(self, seal: Seal) -> None:
        self._tags = seal.tags
        self._cipher = _cipher(seal.key)

    def holds(self, number: int, block: bytes | memoryview) -> bool:
        """True if it is the block with that number, from 0, as it was then."""
        wanted = self._tags[number * _TAG_SIZE : (number + 1) * _TAG_SIZE]
        return hmac.compare_digest(_tag(self._cipher, number, block), wanted)


def _cipher(key: bytes) -> AESGCM:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM(key)


def _tag(cipher: AESGCM, number: int, block: bytes | memoryview) -> bytes:
    # Nothing is encrypted: the tag over associated data alone is GMAC.
    return cipher.encrypt(number.to_bytes(_NONCE_SIZE, "big"), b"", block)
