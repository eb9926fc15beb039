# SPDX-License-Identifier: Apache-2.0
"""Addresses to upload to, as ours: for networks from which nothing but the gateway is reached.

The address is sealed into the path with a key of this process, so nobody can make us ask for
another one. No login goes there: the hub signed the address, and named it in its answer.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

from hubpolicy.gateway.headers import replaced

STORAGE = "/.hubpolicy/storage/"


class Relay:
    """Seals and opens addresses that one hub handed out."""

    def __init__(self, hub: str, key: bytes) -> None:
        self._hub = hub
        self._key = key

    def sealed(self, address: str, ours: str) -> str:
        """Our address for one that leads to storage, or to the hub itself; other text stays."""
        if not address.startswith(("http://", "https://")):
            return address
        own = replaced(address, self._hub, ours)
        if own != address:
            return own
        text = base64.urlsafe_b64encode(address.encode()).decode().rstrip("=")
        return f"{ours}{STORAGE}{self._seal(text)}.{text}"

    def opened(self, path: str) -> str | None:
        """The address that a path of ours stands for; None if we did not make it."""
        seal, dot, text = path.removeprefix(STORAGE).partition(".")
        if not dot or not hmac.compare_digest(seal.encode(), self._seal(text).encode()):
            return None
        try:
            return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
        except (binascii.Error, ValueError):
            return None

    def _seal(self, text: str) -> str:
        return hmac.new(self._key, text.encode(), hashlib.sha256).hexdigest()
