# SPDX-License-Identifier: Apache-2.0
"""``gcpkms:projects/P/locations/L/keyRings/R/cryptoKeys/K/cryptoKeyVersions/V``: Google Cloud KMS.

The login is Google's own: ``gcloud auth application-default login``, or a service account.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.adapters.signers.remote import from_library, speaking

if TYPE_CHECKING:
    from collections.abc import Callable

    from hubpolicy.adapters.signers.remote import RemoteSigner


def open_key(rest: str, *, passphrase: Callable[[], bytes] | None = None) -> RemoteSigner:
    """Ask for the public key; the private one stays there.

    Raises:
        UnsupportedError: the extra ``[kms]`` is not installed.
        ConfigError: no ECDSA P-256 key.
        ServiceError: the service cannot be reached, or refuses.

    """
    del passphrase
    uri = f"gcpkms:{rest}"
    with speaking(uri):
        from securesystemslib.signer import GCPSigner

        _, key = GCPSigner.import_(rest)
        return from_library(GCPSigner(rest, key), uri)
