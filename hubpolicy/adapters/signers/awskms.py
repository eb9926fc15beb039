# SPDX-License-Identifier: Apache-2.0
"""``awskms:KEY``: AWS Key Management Service; a key id, an alias (``alias/…``) or an ARN.

Login and region are those of the AWS tools: ``AWS_PROFILE``, ``AWS_REGION``, an instance role.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.adapters.signers.remote import P256, from_library, speaking

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
    uri = f"awskms:{rest}"
    with speaking(uri):
        from securesystemslib.signer import AWSSigner

        _, key = AWSSigner.import_(rest, P256)
        return from_library(AWSSigner(rest, key), uri)
