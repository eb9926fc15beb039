# SPDX-License-Identifier: Apache-2.0
"""Who holds a token of the gateway's: for which repositories, for what, and until when."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

PREFIX = "hpg_"


class Holder(NamedTuple):
    """Somebody with a token: repositories that it is for (``acme/*``, ``acme/m``), and until when.

    ``expires`` and ``revoked`` are ISO 8601 UTC, or empty. ``role`` is ``write`` or ``read``.
    """

    name: str
    scopes: tuple[str, ...]
    created: str
    expires: str
    revoked: str
    role: str = "write"

    @property
    def writes(self) -> bool:
        """True if it is for more than reading."""
        return self.role == "write"

    def may(self, repo: str) -> bool:
        """True if the token is for that ``namespace/name``."""
        return any(_covers(scope, repo) for scope in self.scopes)

    def holds(self, now: str) -> bool:
        """True if it is neither revoked nor expired."""
        return not self.revoked and (not self.expires or now < self.expires)


def _covers(scope: str, repo: str) -> bool:
    namespace, _, name = scope.partition("/")
    mine, _, other = repo.partition("/")
    return bool(other) and namespace == mine and name in {"*", other}


def from_row(row: tuple[Any, ...]) -> Holder:
    """As the gateway's file keeps one: name, scopes (JSON), created, expires, revoked, role."""
    name, scopes, created, expires, revoked, role = row[:6]
    return Holder(name, tuple(json.loads(scopes)), created, expires, revoked, role)
