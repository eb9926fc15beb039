# SPDX-License-Identifier: Apache-2.0
"""Trust documents: root, policy and state, each a DSSE envelope with several signatures.

The rules are The Update Framework's (TUF specification §5.3 and §6.1), the form is plain DSSE:
thresholds count distinct principals of a role, a root is followed by the next version only, and
that one is signed under the thresholds of both.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from hubpolicy.core import dsse, keys, strictjson, times
from hubpolicy.core.fields import Fields
from hubpolicy.core.root_document import parse_root_fields, require_usable, root_fields
from hubpolicy.core.state_terms import parse_minimum, parse_older, require_older, terms_fields
from hubpolicy.domain.trust import State, Trust, TrustRoot
from hubpolicy.errors import ConfigError, MalformedError, VerificationError

if TYPE_CHECKING:
    from collections.abc import Iterable

ROOT_TYPE = "application/vnd.hubpolicy.root.v1+json"
POLICY_TYPE = "application/vnd.hubpolicy.policy.v1+json"
STATE_TYPE = "application/vnd.hubpolicy.state.v1+json"

STATE_SCHEMA = "hubpolicy/state/1"

MOST_STATE_DAYS = 31
"""How far ahead a team's state may end: so long can it be kept from somebody."""

_BYTES_LIMIT = 4 * 1024 * 1024
_SKEW_SECONDS = 86400


# Making --------------------------------------------------------------------------------------


def make_document(payload: bytes, payload_type: str, signers: Iterable[dsse.SigningKey]) -> bytes:
    """Sign a payload with one or more keys; one line of compact JSON."""
    message = dsse.pae(payload_type, payload)
    signatures = tuple(dsse.Signature(s.keyid, s.sign(message)) for s in signers)
    return strictjson.canonical(
        dsse.make_envelope(dsse.Envelope(payload, payload_type, signatures))
    )


def add_signature(raw: bytes, payload_type: str, signer: dsse.SigningKey, *, where: str) -> bytes:
    """The document with one more signature; one of the same key is replaced.

    Raises:
        MalformedError: ``raw`` is no such document.

    """
    envelope = open_document(raw, payload_type, where=where)
    sig = signer.sign(dsse.pae(payload_type, envelope.payload))
    others = tuple(s for s in envelope.signatures if s.keyid != signer.keyid)
    signatures = (*others, dsse.Signature(signer.keyid, sig))
    return strictjson.canonical(dsse.make_envelope(envelope._replace(signatures=signatures)))


def root_payload(root: TrustRoot, *, previous: str = "") -> bytes:
    """The bytes of a root to sign. ``previous`` is the payload digest of the one before it.

    Raises:
        ConfigError: nobody could use such a root.

    """
    payload = strictjson.canonical({**root_fields(root), "previous": previous})
    parse_root(payload, where="the root to sign")
    require_usable(root)
    return payload


def state_payload(state: State) -> bytes:
    """The bytes of a state to sign.

    Raises:
        ConfigError: nobody could use such a state.

    """
    fields: dict[str, object] = {
        "schema": STATE_SCHEMA,
        "version": state.version,
        "expires": state.expires,
        "policy": {"version": state.policy_version, "digest": {"sha256": state.policy_sha256}},
        "revokedKeys": sorted(state.revoked_keys),
        "revokedPayloads": sorted(state.revoked_payloads),
        "revokedFiles": sorted(state.revoked_files),
        **terms_fields(state.minimum_version, state.older_policies),
    }
    payload = strictjson.canonical(fields)
    parse_state(payload, where="the state to sign")
    return payload


# Verifying -----------------------------------------------------------------------------------


def verify_trust(
    roots: tuple[bytes, ...],
    state: bytes,
    *,
    pin: str,
    now: str,
    seen: tuple[int, int] = (0, 0),
    revoked: frozenset[str] = frozenset(),
) -> Trust:
    """The trust that a pinned root leads to.

    ``pin`` is the payload digest of the first root; ``seen`` are the highest root and state
    versions that this client remembers, to be raised only after everything else held; ``revoked``
    are the keys that it knows to be revoked.

    1. The first root is the pinned one, signed under its own threshold.
    2. Each next root is version + 1, names the one before, and is signed under both thresholds.
    3. The last root has not expired and is not older than the one seen.
    4. The state is signed under the last root, has not expired, and is not older than seen.

    Raises:
        ConfigError: a document is missing, malformed or expired.
        VerificationError: a pin, threshold, version or link does not hold.

    """
    root = verify_roots(roots, pin=pin)[-1]
    _require_fresh("trust root", root.expires, now, root.version, seen[0])
    value = verify_state(state, root, revoked=revoked)
    _require_fresh("trust state", value.expires, now, value.version, seen[1])
    return Trust(root, value)


