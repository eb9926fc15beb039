# SPDX-License-Identifier: Apache-2.0
"""Sigstore Bundle v0.3 with a public key hint and exactly one signature (protobuf-specs).

One bundle is one signer; "k of n" is k bundles. Nothing in here is trusted: the hint selects a
key of the trust root, and only a signature that holds under that key proves anything.
"""

from __future__ import annotations

from typing import NamedTuple

from hubpolicy.core import strictjson
from hubpolicy.core.dsse import (
    Envelope,
    Signature,
    SigningKey,
    make_envelope,
    pae,
    parse_envelope,
)
from hubpolicy.core.fields import Fields
from hubpolicy.domain.statement import PAYLOAD_TYPE
from hubpolicy.errors import MalformedError

MEDIA_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"


class Bundle(NamedTuple):
    """The parts of a bundle: payload bytes, DER signature, key hint (hex sha256 of PEM SPKI)."""

    payload: bytes
    signature: bytes
    hint: str


def parse_bundle(raw: bytes, *, where: str) -> Bundle:
    """Take a bundle apart. ``where`` names it in messages.

    Raises:
        MalformedError: anything but a v0.3 bundle with a key hint, an in-toto payload and one
            signature; certificates and log entries included, since nobody here checks them.

    """
    fields = Fields(strictjson.parse(raw, what=where), where)
    fields.one_of("mediaType", (MEDIA_TYPE,))
    hint = _hint(fields.object("verificationMaterial"))
    content = fields.raw("dsseEnvelope")
    fields.done()
    envelope = parse_envelope(content, payload_type=PAYLOAD_TYPE, where=where)
    if len(envelope.signatures) != 1:
        message = f"got {len(envelope.signatures)} signatures, expected exactly 1, in {where}"
        raise MalformedError(message, hint="write one bundle per signer, one per line")
    (signature,) = envelope.signatures
    if signature.keyid not in ("", hint):
        message = f"got keyid {signature.keyid[:80]!r}, expected the hint {hint!r}, in {where}"
        raise MalformedError(message)
    return Bundle(envelope.payload, signature.sig, hint)


def make_bundle(payload: bytes, signer: SigningKey) -> bytes:
    """Sign payload bytes; one line of compact JSON without a line break."""
    signature = Signature(signer.keyid, signer.sign(pae(PAYLOAD_TYPE, payload)))
    return strictjson.canonical(
        {
            "mediaType": MEDIA_TYPE,
            "verificationMaterial": {"publicKey": {"hint": signer.keyid}, "tlogEntries": []},
            "dsseEnvelope": make_envelope(Envelope(payload, PAYLOAD_TYPE, (signature,))),
        }
    )


def _hint(material: Fields) -> str:
    key = material.object("publicKey")
    hint = key.words("hint")
    if material.array("tlogEntries"):
        material.refuse("tlogEntries", "[]: log entries are not checked here")
    key.done()
    material.done()
    return hint
