# SPDX-License-Identifier: Apache-2.0
"""Who may sign without a key of their own in the root, and who vouches for times (docs/adr/0011).

Apart from ``domain/trust.py``, which the git hook loads at every push: most roots hold none of it.
"""

from __future__ import annotations

import hashlib
from typing import NamedTuple, Protocol


class Member(NamedTuple):
    """Somebody whom an authority certifies.

    ``name`` is what the leaf certificate says, by kind: ``email:``, ``uri:`` or ``dns:`` from its
    subject alternative names, ``subject:`` its whole subject as RFC 4514 writes it.
    """

    name: str
    principal: str


class Authority(NamedTuple):
    """A pinned X.509 root certificate (PEM), and whom it may certify."""

    name: str
    pem: str
    members: tuple[Member, ...]


class Identity(NamedTuple):
    """A keyless signer: who the issuer says they are, and under which Sigstore trusted root."""

    issuer: str
    identity: str
    principal: str
    trusted_root: str

    @property
    def keyid(self) -> str:
        """What stands for a key id where there is no lasting key, in revocations too."""
        return name_id(f"{self.issuer}\n{self.identity}")


class TimeAuthority(NamedTuple):
    """A pinned RFC 3161 authority: PEM of its root, perhaps followed by what is below it."""

    name: str
    pem: str


class Witnessed(NamedTuple):
    """A moment (ISO 8601 UTC) that was proven, and who vouches for it."""

    time: str
    authority: str


class Witness(Protocol):
    """Proves keyless bundles, offline. ``adapters/keyless.py`` is one."""

    def witnessed(
        self, raw: bytes, identity: Identity, trusted_root: str, *, where: str
    ) -> tuple[Witnessed, ...]:
        """When the bundle was signed, by the log's and time authorities' word; never empty.

        ``trusted_root`` is the JSON text of a Sigstore trusted root.

        Raises:
            VerificationError: certificate, identity, log entry or any of its times do not hold.
            UnsupportedError: what it takes is not installed.

        """


def name_id(name: str) -> str:
    """Hex sha256 of a certified name: what revokes a person whatever key they use."""
    return hashlib.sha256(name.encode("utf-8")).hexdigest()
