# SPDX-License-Identifier: Apache-2.0
"""An authority of our own: a root, one below it, and leaves of any kind, good and bad."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from hubpolicy.domain.certified import Authority, Member

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
END = datetime(2036, 1, 1, tzinfo=UTC)
CODE_SIGNING = ExtendedKeyUsageOID.CODE_SIGNING

Private = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@lru_cache
def key_of(name: str) -> ec.EllipticCurvePrivateKey:
    """A key that is the same in every run, derived from a name."""
    secret = int(hashlib.sha256(f"certified {name}".encode()).hexdigest(), 16) >> 1
    return ec.derive_private_key(secret, ec.SECP256R1())


class Issued(NamedTuple):
    """A certificate with its private key."""

    certificate: x509.Certificate
    key: Private

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(Encoding.PEM).decode()

    @property
    def key_pem(self) -> bytes:
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def issue(
    name: str,
    issuer: Issued | None = None,
    *,
    ca: bool | None = False,
    email: str = "",
    uri: str = "",
    key: Private | None = None,
    begin: datetime = BEGIN,
    end: datetime = END,
    signs: bool | None = True,
    purposes: tuple[x509.ObjectIdentifier, ...] | None = (CODE_SIGNING,),
    extra: tuple[tuple[x509.ExtensionType, bool], ...] = (),
) -> Issued:
    """A certificate; self-signed without an issuer. ``signs``: digitalSignature, None leaves it out."""
    own = key or key_of(name)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    signer = issuer or Issued.__new__(Issued, None, own)  # type: ignore[arg-type]
    issued_by = subject if issuer is None else issuer.certificate.subject
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issued_by)
        .public_key(own.public_key())
        .serial_number(int(hashlib.sha256(name.encode()).hexdigest()[:30], 16) + 1)
        .not_valid_before(begin)
        .not_valid_after(end)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(own.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.key.public_key()),
            critical=False,
        )
    )
    if ca is not None:
        builder = builder.add_extension(
            x509.BasicConstraints(ca=ca, path_length=None), critical=True
        )
    if signs is not None or ca:
        usage = x509.KeyUsage(
            digital_signature=bool(signs), key_cert_sign=bool(ca), crl_sign=bool(ca),
            content_commitment=False, key_encipherment=False, data_encipherment=False,
            key_agreement=False, encipher_only=False, decipher_only=False,
        )  # fmt: skip
        builder = builder.add_extension(usage, critical=True)
    if purposes is not None and not ca:
        builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
    names: list[x509.GeneralName] = [x509.RFC822Name(email)] if email else []
    names += [x509.UniformResourceIdentifier(uri)] if uri else []
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    for extension, critical in extra:
        builder = builder.add_extension(extension, critical=critical)
    same = isinstance(signer.key, ec.EllipticCurvePrivateKey) or None
    return Issued(builder.sign(signer.key, SHA256(), ecdsa_deterministic=same), own)


@lru_cache
def root() -> Issued:
    return issue("acme root", ca=True)


@lru_cache
def between() -> Issued:
    """What stands between root and leaves."""
    return issue("acme issuing", root(), ca=True)


@lru_cache
def leaf(name: str = "rita") -> Issued:
    """A good leaf below the one between, with an e-mail address."""
    return issue(name, between(), email=f"{name}@acme.example")


def with_bits_unused(issued: Issued) -> bytes:
    """The DER of a certificate, with its signature said to leave its last bit unused (X.690 §8.6).

    Half of all signatures end with a bit that may be left: the caller tries until this one does.
    """
    sig = issued.certificate.signature
    if sig[-1] & 1:
        return b""
    head = bytes([3, len(sig) + 1])
    assert issued.der.endswith(head + b"\0" + sig)
    return issued.der.removesuffix(b"\0" + sig) + b"\1" + sig


def authority(*people: str) -> Authority:
    """The pinned root, and whom it may certify by their address."""
    members = tuple(Member(f"email:{name}@acme.example", name) for name in people)
    return Authority("acme", root().pem, members)


def shifted(days: int) -> datetime:
    """Days from now."""
    return datetime.now(UTC) + timedelta(days=days)
