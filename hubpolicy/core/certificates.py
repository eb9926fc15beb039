# SPDX-License-Identifier: Apache-2.0
"""X.509 for signatures: a leaf that chains to a pinned root, at a moment (RFC 5280).

``cryptography``'s path building does the walk. Its defaults are those of web servers, so what a
leaf must say is stated here: made for signatures, not for TLS, and never an authority itself.
The certificate fixes the key and the key the algorithm, which is ECDSA P-256 as everywhere.
Certificates come from strangers, and ``cryptography`` parses much of them only when asked for:
whatever it raises on the way is a ``MalformedError``, see :func:`reading`.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from hubpolicy.core import keys, times
from hubpolicy.core.der import parts, require_profile, require_whole_octets
from hubpolicy.errors import HubpolicyError, MalformedError, VerificationError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cryptography import x509
    from cryptography.x509.verification import ExtensionPolicy

_HINT = "ask who keeps the trust root for the right certificate"


class Leaf(NamedTuple):
    """What a signing certificate says: its key as PEM SPKI, and its names (``email:…`` …)."""

    pem: str
    names: tuple[str, ...]


@contextmanager
def reading(where: str) -> Iterator[None]:
    """Turn whatever ``cryptography`` raises of a certificate into one error of ours.

    Its errors have no common base (``InvalidVersion``, ``DuplicateExtension``, ``ValueError``…),
    and releases add to them.

    Raises:
        MalformedError: something in it does not parse.

    """
    try:
        yield
    except HubpolicyError:
        raise
    except Exception as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        message = f"got no X.509 certificate that can be read ({reason}), in {where}"
        raise MalformedError(message, hint=_HINT) from error


def read_leaf(der: bytes, *, where: str) -> Leaf:
    """Key and names of a certificate; nothing is verified.

    Raises:
        MalformedError: no certificate, or its key is none of ECDSA P-256.

    """
    certificate = _load(der, where)
    return Leaf(_public_pem(certificate, where), names_of(certificate, where=where))


def names_of(certificate: x509.Certificate, *, where: str) -> tuple[str, ...]:
    """``email:``, ``uri:`` and ``dns:`` names of a certificate, and its whole ``subject:``.

    Raises:
        MalformedError: its names do not parse.

    """
    from cryptography import x509

    with reading(where):
        try:
            wanted = x509.SubjectAlternativeName
            others = certificate.extensions.get_extension_for_class(wanted).value
        except x509.ExtensionNotFound:
            others = x509.SubjectAlternativeName([])
        found = (
            *(f"email:{name}" for name in others.get_values_for_type(x509.RFC822Name)),
            *(f"uri:{name}" for name in others.get_values_for_type(x509.UniformResourceIdentifier)),
            *(f"dns:{name}" for name in others.get_values_for_type(x509.DNSName)),
        )
        subject = certificate.subject.rfc4514_string()
    return (*found, f"subject:{subject}") if subject else found


def verify_chain(chain: tuple[bytes, ...], anchor: str, *, at: str, where: str) -> tuple[str, ...]:
    """Walk from the leaf to the pinned root; returns the key ids of all certificates on the way.

    ``chain``: DER, leaf first. ``anchor``: PEM of the root. ``at``: ISO 8601 UTC, the moment at
    which every certificate must be valid.

    Raises:
        MalformedError: a certificate that does not parse.
        VerificationError: expired, not for signatures, an authority itself, no path, or a
            certificate beside the path.

    """
    from datetime import UTC, datetime

    from cryptography.x509.verification import ExtensionPolicy, PolicyBuilder, Store
    from cryptography.x509.verification import VerificationError as PathError

    leaf, *between = (_load(der, where) for der in chain)
    _require_signing(leaf, where)
    moment = datetime.fromtimestamp(times.seconds(at), UTC)
    with reading(where):
        verifier = (
            PolicyBuilder()
            .store(Store(_load_all(anchor, where)))
            .time(moment)
            .extension_policies(
                ca_policy=_ca_policy(ExtensionPolicy), ee_policy=ExtensionPolicy.permit_all()
            )
            .build_client_verifier()
        )
        subject = leaf.subject.rfc4514_string() or "nobody"
        try:
            path = verifier.verify(leaf, between).chain
        except (PathError, ValueError) as error:
            message = f"the certificate of {subject} does not chain to the pinned root at {at}"
            text = f"{message}: {error}, in {where}"
            raise VerificationError(text, hint=_HINT) from error
        _refuse_strays(between, path, where)
        return tuple(_keyid(certificate) for certificate in path)


def _refuse_strays(
    between: list[x509.Certificate], path: list[x509.Certificate], where: str
) -> None:
    """What is not on the way was verified by nobody, so that any change to it would pass."""
    stray = next((each for each in between if each not in path), None)
    if stray is not None:
        subject = stray.subject.rfc4514_string() or "nobody"
        message = f"the certificate of {subject} is not on the way to the pinned root, in {where}"
        raise VerificationError(message, hint="leave it out of the chain")


def require_leaf(der: bytes, *, at: str, where: str) -> None:
    """Refuse a certificate that nobody would accept a signature of, whatever it chains to.

    Raises:
        MalformedError: it does not parse.
        VerificationError: not valid ``at`` (ISO 8601 UTC), not for signatures, or an authority's.

    """
    from datetime import UTC, datetime

    leaf = _load(der, where)
    _require_signing(leaf, where)
    moment = datetime.fromtimestamp(times.seconds(at), UTC)
    with reading(where):
        first, last = leaf.not_valid_before_utc, leaf.not_valid_after_utc
    if not first <= moment <= last:
        message = f"the certificate is valid from {first:%Y-%m-%d} to {last:%Y-%m-%d}, it is {at}"
        text = f"{message}, in {where}"
        raise VerificationError(text, hint="ask your authority for a new certificate")


def require_anchor(pem: str, *, where: str) -> None:
    """Refuse PEM that no certificate could chain to.

    Raises:
        MalformedError: it does not parse, or holds no certificate of an authority.

    """
    from cryptography import x509

    for certificate in _load_all(pem, where):
        with reading(where):
            found = [each.value for each in certificate.extensions]
        if any(isinstance(each, x509.BasicConstraints) and each.ca for each in found):
            return
    message = f"got no certificate of an authority (CA:TRUE), expected one to pin, in {where}"
    raise MalformedError(message, hint="pin the root, not the leaf that it signed")


def load_chain(pem: bytes, *, where: str) -> tuple[bytes, ...]:
    """DER of every certificate in PEM text, in order.

    Raises:
        MalformedError: no certificate, or one that does not parse.

    """
    from cryptography.hazmat.primitives.serialization import Encoding

    found = _load_all(pem.decode("latin-1"), where)
    with reading(where):
        return tuple(certificate.public_bytes(Encoding.DER) for certificate in found)


def _require_signing(leaf: x509.Certificate, where: str) -> None:
    """A leaf says that it is made for signatures, and nothing against it."""
    from cryptography import x509
    from cryptography.x509.oid import ExtendedKeyUsageOID

    with reading(where):
        known = {type(extension.value): extension.value for extension in leaf.extensions}
    constraints = known.get(x509.BasicConstraints)
    usage, purposes = known.get(x509.KeyUsage), known.get(x509.ExtendedKeyUsage)
    problem = ""
    if isinstance(constraints, x509.BasicConstraints) and constraints.ca:
        problem = "it is the certificate of an authority"
    elif isinstance(usage, x509.KeyUsage) and not usage.digital_signature:
        problem = "its key usage is not digitalSignature"
    elif isinstance(purposes, x509.ExtendedKeyUsage):
        if ExtendedKeyUsageOID.CODE_SIGNING not in purposes:
            problem = "its extended key usage is not codeSigning"
    elif usage is None:
        problem = "it does not say that it is made for signatures"
    if problem:
        message = f"got a certificate that must not sign here: {problem}, in {where}"
        hint = "keyUsage = digitalSignature, extendedKeyUsage = codeSigning, CA:FALSE"
        raise VerificationError(message, hint=hint)


def _ca_policy(policy: type[ExtensionPolicy]) -> ExtensionPolicy:
    """The web's rules for authorities, but for their purposes: ours sign no TLS clients."""
    from cryptography.x509 import ExtendedKeyUsage
    from cryptography.x509.verification import Criticality

    return policy.webpki_defaults_ca().may_be_present(ExtendedKeyUsage, Criticality.AGNOSTIC, None)


def _keyid(certificate: x509.Certificate) -> str:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    key = certificate.public_key()
    return keys.keyid_of(
        key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode("ascii")
    )


def _public_pem(certificate: x509.Certificate, where: str) -> str:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    with reading(where):
        key = certificate.public_key()
        pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode("ascii")
    keys.parse_point(pem, where=f"the certificate of {where}")
    return pem


def _load(der: bytes, where: str) -> x509.Certificate:
    from cryptography import x509

    with reading(where):
        require_profile(*parts(der))  # before it is parsed, which would only warn
        require_whole_octets(*parts(der))
        return x509.load_der_x509_certificate(der)


def _load_all(pem: str, where: str) -> list[x509.Certificate]:
    from cryptography import x509

    with reading(where):
        return x509.load_pem_x509_certificates(pem.encode("latin-1"))