def verify_roots(roots: tuple[bytes, ...], *, pin: str) -> tuple[TrustRoot, ...]:
    """Steps 1 and 2 of :func:`verify_trust`: every root of the chain, the pinned one first.

    Raises:
        ConfigError: there is none, or one is malformed.
        VerificationError: a pin, threshold, version or link does not hold.

    """
    if not roots:
        message = "got no trust root, expected at least the pinned one"
        raise ConfigError(message, hint="hubpolicy init, or hubpolicy trust pin")
    chain = [_first_root(roots[0], pin)]
    for number, raw in enumerate(roots[1:], start=2):
        chain.append(_next_root(raw, chain[-1], f"trust root {number} of the chain"))
    return tuple(chain)


def verify_state(
    raw: bytes,
    root: TrustRoot,
    *,
    where: str = "the trust state",
    revoked: frozenset[str] = frozenset(),
) -> State:
    """The state, signed under the root's role ``state``; its expiry is the caller's to judge.

    Signatures by ``revoked`` keys do not count: those that an earlier state revokes. What the
    state itself revokes may still have signed it.

    Raises:
        ConfigError: malformed.
        VerificationError: too few signatures.

    """
    envelope = _open_config(raw, STATE_TYPE, where)
    _require_signed(envelope, root, "state", where, revoked)
    return parse_state(envelope.payload, where=where)


def require_near_end(state: State, root: TrustRoot, now: str, *, where: str) -> None:
    """Refuse a team's state that would hold for long: whoever stole its key could freeze it.

    One person's own state may live as long as its policy.

    Raises:
        VerificationError: it ends more than 31 days (and one for clocks) after ``now``.

    """
    left = times.seconds(state.expires) - times.seconds(now)
    if not root.solo and left > MOST_STATE_DAYS * 86400 + _SKEW_SECONDS:
        message = (
            f"got a trust state until {state.expires}, expected at most {MOST_STATE_DAYS} days "
            f"from {now}, in {where}"
        )
        hint = (
            "hubpolicy trust state renew makes one that ends; if nobody signed it, revoke the key"
        )
        raise VerificationError(message, hint=hint)


def verify_policy(
    raw: bytes, trust: Trust, *, sha256: str = "", where: str = "the policy"
) -> bytes:
    """The payload bytes of a policy, signed under the root's role ``policy``.

    ``sha256`` is the payload digest that was asked for; empty means the one that the state names
    as newest. Keys that the state revokes do not count.

    Raises:
        MalformedError: no policy document.
        VerificationError: another policy, or too few signatures.

    """
    envelope = open_document(raw, POLICY_TYPE, where=where)
    got, expected = _digest(envelope.payload), sha256 or trust.state.policy_sha256
    if got != expected:
        message = f"got policy {got}, expected {expected}, in {where}"
        raise VerificationError(message, hint="hubpolicy policy sign makes it the newest")
    _require_signed(envelope, trust.root, "policy", where, trust.state.revoked_keys)
    return envelope.payload


def open_document(raw: bytes, payload_type: str, *, where: str) -> dsse.Envelope:
    """Take a document apart; nothing is verified.

    Raises:
        MalformedError: no DSSE envelope of that type, or two signatures of one key id.

    """
    value = strictjson.parse(raw, what=where, limit=_BYTES_LIMIT)
    envelope = dsse.parse_envelope(value, payload_type=payload_type, where=where)
    keyids = [signature.keyid for signature in envelope.signatures]
    if len(set(keyids)) != len(keyids):
        message = f"got two signatures of one key id, expected one of each, in {where}"
        raise MalformedError(message)
    return envelope


def signers_of(
    envelope: dsse.Envelope, root: TrustRoot, role: str, *, where: str
) -> frozenset[str]:
    """Principals of the role whose signature holds, each once however many keys they used.

    Signatures by keys that the root does not know are passed over: in a rotation they belong to
    the root before or after.

    Raises:
        VerificationError: a signature under a known key does not hold.

    """
    holders = root.role(role)
    message = dsse.pae(envelope.payload_type, envelope.payload)
    signed = set()
    for keyid, sig in envelope.signatures:
        key = root.key(keyid)
        if key is None or holders is None or key.principal not in holders.principals:
            continue
        if not keys.verify_signature(key.pem, sig, message, where=where):
            text = f"the signature of {key.principal} does not hold, in {where}"
            raise VerificationError(text, hint="get the document again from its source")
        signed.add(key.principal)
    return frozenset(signed)


# Parsing -------------------------------------------------------------------------------------


