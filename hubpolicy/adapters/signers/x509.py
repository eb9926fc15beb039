# SPDX-License-Identifier: Apache-2.0
"""``x509:KEY.pem?chain=CHAIN.pem``: a key on disk whose certificate an authority signed.

CHAIN.pem holds the leaf first, then what leads to the pinned root. It goes into every bundle, in
the form that OpenSSF Model Signing calls ``certificate``.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from hubpolicy.adapters.clock import SystemClock
from hubpolicy.adapters.signers import file
from hubpolicy.core.bundle import make_chain_bundle
from hubpolicy.core.certificates import Leaf, load_chain, read_leaf, require_leaf
from hubpolicy.core.dsse import pae
from hubpolicy.domain.statement import PAYLOAD_TYPE
from hubpolicy.errors import AccessError, ConfigError, MalformedError, VerificationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from hubpolicy.adapters.signers.file import FileSigner

_BYTES_LIMIT = 512 * 1024
_EXAMPLE = "example: x509:/home/you/key.pem?chain=/home/you/chain.pem"


class CertifiedSigner:
    """A private key with the chain that says whose it is."""

    __slots__ = ("_chain", "_key", "_leaf")

    def __init__(self, key: FileSigner, leaf: Leaf, chain: tuple[bytes, ...]) -> None:
        self._key = key
        self._leaf = leaf
        self._chain = chain

    @property
    def keyid(self) -> str:
        """Hex sha256 over the PEM SPKI text of the leaf."""
        return self._key.keyid

    @property
    def public_pem(self) -> str:
        """PEM SubjectPublicKeyInfo, with final newline."""
        return self._key.public_pem

    @property
    def names(self) -> tuple[str, ...]:
        """What the leaf says: ``email:``, ``uri:``, ``dns:`` and ``subject:``."""
        return self._leaf.names

    def sign(self, message: bytes) -> bytes:
        """DER ECDSA over SHA-256."""
        return self._key.sign(message)

    def seal(self, payload: bytes) -> bytes:
        """A bundle that carries the chain."""
        return make_chain_bundle(payload, self.sign(pae(PAYLOAD_TYPE, payload)), self._chain)


def open_key(rest: str, *, passphrase: Callable[[], bytes] | None = None) -> CertifiedSigner:
    """Open key and chain; what nobody could accept is refused before anything is signed.

    Raises:
        ConfigError: no chain is named, the leaf is of another key, expired, an authority's, or
            not made for signatures; or the key is unsafe (as for ``file:``).
        AccessError: a file cannot be read, or the passphrase is wrong.

    """
    path, _, query = rest.partition("?")
    name, _, value = query.partition("=")
    if not path or name != "chain" or not value or "&" in value:
        message = f"got x509:{rest!r:.200}, expected a key and its chain"
        raise ConfigError(message, hint=_EXAMPLE)
    chain_path = unquote(value)  # as in the path of the key: %26 is &, and + is itself
    try:
        chain = load_chain(_read(chain_path), where=chain_path)
        leaf = read_leaf(chain[0], where=chain_path)
        require_leaf(chain[0], at=SystemClock().now(), where=chain_path)
    except (MalformedError, VerificationError) as error:
        raise ConfigError(error.message, hint=error.hint) from error
    key = file.open_key(unquote(path), passphrase=passphrase)
    if key.public_pem != leaf.pem:
        message = f"the first certificate is of another key than {path}, in {chain_path}"
        raise ConfigError(message, hint="the leaf comes first in the chain")
    return CertifiedSigner(key, leaf, chain)


def _read(path: str) -> bytes:
    try:
        with Path(path).open("rb") as handle:
            return handle.read(_BYTES_LIMIT)
    except OSError as error:
        message = f"the certificates in {path} cannot be read: {error.strerror}"
        raise AccessError(message, hint=_EXAMPLE) from error
