# SPDX-License-Identifier: Apache-2.0
"""Who may sign what: root, state and the roles between (DESIGN.md §6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.domain.named import NamedTuple

if TYPE_CHECKING:
    from hubpolicy.domain.certified import Authority, Identity, TimeAuthority, Witness


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
    """Keys, principals, role membership. ``expires`` is an ISO date (UTC).

    ``trusted_roots`` holds (hex sha256, JSON text) of the Sigstore trusted roots that
    ``identities`` name.
    """

    version: int
    expires: str
    solo: bool
    keys: tuple[Key, ...]
    roles: tuple[Role, ...]
    sha256: str
    authorities: tuple[Authority, ...] = ()
    identities: tuple[Identity, ...] = ()
    trusted_roots: tuple[tuple[str, str], ...] = ()
    time_authorities: tuple[TimeAuthority, ...] = ()

    @property
    def names(self) -> frozenset[str]:
        """Every name that an authority may certify, such as ``email:rita@acme.example``."""
        return frozenset(member.name for each in self.authorities for member in each.members)

    @property
    def people(self) -> frozenset[str]:
        """Every principal who can sign anything."""
        certified = (member for authority in self.authorities for member in authority.members)
        return (
            frozenset(key.principal for key in self.keys)
            | {member.principal for member in certified}
            | {identity.principal for identity in self.identities}
        )

    def key(self, keyid: str) -> Key | None:
        """The key with that id, if the root knows it."""
        return next((key for key in self.keys if key.keyid == keyid), None)

    def role(self, name: str) -> Role | None:
        """The role with that name, if the root has it."""
        return next((role for role in self.roles if role.name == name), None)

    def holders(self, name: str) -> str:
        """Who holds that role, in words: ``olga, omar (role policy)``."""
        role = self.role(name)
        people = ", ".join(sorted(role.principals)) if role is not None else "nobody"
        return f"{people} (role {name})"

    def roles_of(self, principal: str) -> frozenset[str]:
        """All roles that the principal holds."""
        return frozenset(role.name for role in self.roles if principal in role.principals)


class OlderPolicy(NamedTuple):
    """A policy that is not the newest any more, and the last day (UTC) on which it counts.

    ``sha256`` is its hex payload digest, as release lines name it.
    """

    version: int
    sha256: str
    until: str


class State(NamedTuple):
    """What is newest and what is revoked. Times are ISO 8601 UTC strings ending in ``Z``.

    ``minimum_version`` is the least hubpolicy that may judge, as ``X.Y.Z``, or empty;
    ``older_policies`` are in the order of their versions.
    """

    version: int
    expires: str
    policy_version: int
    policy_sha256: str
    revoked_keys: frozenset[str]
    revoked_payloads: frozenset[str]
    revoked_files: frozenset[str]
    minimum_version: str = ""
    older_policies: tuple[OlderPolicy, ...] = ()


class Trust(NamedTuple):
    """What a verifier holds, from outside of what it judges.

    Without a ``witness`` no keyless bundle is proven.
    """

    root: TrustRoot
    state: State
    witness: Witness | None = None
