# SPDX-License-Identifier: Apache-2.0
"""Whose signature a bundle claims to be, as the trust root has it: key, certificate or identity.

A signatory is a P-256 key and who holds it. That the signature holds under that key is for
``core/verify.py`` to check, in the same way for all three.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.core import keys, times
from hubpolicy.domain.named import NamedTuple
from hubpolicy.domain.trust import Key
from hubpolicy.errors import HubpolicyError, UnsupportedError, VerificationError

if TYPE_CHECKING:
    from hubpolicy.core.bundle import Bundle
    from hubpolicy.core.dsse import SigningKey
    from hubpolicy.domain.certified import Identity
    from hubpolicy.domain.trust import Trust, TrustRoot

SKEW_SECONDS = 300

_HINT = "hubpolicy trust show lists who may sign"
STRANGER = (
    "hubpolicy trust show lists the keys; to follow whose it is: "
    "hubpolicy trust pin SOURCE --sha256 HEX"
)
"""What to do about a key that the trust root does not know."""


class RefusedError(VerificationError):
    """A verification error that knows which rule's finding it is."""

    def __init__(self, message: str, rule: str, hint: str) -> None:
        super().__init__(message, hint=hint, rule=rule)


class Stamp(NamedTuple):
    """Proof of time: the authority's name and the moment, ISO 8601 UTC."""

    authority: str
    time: str


class Signatory(NamedTuple):
    """The key to check with, and everything by which this signer could be revoked.

    ``key.keyid`` is what statements by this signer are told apart by: of a keyless signer the
    identity's, since every signature has a key of its own. ``stamps``: who, of those that such a
    signature needs, says when it was made; earliest first.
    """

    key: Key
    revocable: frozenset[str]
    stamps: tuple[Stamp, ...] = ()


def proven_times(bundle: Bundle, trust: Trust, *, now: str, where: str) -> tuple[Stamp, ...]:
    """What the timestamps of a bundle prove. Most have none, and the hook counts milliseconds.

    Raises:
        RefusedError: HP311, one of them does not hold.

    """
    if not bundle.timestamps:
        return ()
    from hubpolicy.core.timestamps import verify_stamps

    return verify_stamps(bundle, trust.root.time_authorities, now=now, where=where)


def signing_time(stamps: tuple[Stamp, ...], now: str) -> str:
    """The moment at which a certificate must have been valid: the proven one, else now."""
    return stamps[0].time if stamps else now


def find_signatory(raw: bytes, bundle: Bundle, trust: Trust, *, at: str, where: str) -> Signatory:
    """Select the signer. ``raw`` is the bundle's own text; chains must be valid ``at`` (ISO UTC).

    What the trust root has no use for is refused unread: a form of which it names nobody.

    Raises:
        RefusedError: HP302, nobody of the trust root; HP306, logged in the future.
        MalformedError: a certificate that does not parse, or of another kind of key.

    """
    if bundle.logged:
        return _keyless(raw, bundle, trust, at, where)
    if bundle.certificates:
        return _certified(bundle.certificates, trust, at, where)
    key = trust.root.key(bundle.hint)
    if key is None or keys.keyid_of(key.pem) != bundle.hint:
        message = f"got key {bundle.hint[:64]!r}, expected one of the trust root, in {where}"
        raise RefusedError(message, "HP302", STRANGER)
    return Signatory(key, frozenset({key.keyid}))


def principal_at_hand(signer: SigningKey, root: TrustRoot) -> str:
    """Whose key is at hand, by the trust root's word; empty for a stranger's."""
    from hubpolicy.core.bundle import Sealing

    key = root.key(signer.keyid)
    if key is not None:
        return key.principal
    identity = next((each for each in root.identities if each.keyid == signer.keyid), None)
    if identity is not None:
        return identity.principal
    names = signer.names if isinstance(signer, Sealing) else ()
    people = {
        member.principal
        for authority in root.authorities
        for member in authority.members
        if member.name in names
    }
    return people.pop() if len(people) == 1 else ""


