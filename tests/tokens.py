# SPDX-License-Identifier: Apache-2.0
"""RFC 3161 tokens of any moment, good and bad, made here without a program: the same in every run."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple

from asn1crypto import algos, cms, core, tsp
from asn1crypto import x509 as asn1
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import ExtendedKeyUsageOID

from hubpolicy.domain.certified import TimeAuthority
from tests import certificates as pki

STAMPED_AT = datetime(2026, 11, 22, 14, 59, 40, tzinfo=UTC)
PURPOSE = ((x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), True),)
"""The extension of a certificate that is made for timestamps."""


class Odd(NamedTuple):
    """What is not as RFC 3161 and RFC 5652 have it, or is there although nobody signs it.

    ``loosely``: the signer's name is written in another type of text than in its certificate.
    ``bare``: no certificate is carried.
    """

    version: str = "v3"
    signer_version: str = "v1"
    algorithm: str = "sha256_ecdsa"
    status: str = "granted"
    words: str = ""
    more: tuple[bytes, ...] = ()
    unsigned: bytes = b""
    signers: int = 1
    digest: bytes = b""
    loosely: bool = False
    bare: bool = False


PLAIN = Odd()


@lru_cache
def root(name: str = "time root") -> pki.Issued:
    """Whom a trust root pins for times."""
    return pki.issue(name, ca=True)


@lru_cache
def stamper(name: str = "time root", **options: Any) -> pki.Issued:
    """A leaf that is made for timestamps, below the root."""
    return pki.issue(f"{name} stamps", root(name), purposes=None, extra=PURPOSE, **options)


def authority(name: str = "time root") -> TimeAuthority:
    """The root, as a trust root pins it."""
    return TimeAuthority("acme time", root(name).pem)


def token(
    content: bytes,
    *,
    at: datetime = STAMPED_AT,
    by: pki.Issued | None = None,
    algorithm: str = "sha512",
    odd: Odd = PLAIN,
) -> bytes:
    """The DER of a response over some bytes."""
    leaf = by or stamper()
    said = _said(content, at, algorithm)
    signer = _signer(said, leaf, at, odd)
    listed = [asn1.Certificate.load(der) for der in (leaf.der, *odd.more) if not odd.bare]
    signed = cms.SignedData(
        {
            "version": odd.version,
            "digest_algorithms": [algos.DigestAlgorithm({"algorithm": "sha256"})],
            "encap_content_info": {
                "content_type": "tst_info",
                "content": core.ParsableOctetString(said),
            },
            "certificates": listed,
            "signer_infos": [signer] * odd.signers,
        }
    )
    status: dict[str, Any] = {"status": odd.status}
    if odd.words:
        status["status_string"] = [odd.words]
    response = tsp.TimeStampResp(
        {"status": status, "time_stamp_token": {"content_type": "signed_data", "content": signed}}
    )
    return bytes(response.dump())


def _said(content: bytes, at: datetime, algorithm: str) -> bytes:
    imprint = {
        "hash_algorithm": algos.DigestAlgorithm({"algorithm": algorithm}),
        "hashed_message": hashlib.new(algorithm, content).digest(),
    }
    said = tsp.TSTInfo(
        {
            "version": "v1",
            "policy": "1.2.3.4.1",
            "message_imprint": imprint,
            "serial_number": 7,
            "gen_time": at,
        }
    )
    return bytes(said.dump())


def _signer(said: bytes, leaf: pki.Issued, at: datetime, odd: Odd) -> cms.SignerInfo:
    assert isinstance(leaf.key, ec.EllipticCurvePrivateKey)
    own = asn1.Certificate.load(leaf.der)
    issuer = own.issuer
    if odd.loosely:
        issuer = asn1.Name.build(own.issuer.native, use_printable=True)
    digest = odd.digest or hashlib.sha256(said).digest()
    mark = tsp.ESSCertIDv2({"cert_hash": hashlib.sha256(leaf.der).digest()})
    attributes = cms.CMSAttributes(
        [
            {"type": "content_type", "values": ["tst_info"]},
            {"type": "signing_time", "values": [cms.Time({"utc_time": at})]},
            {"type": "message_digest", "values": [digest]},
            {"type": "signing_certificate_v2", "values": [{"certs": [mark]}]},
        ]
    )
    sig = leaf.key.sign(attributes.dump(), ec.ECDSA(SHA256(), deterministic_signing=True))
    made: dict[str, Any] = {
        "version": odd.signer_version,
        "sid": {"issuer_and_serial_number": {"issuer": issuer, "serial_number": own.serial_number}},
        "digest_algorithm": {"algorithm": "sha256"},
        "signed_attrs": attributes,
        "signature_algorithm": {"algorithm": odd.algorithm},
        "signature": sig,
    }  # fmt: skip
    if odd.unsigned:
        kind = "1.2.840.113549.1.9.16.2.99"
        made["unsigned_attrs"] = [{"type": kind, "values": [core.OctetString(odd.unsigned)]}]
    return cms.SignerInfo(made)
