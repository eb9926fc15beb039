# SPDX-License-Identifier: Apache-2.0
"""Storage addresses of the hub's own host, as ours: for networks from which only we are reached.

The address is sealed into the path with a key of this process, so nobody can make us ask for
another one. No login goes there: the address was signed by the hub.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

from hubpolicy.gateway.headers import is_storage, replaced

STORAGE = "/.hubpolicy/storage/"


class Relay:
    """Seals and opens addresses below one hub."""

    def __init__(self, hub: str, key: bytes) -> None:
        self._hub = hub
        self._key = key

    def sealed(self, address: str, ours: str) -> str:
        """Our address for one of the hub's host; any other stays."""
        if not address.startswith(f"{self._hub}/"):
            return address
        rest = address.removeprefix(self._hub)
        if not is_storage(rest.partition("?")[0]):
            return replaced(address, self._hub, ours)
        text = base64.urlsafe_b64encode(rest.encode()).decode().rstrip("=")
        return f"{ours}{STORAGE}{self._seal(text)}.{text}"

    def opened(self, path: str) -> str | None:
        """The hub's address that a path of ours stands for; None if we did not make it."""
        seal, dot, text = path.removeprefix(STORAGE).partition(".")
        if not dot or not hmac.compare_digest(seal.encode(), self._seal(text).encode()):
            return None
        try:
            rest = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
        except (binascii.Error, ValueError):
            return None
        return self._hub + rest

    def _seal(self, text: str) -> str:
        return hmac.new(self._key, text.encode(), hashlib.sha256).hexdigest()
