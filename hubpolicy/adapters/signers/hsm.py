# SPDX-License-Identifier: Apache-2.0
"""``hsm:[KEYID][?label=TOKEN]``: a key on a PKCS #11 token, such as a YubiKey or an HSM.

``PYKCS11LIB`` names the token's PKCS #11 library. KEYID is the key's ``CKA_ID`` as a number; 2
where none is given, the signature slot of a PIV card. The passphrase is the token's PIN.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from hubpolicy.adapters.signers.remote import from_library, speaking
from hubpolicy.errors import AccessError, ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    from hubpolicy.adapters.signers.remote import RemoteSigner

_KEY = re.compile(r"([0-9]{0,9})(?:\?(label=[^&]{1,200}))?")
_PIV_SIGNATURE = 2


def open_key(rest: str, *, passphrase: Callable[[], bytes] | None = None) -> RemoteSigner:
    """Find the key on the token; the PIN is asked for when it signs, once.

    Raises:
        UnsupportedError: the extra ``[kms]`` is not installed.
        ConfigError: no PKCS #11 library is named, no such token or key, or no ECDSA P-256 key.
        AccessError: a wrong PIN, or none is offered.
        ServiceError: the token fails.

    """
    uri = f"hsm:{rest}"
    named = _KEY.fullmatch(rest)
    if named is None:
        message = f"got {uri!r:.200}, expected the number of a key"
        raise ConfigError(message, hint="example: hsm:2?label=YubiKey+PIV")
    if not os.environ.get("PYKCS11LIB"):
        message = f"got no PYKCS11LIB, expected the path of the token's library, for {uri}"
        raise ConfigError(message, hint="export PYKCS11LIB=/usr/lib/softhsm/libsofthsm2.so, say")
    number = int(named[1] or _PIV_SIGNATURE)
    label = dict(parse_qsl(named[2] or "")).get("label")
    pins: list[str] = []

    def pin(_: str) -> str:
        if passphrase is None:
            message = f"{uri} needs a PIN, and there is none"
            raise AccessError(message, hint="run it at a terminal, where it can ask")
        if not pins:
            pins.append(passphrase().decode())
        return pins[0]

    with speaking(uri):
        from securesystemslib.signer import HSMSigner

        try:
            _, key = HSMSigner.import_(number, label, pin)
        except ValueError as error:
            message = f"{error}, expected key {number} on one token, for {uri}"
            raise ConfigError(message, hint="pkcs11-tool --list-objects --type pubkey") from error
        return from_library(HSMSigner(number, key, pin, label), uri)
