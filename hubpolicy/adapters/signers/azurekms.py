# SPDX-License-Identifier: Apache-2.0
"""``azurekms://VAULT.vault.azure.net/keys/NAME[/VERSION]``: Azure Key Vault.

The login is Azure's own: ``az login``, a managed identity, or ``AZURE_*`` variables.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hubpolicy.adapters.signers.remote import from_library, speaking
from hubpolicy.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    from hubpolicy.adapters.signers.remote import RemoteSigner

_KEY = re.compile(
    r"//([A-Za-z0-9-]{1,127})\.vault\.azure\.net/keys/([A-Za-z0-9-]{1,127})(?:/([0-9a-f]+))?"
)


def open_key(rest: str, *, passphrase: Callable[[], bytes] | None = None) -> RemoteSigner:
    """Ask for the public key; the private one stays there.

    Raises:
        UnsupportedError: the extra ``[kms]`` is not installed.
        ConfigError: no such name, no ECDSA P-256 key, or a version that is not the newest.
        ServiceError: the service cannot be reached, or refuses.

    """
    del passphrase
    uri = f"azurekms:{rest}"
    named = _KEY.fullmatch(rest)
    if named is None:
        message = f"got {uri!r:.200}, expected the address of a key in a vault"
        raise ConfigError(message, hint="azurekms://VAULT.vault.azure.net/keys/NAME")
    with speaking(uri):
        from securesystemslib.signer import AzureSigner

        newest, key = AzureSigner.import_(named[1], named[2])
        if named[3] and not newest.endswith(f"/{named[3]}"):
            message = f"got version {named[3]}, expected the newest, {newest}"
            raise ConfigError(message, hint=f"--key {newest}, and its key in the trust root")
        return from_library(AzureSigner.from_priv_key_uri(newest, key), newest)
