# SPDX-License-Identifier: Apache-2.0
"""Who may sign what: root, state and the roles between (DESIGN.md §6)."""

from __future__ import annotations

from typing import NamedTuple


class Key(NamedTuple):
    """A public key. ``keyid`` = hex sha256 of the PEM SPKI text (its final newline included)."""

    keyid: str
    pem: str
    principal: str


class Role(NamedTuple):
    """Who holds a role and how many distinct principals it takes."""

    name: str
    principals: frozenset[str]
    threshold: int


class TrustRoot(NamedTuple):
    """Keys, principals, role membership. ``expires`` is an ISO date (UTC)."""

    version: int
    expires: str
    solo: bool
    keys: tuple[Key, ...]
    roles: tuple[Role, ...]
    sha256: str

    def key(self, keyid: str) -> Key | None:
        """The key with that id, if the root knows it."""
        return next((key for key in self.keys if key.keyid == keyid), None)

    def role(self, name: str) -> Role | None:
        """The role with that name, if the root has it."""
        return next((role for role in self.roles if role.name == name), None)

    def roles_of(self, principal: str) -> frozenset[str]:
        """All roles that the principal holds."""
        return frozenset(role.name for role in self.roles if principal in role.principals)


class State(NamedTuple):
    """What is newest and what is revoked. Times are ISO 8601 UTC strings ending in ``Z``."""

    version: int
    expires: str
    policy_version: int
    policy_sha256: str
    revoked_keys: frozenset[str]
    revoked_payloads: frozenset[str]
    revoked_files: frozenset[str]


class Trust(NamedTuple):
    """What a verifier holds, from outside of what it judges."""

    root: TrustRoot
    state: State
