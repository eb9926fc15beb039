# SPDX-License-Identifier: Apache-2.0
"""``sigstore:[production|staging|TRUST_CONFIG.json]``: no key at all (extra ``[keyless]``).

An identity token (of a CI job that may ask for one, or from ``SIGSTORE_ID_TOKEN``) buys a
certificate of ten minutes; the signature goes into a public log with the identity in it. The
TRUST_CONFIG is Sigstore's ClientTrustConfig, for an instance of one's own.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from hubpolicy.adapters.keyless import EXTRA
from hubpolicy.adapters.signers.file import FileSigner
from hubpolicy.adapters.signers.remote import speaking
from hubpolicy.core import strictjson
from hubpolicy.core.certificates import read_leaf
from hubpolicy.domain.certified import Identity
from hubpolicy.errors import AccessError, ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    from cryptography import x509
    from sigstore.dsse import Statement
    from sigstore.models import ClientTrustConfig
    from sigstore.oidc import IdentityToken
    from sigstore.sign import Signer as LibrarySigner

_ISSUER = "1.3.6.1.4.1.57264.1.1"
_TOKEN = "SIGSTORE_ID_TOKEN"  # noqa: S105 - the name of a variable


class KeylessSigner:
    """An identity with a certificate for some minutes.

    What is not a statement (the seals of a run's log on this disk) is signed by a key of this
    process, so a run that was killed begins anew.
    """

    __slots__ = ("_keyid", "_seals", "_signer", "_uri")

    def __init__(self, signer: LibrarySigner, keyid: str, seals: FileSigner, uri: str) -> None:
        self._signer = signer
        self._keyid = keyid
        self._seals = seals
        self._uri = uri

    @property
    def keyid(self) -> str:
        """The identity's, as the trust root and revocations name it."""
        return self._keyid

    @property
    def public_pem(self) -> str:
        """Of the key that seals logs in this process."""
        return self._seals.public_pem

    @property
    def names(self) -> tuple[str, ...]:
        """None: an authority's members are somebody else."""
        return ()

    def sign(self, message: bytes) -> bytes:
        """By the key that seals logs in this process."""
        return self._seals.sign(message)

    def seal(self, payload: bytes) -> bytes:
        """A bundle with certificate and log entry, as Sigstore gave it, on one line.

        Raises:
            ServiceError: certificate authority or log refuse, or do not answer.

        """
        with speaking(self._uri, EXTRA):
            text = self._signer.sign_dsse(_statement(payload)).to_json()
        return strictjson.canonical(strictjson.parse(text.encode(), what="the new bundle"))


def open_key(rest: str, *, passphrase: Callable[[], bytes] | None = None) -> KeylessSigner:
    """Ask for an identity token and a certificate.

    Raises:
        UnsupportedError: the extra ``[keyless]`` is not installed.
        AccessError: nobody here gives an identity token.
        ConfigError: no such instance.
        ServiceError: the certificate authority refuses, or does not answer.

    """
    del passphrase
    uri = f"sigstore:{rest}"
    with speaking(uri, EXTRA):
        from cryptography.hazmat.primitives.asymmetric import ec
        from sigstore.sign import SigningContext

        token = _token(uri)
        context = SigningContext.from_trust_config(_config(rest, uri))
        with context.signer(token) as signer:
            certificate = signer._signing_cert()  # noqa: SLF001 - it says who we are; no other way
        seals = FileSigner(ec.generate_private_key(ec.SECP256R1()))
        return KeylessSigner(signer, _keyid(certificate, uri), seals, uri)


def _keyid(certificate: x509.Certificate, uri: str) -> str:
    """The identity that this certificate is of, named as the trust root names it."""
    from cryptography.hazmat.primitives.serialization import Encoding
    from cryptography.x509 import ObjectIdentifier, UnrecognizedExtension

    names = read_leaf(certificate.public_bytes(Encoding.DER), where=uri).names
    extension = certificate.extensions.get_extension_for_oid(ObjectIdentifier(_ISSUER)).value
    issuer = extension.value.decode() if isinstance(extension, UnrecognizedExtension) else ""
    return Identity(issuer, names[0].partition(":")[2] if names else "", "", "").keyid


def _statement(payload: bytes) -> Statement:
    """The payload as the library signs it: byte for byte.

    Its own parser knows no digests but SHA-2 and SHA-3, and would refuse ``dirHash`` and
    ``gitBlob`` (in-toto's digest_set.md); it need not understand what it signs.
    """
    from sigstore.dsse import Statement

    class Opaque(Statement):
        def __init__(self, contents: bytes) -> None:
            self._contents = contents

    return Opaque(payload)


def _token(uri: str) -> IdentityToken:
    from sigstore.oidc import IdentityToken, detect_credential

    given = os.environ.get(_TOKEN) or detect_credential()
    if not given:
        message = f"nobody here gives an identity token, for {uri}"
        hint = f"in CI allow the job id-token: write; elsewhere export {_TOKEN}=..."
        raise AccessError(message, hint=hint)
    return IdentityToken(given)


def _config(rest: str, uri: str) -> ClientTrustConfig:
    from sigstore.models import ClientTrustConfig

    if rest in {"", "production"}:
        return ClientTrustConfig.production()
    if rest == "staging":
        return ClientTrustConfig.staging()
    try:
        text = Path(rest).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        message = f"got {uri!r:.200}, expected production, staging or a ClientTrustConfig file"
        raise ConfigError(message, hint="example: --key sigstore:production") from error
    return ClientTrustConfig.from_json(text)
