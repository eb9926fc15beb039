# SPDX-License-Identifier: Apache-2.0
"""Making and renewing what is trusted: root, policy, state, and the compiled gate (DESIGN.md §6).

Solo is the same three documents as a team's, one of one, and every report says "solo".
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

from hubpolicy.core.documents import (
    POLICY_TYPE,
    ROOT_TYPE,
    STATE_TYPE,
    make_document,
    open_document,
    parse_root,
    root_payload,
    state_payload,
    verify_policy,
    verify_state,
    verify_trust,
)
from hubpolicy.core.gatefile import GateMeta, make_gate
from hubpolicy.core.observing import require_end
from hubpolicy.core.policy import parse_policy
from hubpolicy.core.state_terms import require_day, succeeded
from hubpolicy.domain.trust import Key, Role, State, Trust, TrustRoot
from hubpolicy.errors import ConfigError

if TYPE_CHECKING:
    from hubpolicy.domain.policy import Policy
    from hubpolicy.ports import Signer

SOLO_ROLES = ("root", "policy", "state", "releaser", "checker", "approver:safety", "approver:legal")


class Founded(NamedTuple):
    """The three signed documents and the gate compiled from them, as file contents."""

    root: bytes
    policy: bytes
    state: bytes
    gate: bytes


def found_solo(
    signer: Signer,
    principal: str,
    policy: bytes,
    source_sha256: str,
    endpoints: tuple[str, ...],
    now: str,
) -> Founded:
    """Everything for one person. ``policy`` is the resolved payload."""
    value = parse_policy(policy)
    key = Key(signer.keyid, signer.public_pem, principal)
    approvers = (role.role for role in value.roles if role.role.startswith("approver:"))
    names = dict.fromkeys((*SOLO_ROLES, *approvers))
    root = TrustRoot(
        version=1,
        expires=value.expires,
        solo=True,
        keys=(key,),
        roles=tuple(Role(name, frozenset({principal}), 1) for name in names),
        sha256="",
    )
    payload = root_payload(root)
    document = make_document(payload, ROOT_TYPE, (signer,))
    return seal(signer, document, policy, None, GateMeta(source_sha256, endpoints), now)


def seal(
    signer: Signer,
    root: bytes,
    policy: bytes,
    previous: State | None,
    meta: GateMeta,
    now: str,
    *,
    older_until: str = "",
) -> Founded:
    """Sign a policy payload and the state that names it; verify all of it; compile the gate.

    ``previous`` is the state before: its revocations stay, its version goes up by one.
    ``older_until`` is the last day on which releases under its policy count; empty is none.

    Raises:
        ConfigError, VerificationError: the documents do not hold together, the policy has expired
            or is an older version (or, with ``older_until``, no later one), or the key at hand
            lacks the roles ``policy`` and ``state``.

    """
    value = parse_policy(policy)
    require_end(value, now)
    if value.expires < now[: len(value.expires)]:
        message = f"the policy expired on {value.expires}, it is {now}: it would judge nothing"
        raise ConfigError(message, hint="set a later `expires` in hubpolicy.toml, then sign again")
    if previous is not None and value.version < previous.policy_version:
        message = f"got policy version {value.version}, expected {previous.policy_version} or later"
        raise ConfigError(message, hint="raise `version` in hubpolicy.toml, then sign again")
    if older_until:
        _require_later(value, previous)
        require_day(older_until, value, now)
    state = _next_state(value, previous, older_until, now)
    root = _renewed_root(signer, root, value)
    signed_policy = make_document(policy, POLICY_TYPE, (signer,))
    signed_state = make_document(state_payload(state), STATE_TYPE, (signer,))
    return compile_gate(root, signed_policy, signed_state, meta, now)


def standing_state(root: bytes, state: bytes) -> State:
    """The last signed state, whose revocations the next one keeps; it may have expired.

    Raises:
        ConfigError, VerificationError: the documents do not hold together.

    """
    payload = open_document(root, ROOT_TYPE, where="the trust root").payload
    return verify_state(state, parse_root(payload))


def compile_gate(root: bytes, policy: bytes, state: bytes, meta: GateMeta, now: str) -> Founded:
    """Verify three documents and compile them. The root in the user's own folder is its own pin."""
    root_bytes = open_document(root, ROOT_TYPE, where="the trust root").payload
    pin = hashlib.sha256(root_bytes).hexdigest()
    trust = verify_trust((root,), state, pin=pin, now=now)
    policy_bytes = verify_policy(policy, trust)
    state_bytes = open_document(state, STATE_TYPE, where="the trust state").payload
    gate = make_gate(root_bytes, policy_bytes, state_bytes, meta)
    return Founded(root, policy, state, gate)


