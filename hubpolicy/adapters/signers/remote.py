# SPDX-License-Identifier: Apache-2.0
"""What keys that never leave their device or service have in common (extra ``[kms]``).

``securesystemslib`` talks to most of them. Its signatures are DER in hex, its key ids its own;
here a key is named as everywhere, must be ECDSA P-256, and each signature is checked before it is
believed: a service that rotated its key meanwhile would sign with another one.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

from hubpolicy.core.keys import keyid_of, parse_point, verify_signature
from hubpolicy.errors import (
    AccessError,
    ConfigError,
    HubpolicyError,
    MalformedError,
    ServiceError,
    UnsupportedError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from securesystemslib.signer import Signer as LibrarySigner

EXTRA = "pip install 'hubpolicy[kms]'"
P256 = "ecdsa-sha2-nistp256"

_DENIED = (
    "AccessDenied",
    "Credential",
    "Forbidden",
    "Unauthorized",
    "Permission",
    "Pin",
    "Token",
    "Identity",
)
"""Parts of the names of what these libraries raise when a login is missing or wrong."""


class RemoteSigner:
    """A P-256 key somewhere else. ``ask`` sends a message and returns the DER signature."""

    __slots__ = ("_ask", "_pem", "_uri")

    def __init__(self, pem: str, ask: Callable[[bytes], bytes], uri: str) -> None:
        self._pem = pem
        self._ask = ask
        self._uri = uri

    @property
    def keyid(self) -> str:
        """Hex sha256 over the PEM SPKI text."""
        return keyid_of(self._pem)

    @property
    def public_pem(self) -> str:
        """PEM SubjectPublicKeyInfo, with final newline."""
        return self._pem

    def sign(self, message: bytes) -> bytes:
        """DER ECDSA over SHA-256.

        Raises:
            AccessError: no permission, or a wrong PIN.
            ServiceError: it fails, or it signed with another key.

        """
        with speaking(self._uri):
            signature = self._ask(message)
        if not verify_signature(self._pem, signature, message, where=self._uri):
            text = f"got a signature under another key than before from {self._uri}"
            raise ServiceError(text, hint="name one version of the key")
        return signature


def from_library(signer: LibrarySigner, uri: str) -> RemoteSigner:
    """A signer of ``securesystemslib``, held to P-256.

    Raises:
        ConfigError: another kind of key.

    """
    value = signer.public_key.keyval.get("public", "")
    pem = p256_pem(str(value), uri)
    return RemoteSigner(pem, lambda message: bytes.fromhex(signer.sign(message).signature), uri)


def p256_pem(pem: str, uri: str) -> str:
    """The one PEM text of a P-256 key.

    Raises:
        ConfigError: another kind of key.

    """
    text = pem.strip() + "\n"
    try:
        parse_point(text, where=uri)
    except MalformedError as error:
        message = f"got another kind of key, expected ECDSA on P-256 with SHA-256, in {uri}"
        raise ConfigError(message, hint="make one for signing: EC, NIST P-256") from error
    return text


@contextmanager
def speaking(uri: str, extra: str = EXTRA) -> Iterator[None]:
    """Turn whatever these libraries raise into our own errors; they have no common base.

    ``extra``: what installs them.

    Raises:
        UnsupportedError: a library is not installed.
        AccessError: no login, no permission, a wrong PIN.
        ServiceError: everything else.

    """
    try:
        yield
    except HubpolicyError:
        raise
    except ImportError as error:
        _missing(uri, extra, error)
    except Exception as error:
        kind = type(error).__name__
        if kind == "UnsupportedLibraryError":
            _missing(uri, extra, error)
        message = f"{uri}: {kind}: {str(error).strip() or 'no reason given'}"
        if any(part in kind for part in _DENIED):
            raise AccessError(message, hint="log in as its own tools would") from error
        raise ServiceError(message, hint="look whether its own tools reach the key") from error


def _missing(uri: str, extra: str, error: Exception) -> NoReturn:
    scheme = uri.partition(":")[0]
    message = f"keys by {scheme}: take libraries that are not installed ({error})"
    raise UnsupportedError(message, hint=extra) from error
