# SPDX-License-Identifier: Apache-2.0
"""Trust documents that still gather signatures, and who of whom has signed them.

A pending document is the DSSE envelope that it will be once it is published; only here may it have
no signature yet. Nothing that is pending is ever trusted: consumers do not read it.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

from hubpolicy.core import dsse, strictjson
from hubpolicy.core.documents import (
    POLICY_TYPE,
    ROOT_TYPE,
    STATE_TYPE,
    parse_root,
    parse_state,
    signers_of,
)
from hubpolicy.core.fields import Fields
from hubpolicy.core.policy import parse_policy
from hubpolicy.errors import ConfigError, MalformedError, VerificationError

if TYPE_CHECKING:
    from hubpolicy.domain.trust import TrustRoot

TYPES = {"root": ROOT_TYPE, "policy": POLICY_TYPE, "state": STATE_TYPE}
"""Kind of document to DSSE payload type, in the order in which they are published."""

FOLDER = "pending/"
_BYTES_LIMIT = 4 * 1024 * 1024


class Pending(NamedTuple):
    """One document in the making."""

    kind: str
    version: int
    envelope: dsse.Envelope

    @property
    def path(self) -> str:
        """Where it lies in the trust folder."""
        return f"{FOLDER}{self.kind}-{self.version}.json"

    @property
    def sha256(self) -> str:
        """Hex sha256 of the payload: what people compare when they talk about it."""
        return hashlib.sha256(self.envelope.payload).hexdigest()


class Count(NamedTuple):
    """How far a document is under one root: names of principals."""

    root: int
    role: str
    threshold: int
    signed: frozenset[str]
    missing: frozenset[str]

    @property
    def complete(self) -> bool:
        """True once enough people have signed."""
        return len(self.signed) >= self.threshold


def propose(kind: str, payload: bytes, signatures: tuple[dsse.Signature, ...] = ()) -> Pending:
    """A new pending document; ``signatures`` are those that already hold over the same payload.

    Raises:
        ConfigError: nobody could use such a document.

    """
    return _pending(kind, dsse.Envelope(payload, TYPES[kind], signatures), f"the {kind} to sign")


def parse_pending(kind: str, raw: bytes, *, where: str) -> Pending:
    """Take a pending file apart; no signature is verified.

    Raises:
        ConfigError: no such envelope, or a payload that nobody could use.

    """
    try:
        fields = Fields(strictjson.parse(raw, what=where, limit=_BYTES_LIMIT), where)
        if fields.raw("signatures") == []:
            fields.one_of("payloadType", (TYPES[kind],))
            payload = dsse.decode_base64(fields.raw("payload"), where=where)
            fields.done()
            return _pending(kind, dsse.Envelope(payload, TYPES[kind], ()), where)
        value = strictjson.parse(raw, what=where, limit=_BYTES_LIMIT)
        envelope = dsse.parse_envelope(value, payload_type=TYPES[kind], where=where)
    except MalformedError as error:
        hint = "get it again from where it was prepared"
        raise ConfigError(error.message, hint=hint) from error
    if len({s.keyid for s in envelope.signatures}) != len(envelope.signatures):
        message = f"got two signatures of one key id, expected one of each, in {where}"
        raise ConfigError(
            message, hint=f"hubpolicy trust sign, after removing one of them; {where}"
        )
    return _pending(kind, envelope, where)


def pending_bytes(pending: Pending) -> bytes:
    """The content of its file: what it will be published as, too."""
    return strictjson.canonical(dsse.make_envelope(pending.envelope))


def signed_by(pending: Pending, signer: dsse.SigningKey) -> Pending:
    """The document with one more signature; one of the same key is replaced."""
    envelope = pending.envelope
    sig = signer.sign(dsse.pae(envelope.payload_type, envelope.payload))
    others = tuple(s for s in envelope.signatures if s.keyid != signer.keyid)
    signatures = (*others, dsse.Signature(signer.keyid, sig))
    return pending._replace(envelope=envelope._replace(signatures=signatures))


def count(
    pending: Pending, root: TrustRoot, revoked: frozenset[str] = frozenset(), *, role: str = ""
) -> Count:
    """Who of those that the root names has signed; each person once, however many keys they used.

    ``revoked`` keys do not count.

    Raises:
        VerificationError: a signature under a known key does not hold.

    """
    name = role or pending.kind
    holders = root.role(name)
    people = frozenset() if holders is None else holders.principals
    counted = tuple(s for s in pending.envelope.signatures if s.keyid not in revoked)
    envelope = pending.envelope._replace(signatures=counted)
    signed = signers_of(envelope, root, name, where=pending.path)
    able = {key.principal for key in root.keys if key.keyid not in revoked}
    threshold = 1 if holders is None else holders.threshold
    return Count(root.version, name, threshold, signed, (people & able) - signed)


def refuse_foreign(pending: Pending, roots: tuple[TrustRoot, ...]) -> None:
    """A signature by a key that neither root knows has no business here.

    Raises:
        VerificationError: there is one.

    """
    for keyid, _ in pending.envelope.signatures:
        if not any(root.key(keyid) for root in roots):
            message = f"got a signature by key {keyid[:64]!r}, which the root does not know"
            text = f"{message}, in {pending.path}"
            raise VerificationError(text, hint=f"get {pending.path} again, or remove it")


def _pending(kind: str, envelope: dsse.Envelope, where: str) -> Pending:
    if kind == "root":
        version = parse_root(envelope.payload, where=where).version
    elif kind == "policy":
        version = parse_policy(envelope.payload, where=where).version
    else:
        version = parse_state(envelope.payload, where=where).version
    return Pending(kind, version, envelope)
