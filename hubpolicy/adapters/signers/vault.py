# SPDX-License-Identifier: Apache-2.0
"""``hv:NAME[/VERSION]``: the transit engine of HashiCorp Vault, with a key of type ``ecdsa-p256``.

``VAULT_ADDR`` and ``VAULT_TOKEN`` say where and who, as for Vault's own program. Through ``hvac``
and not through ``securesystemslib``, whose Vault signer knows Ed25519 alone (docs/adr/0011).
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from typing import TYPE_CHECKING, Any

from hubpolicy.adapters.signers.remote import RemoteSigner, p256_pem, speaking
from hubpolicy.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

_NAME = re.compile(r"([A-Za-z0-9._-]{1,200})(?:/([1-9][0-9]{0,8}))?")


def open_key(rest: str, *, passphrase: Callable[[], bytes] | None = None) -> RemoteSigner:
    """Ask for the public key; the private one stays there. No version: the newest one now.

    Raises:
        UnsupportedError: the extra ``[kms]`` is not installed.
        ConfigError: no such name or version, or no ECDSA P-256 key.
        ServiceError: the service cannot be reached, or refuses.

    """
    del passphrase
    uri = f"hv:{rest}"
    named = _NAME.fullmatch(rest)
    if named is None:
        message = f"got {uri!r:.200}, expected the name of a transit key"
        raise ConfigError(message, hint="example: hv:release-key/1")
    with speaking(uri):
        import hvac

        transit: Any = hvac.Client().secrets.transit
        key = transit.read_key(named[1])["data"]
        version = int(named[2] or key["latest_version"])
        public = key["keys"].get(str(version))
        if key["type"] != "ecdsa-p256" or public is None:
            got = f"got version {version} of a key of type {key['type']}"
            message = f"{got}, expected one of type ecdsa-p256, in {uri}"
            raise ConfigError(message, hint="vault write transit/keys/NAME type=ecdsa-p256")

    def ask(message: bytes) -> bytes:
        answer = transit.sign_data(
            named[1],
            hash_input=b64encode(message).decode("ascii"),
            key_version=version,
            hash_algorithm="sha2-256",
            marshaling_algorithm="asn1",
        )
        return b64decode(answer["data"]["signature"].rpartition(":")[2], validate=True)

    return RemoteSigner(p256_pem(public["public_key"], uri), ask, uri)