def compile_revocation(
    documents: Founded, state: bytes, trust: Trust, meta: GateMeta, now: str
) -> Founded:
    """Compile a state that revokes more, ``trust`` being what held until now.

    The policy was accepted when the gate was compiled, and stays by its digest. If its own key is
    what is revoked, it goes on judging, and refuses everything that key signed: a revocation must
    not fail for being needed.

    Raises:
        ConfigError, VerificationError: the documents do not hold together.

    """
    root = open_document(documents.root, ROOT_TYPE, where="the trust root").payload
    seen = (trust.root.version, trust.state.version)
    verify_trust((documents.root,), state, pin=hashlib.sha256(root).hexdigest(), now=now, seen=seen)
    policy = open_document(documents.policy, POLICY_TYPE, where="the policy").payload
    payload = open_document(state, STATE_TYPE, where="the trust state").payload
    return documents._replace(state=state, gate=make_gate(root, policy, payload, meta))


def revoke(
    state: State, *, keys: frozenset[str], payloads: frozenset[str], files: frozenset[str]
) -> State:
    """The state with more revocations; none is ever taken back."""
    return state._replace(
        version=state.version + 1,
        revoked_keys=state.revoked_keys | keys,
        revoked_payloads=state.revoked_payloads | payloads,
        revoked_files=state.revoked_files | files,
    )


def sign_state(signer: Signer, state: State, trust: Trust) -> bytes:
    """The state as a signed document that the root accepts."""
    signed = make_document(state_payload(state), STATE_TYPE, (signer,))
    verify_state(signed, trust.root)
    return signed


def _renewed_root(signer: Signer, document: bytes, policy: Policy) -> bytes:
    """A solo root lives as long as the policy; where somebody else holds a key, they renew it."""
    root = parse_root(open_document(document, ROOT_TYPE, where="the trust root").payload)
    if not root.solo or root.expires >= policy.expires:
        return document
    renewed = root._replace(version=root.version + 1, expires=policy.expires)
    payload = root_payload(renewed, previous=root.sha256)
    return make_document(payload, ROOT_TYPE, (signer,))


def _require_later(policy: Policy, previous: State | None) -> None:
    if previous is None or policy.version <= previous.policy_version:
        message = f"got policy version {policy.version}, which follows no older one"
        hint = "raise `version` in hubpolicy.toml, then sign with --older-until"
        raise ConfigError(message, hint=hint)


def _next_state(policy: Policy, previous: State | None, older_until: str, now: str) -> State:
    none: frozenset[str] = frozenset()
    fresh = State(1, f"{policy.expires}T23:59:59Z", policy.version, policy.sha256, none, none, none)
    if previous is None:
        return fresh
    last = (previous.policy_version, previous.policy_sha256)
    older = succeeded(previous.older_policies, *last, older_until, now)
    return previous._replace(
        version=previous.version + 1,
        expires=fresh.expires,
        policy_version=fresh.policy_version,
        policy_sha256=fresh.policy_sha256,
        older_policies=tuple(each for each in older if each.sha256 != policy.sha256),
    )