def _certified(chain: tuple[bytes, ...], trust: Trust, at: str, where: str) -> Signatory:
    """The one authority that both knows a name of the leaf and is the root of its chain."""
    if not trust.root.authorities:
        message = f"got a certificate, and the trust root pins no authority, in {where}"
        raise RefusedError(message, "HP302", _HINT)
    from hubpolicy.core.certificates import read_leaf, verify_chain
    from hubpolicy.domain.certified import name_id

    leaf = read_leaf(chain[0], where=where)
    refusal = f"got a certificate of {_shown(leaf.names)}, whom no authority may certify"
    for authority in trust.root.authorities:
        people = {m.principal for m in authority.members if m.name in leaf.names}
        if not people:
            continue
        if len(people) > 1:
            refusal = f"got a certificate of {_shown(leaf.names)}, who are several people"
            break
        try:
            path = verify_chain(chain, authority.pem, at=at, where=where)
        except VerificationError as error:
            refusal = error.message.removesuffix(f", in {where}")
            continue
        key = Key(keys.keyid_of(leaf.pem), leaf.pem, people.pop())
        return Signatory(key, frozenset({*path, *map(name_id, leaf.names)}))
    message = f"{refusal}, in {where}"
    raise RefusedError(message, "HP302", _HINT)


def _keyless(raw: bytes, bundle: Bundle, trust: Trust, at: str, where: str) -> Signatory:
    """The first identity of the trust root that the witness proves, among those it names."""
    if not trust.root.identities:
        message = f"got a keyless signature, and the trust root names no identity, in {where}"
        raise RefusedError(message, "HP302", _HINT)
    from hubpolicy.core.certificates import read_leaf

    leaf = read_leaf(bundle.certificates[0], where=where)
    named = [each for each in trust.root.identities if _is_named(each, leaf.names)]
    refusal = f"got a keyless certificate of {_shown(leaf.names)}, expected one of the trust root"
    for identity in named:
        try:
            stamps = _witnessed(raw, identity, trust, where)
        except UnsupportedError:
            raise
        except HubpolicyError as error:
            refusal = error.message.removesuffix(f", in {where}")
            continue
        _check_not_ahead(stamps, at, where)
        key = Key(identity.keyid, leaf.pem, identity.principal)
        revocable = frozenset({identity.keyid, keys.keyid_of(leaf.pem)})
        return Signatory(key, revocable, stamps)
    message = f"{refusal}, in {where}"
    raise RefusedError(message, "HP302", _HINT)


def _witnessed(raw: bytes, identity: Identity, trust: Trust, where: str) -> tuple[Stamp, ...]:
    if trust.witness is None:
        message = f"nobody here can prove a keyless signature, in {where}"
        raise UnsupportedError(message, hint="pip install 'hubpolicy[keyless]'")
    text = dict(trust.root.trusted_roots)[identity.trusted_root]
    proven = trust.witness.witnessed(raw, identity, text, where=where)
    stamps = (Stamp(authority, time) for time, authority in sorted(proven))
    return tuple(stamps)


def _check_not_ahead(stamps: tuple[Stamp, ...], now: str, where: str) -> None:
    """What is logged in the future has no proven time: a clock is wrong, theirs or ours."""
    latest = stamps[-1]
    if times.seconds(latest.time) > times.seconds(now) + SKEW_SECONDS:
        message = f"got {latest.time} by {latest.authority}, expected none after {now}, in {where}"
        raise RefusedError(message, "HP306", "set the clock right and attest again")


def _is_named(identity: Identity, names: tuple[str, ...]) -> bool:
    return any(name.partition(":")[2] == identity.identity for name in names)


def _shown(names: tuple[str, ...]) -> str:
    return ", ".join(repr(name[:120]) for name in names[:4]) or "nobody"