def parse_root(payload: bytes, *, where: str = "the trust root") -> TrustRoot:
    """Payload bytes to a root that can be used; its signatures are not looked at.

    Raises:
        ConfigError: malformed, a key id that is not its key's, a role nobody can fill, or a
            claim to be solo (or not) that the principals belie.

    """
    return _parse_root(payload, where)[0]


def parse_state(payload: bytes, *, where: str = "the trust state") -> State:
    """Payload bytes to a state; its signatures are not looked at.

    Raises:
        ConfigError: malformed.

    """
    try:
        fields = Fields(strictjson.parse(payload, what=where, limit=_BYTES_LIMIT), where)
        fields.one_of("schema", (STATE_SCHEMA,))
        policy = fields.object("policy")
        state = State(
            version=fields.count("version", low=1),
            expires=fields.instant("expires"),
            policy_version=policy.count("version", low=1),
            policy_sha256=policy.digest(),
            revoked_keys=fields.hexdigests("revokedKeys"),
            revoked_payloads=fields.hexdigests("revokedPayloads"),
            revoked_files=fields.hexdigests("revokedFiles"),
            minimum_version=parse_minimum(fields),
            older_policies=parse_older(fields),
        )
        policy.done()
        require_older(state, fields)
        fields.done()
    except MalformedError as error:
        raise ConfigError(error.message, hint="hubpolicy policy sign renews it") from error
    return state


def _parse_root(payload: bytes, where: str) -> tuple[TrustRoot, str]:
    """The root, and the payload digest of the one before it."""
    try:
        fields = Fields(strictjson.parse(payload, what=where, limit=_BYTES_LIMIT), where)
        root = parse_root_fields(fields, _digest(payload))
        previous = fields.text("previous")
        fields.done()
    except MalformedError as error:
        raise ConfigError(error.message, hint="hubpolicy trust show") from error
    return root, previous


# Chains and thresholds -----------------------------------------------------------------------


def _first_root(raw: bytes, pin: str) -> TrustRoot:
    where = "the pinned trust root"
    envelope = _open_config(raw, ROOT_TYPE, where)
    got = _digest(envelope.payload)
    if got != pin:
        message = f"got trust root {got}, expected the pinned {pin}"
        raise VerificationError(message, hint="hubpolicy trust pin, with a digest you were told")
    root = parse_root(envelope.payload, where=where)
    _require_signed(envelope, root, "root", where)
    return root


def _next_root(raw: bytes, root: TrustRoot, where: str) -> TrustRoot:
    envelope = _open_config(raw, ROOT_TYPE, where)
    _require_signed(envelope, root, "root", where)
    following, previous = _parse_root(envelope.payload, where)
    if following.version != root.version + 1 or previous != root.sha256:
        message = f"got version {following.version} after {previous or 'none'}"
        expected = f"version {root.version + 1} after {root.sha256}"
        text = f"{message}, expected {expected}, in {where}"
        raise VerificationError(text, hint="every root in between is needed, in order")
    _require_signed(envelope, following, "root", where)
    return following


def _require_signed(
    envelope: dsse.Envelope,
    root: TrustRoot,
    role: str,
    where: str,
    revoked: frozenset[str] = frozenset(),
) -> None:
    counted = tuple(s for s in envelope.signatures if s.keyid not in revoked)
    signed = signers_of(envelope._replace(signatures=counted), root, role, where=where)
    holders = root.role(role)
    threshold = holders.threshold if holders is not None else 1
    if len(signed) < threshold:
        gone = len(envelope.signatures) - len(counted)
        note = f", {gone} more by revoked keys" if gone else ""
        message = f"got {len(signed)} of {threshold} signatures of role {role}{note}, in {where}"
        raise VerificationError(message, hint="hubpolicy trust show lists who can sign")


def _require_fresh(name: str, expires: str, now: str, version: int, seen: int) -> None:
    # A date is the last day on which it holds; an instant is the last second.
    if expires < now[: len(expires)]:
        message = f"the {name} expired on {expires}, it is {now}"
        raise ConfigError(message, hint="hubpolicy trust show names who can renew it")
    if version < seen:
        message = f"got version {version} of the {name}, expected at least {seen}, as seen before"
        raise VerificationError(message, hint="somebody serves an old one: get the newest")


def _open_config(raw: bytes, payload_type: str, where: str) -> dsse.Envelope:
    try:
        return open_document(raw, payload_type, where=where)
    except MalformedError as error:
        raise ConfigError(error.message, hint="hubpolicy trust show") from error


def _digest(payload: bytes) -> str:
    return hashlib.sha256(payload).hexdigest()
