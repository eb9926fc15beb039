# SPDX-License-Identifier: Apache-2.0
"""Private keys by URI. The registry is literal: code in this process holds the keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from hubpolicy.adapters.signers import awskms, azurekms, file, gcpkms, hsm, sigstore, vault, x509
from hubpolicy.errors import UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from hubpolicy.ports import Signer

    Passphrase = Callable[[], bytes]


class Open(Protocol):
    """What a scheme's module offers."""

    def __call__(self, rest: str, *, passphrase: Passphrase | None) -> Signer:
        """Open the key behind what follows the scheme and its colon."""


SCHEMES: dict[str, Open] = {
    "file": file.open_key,
    "x509": x509.open_key,
    "hsm": hsm.open_key,
    "awskms": awskms.open_key,
    "gcpkms": gcpkms.open_key,
    "azurekms": azurekms.open_key,
    "hv": vault.open_key,
    "sigstore": sigstore.open_key,
}


def signer_for(uri: str, *, passphrase: Passphrase | None = None) -> Signer:
    """The signer behind ``scheme:rest``. ``passphrase`` is called only if the key needs one.

    Raises:
        UnsupportedError: a scheme that is not in the registry, or an extra that is not installed.
        ConfigError: the key is unsafe to use, or is none of P-256.
        AccessError: the passphrase or the login is wrong.
        ServiceError: the key cannot be read.

    """
    scheme, colon, rest = uri.partition(":")
    if not colon or scheme not in SCHEMES:
        message = f"got signer {uri!r}, expected {' or '.join(f'{name}:' for name in SCHEMES)}…"
        raise UnsupportedError(message, hint="example: file:/home/you/.config/hubpolicy/key.pem")
    return SCHEMES[scheme](rest, passphrase=passphrase)
