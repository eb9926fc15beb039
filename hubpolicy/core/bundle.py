# SPDX-License-Identifier: Apache-2.0
"""Sigstore Bundle v0.3 with exactly one signature (protobuf-specs, sigstore_bundle.proto).

One bundle is one signer; "k of n" is k bundles. What may verify it comes in three forms: the hint
of a public key, an X.509 chain, or a keyless certificate with log entries. Nothing in here is
trusted: it selects a signer of the trust root, and only a signature that holds proves anything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

from hubpolicy.core import bulk, strictjson
from hubpolicy.core.dsse import (
    Envelope,
    Signature,
    SigningKey,
    decode_base64,
    encode_base64,
    make_envelope,
    pae,
    parse_envelope,
)
from hubpolicy.core.fields import Fields
from hubpolicy.core.log_entries import require_entry
from hubpolicy.domain.named import NamedTuple
from hubpolicy.domain.statement import PAYLOAD_TYPE
from hubpolicy.errors import MalformedError

if TYPE_CHECKING:
    from collections.abc import Mapping

MEDIA_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"


_MOST_CERTIFICATES = 8
_MOST_TIMESTAMPS = 4
_MOST_ENTRIES = 4
_PART_BYTES = 64 * 1024


class Bundle(NamedTuple):
    """The parts of a bundle: payload bytes, DER signature, and who is said to have made it.

    ``hint``: hex sha256 of the PEM SPKI of a plain key, else "". ``certificates``: DER, the leaf
    first. ``logged``: a keyless certificate, proven by log entries. ``timestamps``: DER time-stamp
    responses (RFC 3161 §2.4.2) over the signature.
    """

    payload: bytes
    signature: bytes
    hint: str
    certificates: tuple[bytes, ...] = ()
    logged: bool = False
    timestamps: tuple[bytes, ...] = ()


@runtime_checkable
class Sealing(Protocol):
    """A signer whose bundles hold more than the hint of a key: certificates, log entries."""

    @property
    def names(self) -> tuple[str, ...]:
        """What its certificate says, as :class:`~hubpolicy.domain.trust.Member` spells it."""

    def seal(self, payload: bytes) -> bytes:
        """The bundle of a payload, one line of compact JSON."""


def parse_bundle(raw: bytes, *, where: str) -> Bundle:
    """Take a bundle apart. ``where`` names it in messages.

    Raises:
        MalformedError: anything but a v0.3 bundle with one of the three forms, an in-toto payload
            and one signature; log entries beside a key or a chain included, since nobody checks
            them there.

    """
    fields = Fields(bulk.parse_envelope(raw, what=where), where)
    fields.one_of("mediaType", (MEDIA_TYPE,))
    material = _material(fields.object("verificationMaterial"))
    content = fields.raw("dsseEnvelope")
    fields.done()
    envelope = parse_envelope(
        content, payload_type=PAYLOAD_TYPE, where=f"'dsseEnvelope' of {where}"
    )
    if len(envelope.signatures) != 1:
        message = f"got {len(envelope.signatures)} signatures, expected exactly 1, in {where}"
        raise MalformedError(message, hint="write one bundle per signer, one per line")
    (signature,) = envelope.signatures
    if signature.keyid not in ("", material.hint):
        got, expected = repr(signature.keyid[:80]), repr(material.hint)
        message = f"got keyid {got}, expected the hint {expected}, in {where}"
        raise MalformedError(message)
    return material._replace(payload=envelope.payload, signature=signature.sig)


def make_bundle(payload: bytes, signer: SigningKey) -> bytes:
    """Sign payload bytes; one line of compact JSON without a line break."""
    if isinstance(signer, Sealing):
        return signer.seal(payload)
    signature = Signature(signer.keyid, signer.sign(pae(PAYLOAD_TYPE, payload)))
    return _bundle({"publicKey": {"hint": signer.keyid}}, payload, signature)


def make_chain_bundle(payload: bytes, sig: bytes, chain: tuple[bytes, ...]) -> bytes:
    """A bundle with an X.509 chain (DER, leaf first), as Model Signing v1.0 writes it."""
    certificates = [{"rawBytes": encode_base64(der)} for der in chain]
    material = {"x509CertificateChain": {"certificates": certificates}}
    return _bundle(material, payload, Signature("", sig))


def add_timestamp(raw: bytes, token: bytes, *, where: str) -> bytes:
    """The bundle with one more time-stamp response (DER); its payload and signature stay.

    Raises:
        MalformedError: ``raw`` is no bundle.

    """
    parse_bundle(raw, where=where)
    value = strictjson.parse(raw, what=where)
    stamps = value["verificationMaterial"].setdefault("timestampVerificationData", {})
    stamps.setdefault("rfc3161Timestamps", []).append({"signedTimestamp": encode_base64(token)})
    return strictjson.canonical(value)


def _bundle(material: Mapping[str, object], payload: bytes, signature: Signature) -> bytes:
    return strictjson.canonical(
        {
            "mediaType": MEDIA_TYPE,
            "verificationMaterial": {**material, "tlogEntries": []},
            "dsseEnvelope": make_envelope(Envelope(payload, PAYLOAD_TYPE, (signature,))),
        }
    )


def _material(fields: Fields) -> Bundle:
    """Who signed, in one of the three forms; payload and signature are still empty."""
    bundle = Bundle(b"", b"", "", timestamps=_timestamps(fields))
    entries = fields.array("tlogEntries")
    if fields.has("certificate"):
        leaf = fields.object("certificate")
        bundle = bundle._replace(certificates=(_part(leaf, "rawBytes"),), logged=True)
        leaf.done()
        if not 0 < len(entries) <= _MOST_ENTRIES:
            fields.refuse("tlogEntries", "log entries: only they prove a keyless certificate")
        for entry in fields.objects("tlogEntries"):
            require_entry(entry)
    elif entries:
        fields.refuse("tlogEntries", "[]: log entries are not checked here")
    elif fields.has("x509CertificateChain"):
        bundle = bundle._replace(certificates=_chain(fields.object("x509CertificateChain")))
    else:
        key = fields.object("publicKey")
        bundle = bundle._replace(hint=key.words("hint"))
        key.done()
    fields.done()
    return bundle


def _chain(fields: Fields) -> tuple[bytes, ...]:
    certificates = fields.objects("certificates")
    if not 0 < len(certificates) <= _MOST_CERTIFICATES:
        fields.refuse("certificates", f"1 to {_MOST_CERTIFICATES} certificates, the leaf first")
    found = tuple(_part(certificate, "rawBytes") for certificate in certificates)
    for certificate in certificates:
        certificate.done()
    fields.done()
    return found


def _timestamps(fields: Fields) -> tuple[bytes, ...]:
    if not fields.has("timestampVerificationData"):
        return ()
    data = fields.object("timestampVerificationData")
    tokens = data.objects("rfc3161Timestamps") if data.has("rfc3161Timestamps") else []
    if len(tokens) > _MOST_TIMESTAMPS:
        data.refuse("rfc3161Timestamps", f"at most {_MOST_TIMESTAMPS} timestamps")
    found = tuple(_part(token, "signedTimestamp") for token in tokens)
    for token in tokens:
        token.done()
    data.done()
    return found


def _part(fields: Fields, name: str) -> bytes:
    part = decode_base64(fields.raw(name), where=f"{name!r} of {fields.where}")
    if len(part) > _PART_BYTES:
        fields.refuse(name, f"at most {_PART_BYTES} bytes")
    return part
