# SPDX-License-Identifier: Apache-2.0
"""Dead Simple Signing Envelope v1 (secure-systems-lab/dsse, protocol.md and envelope.md)."""

from __future__ import annotations

from binascii import Error as Base64Error
from binascii import a2b_base64, b2a_base64
from typing import Protocol

from hubpolicy.core.fields import Fields
from hubpolicy.domain.named import NamedTuple
from hubpolicy.errors import MalformedError


class SigningKey(Protocol):
    """What making an envelope takes of a signer (``ports.Signer`` is one)."""

    @property
    def keyid(self) -> str:
        """Hex sha256 over the PEM SPKI text."""

    def sign(self, message: bytes) -> bytes:
        """Sign the bytes: DER ECDSA P-256 over SHA-256."""


class Signature(NamedTuple):
    """One signature over the pre-authentication encoding. ``keyid`` is a hint, never trusted."""

    keyid: str
    sig: bytes


class Envelope(NamedTuple):
    """Raw payload bytes, their media type and who claims to have signed them."""

    payload: bytes
    payload_type: str
    signatures: tuple[Signature, ...]


def pae(payload_type: str, payload: bytes) -> bytes:
    """Pre-authentication encoding: what is signed. Lengths count bytes, also of the type."""
    kind = payload_type.encode("utf-8")
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def make_envelope(envelope: Envelope) -> dict[str, object]:
    """The JSON object of an envelope."""
    signatures = [{"keyid": s.keyid, "sig": encode_base64(s.sig)} for s in envelope.signatures]
    return {
        "payload": encode_base64(envelope.payload),
        "payloadType": envelope.payload_type,
        "signatures": signatures,
    }


def parse_envelope(value: object, *, payload_type: str, where: str) -> Envelope:
    """Read the JSON object of an envelope whose payload must be of that type.

    Raises:
        MalformedError: other fields, another type, no signature, or base64 that is not the one
            canonical text of its bytes.

    """
    fields = Fields(value, where)
    fields.one_of("payloadType", (payload_type,))
    payload = decode_base64(fields.raw("payload"), where=f"the payload of {where}")
    signatures = tuple(_signature(item) for item in fields.objects("signatures"))
    if not signatures:
        fields.refuse("signatures", "at least one signature")
    fields.done()
    return Envelope(payload, payload_type, signatures)


def encode_base64(raw: bytes) -> str:
    """Standard alphabet, padded, no line breaks (RFC 4648 §4)."""
    return b2a_base64(raw, newline=False).decode("ascii")


def decode_base64(text: object, *, where: str) -> bytes:
    """Decode what :func:`encode_base64` would write, and nothing else.

    Raises:
        MalformedError: no string, another alphabet, white space, missing padding, stray bits.

    """
    if isinstance(text, str):
        try:
            raw = a2b_base64(text, strict_mode=True)
        except (Base64Error, ValueError):
            raw = b""
        # In strict mode nothing is skipped, so each group of four letters has one reading, but for
        # the stray bits of the last one: only that is written again.
        if raw and len(text) == (len(raw) + 2) // 3 * 4:
            last = raw[(len(raw) - 1) // 3 * 3 :]
            if text.endswith(encode_base64(last)):
                return raw
    message = f"got text that is not strict base64 of at least one byte, in {where}"
    raise MalformedError(message)


def _signature(fields: Fields) -> Signature:
    keyid = fields.text("keyid") if fields.has("keyid") else ""
    signature = Signature(keyid, decode_base64(fields.raw("sig"), where=fields.where))
    fields.done()
    return signature
