# SPDX-License-Identifier: Apache-2.0
"""Merkle tree hash of RFC 6962 §2.1 over SHA-256."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_LEAF, _NODE = b"\x00", b"\x01"


def merkle_root(leaves: Sequence[bytes]) -> str:
    """Hex root; of no leaves the hash of nothing. Leaves and nodes are hashed apart."""
    if not leaves:
        return hashlib.sha256().hexdigest()
    level = [hashlib.sha256(_LEAF + leaf).digest() for leaf in leaves]
    # Pairing neighbours and carrying an odd last one up gives the tree of the RFC, which splits
    # at the largest power of two.
    while len(level) > 1:
        paired = [
            hashlib.sha256(_NODE + left + right).digest()
            for left, right in zip(level[::2], level[1::2], strict=False)
        ]
        level = paired + level[len(paired) * 2 :]
    return level[0].hex()
