# SPDX-License-Identifier: Apache-2.0
"""A team's trust: prepared by one, signed by several in turn, published when enough have signed.

Each function takes the trust folder as a value and returns the one that should stand instead;
nothing is written here. What is published was verified the way consumers verify it.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from hubpolicy.core.documents import (
    POLICY_TYPE,
    open_document,
    parse_state,
    root_payload,
    state_payload,
    verify_policy,
    verify_state,
)
from hubpolicy.core.observing import require_end
from hubpolicy.core.pending import Pending, count, propose, signed_by
from hubpolicy.core.policy import parse_policy
from hubpolicy.core.state_terms import joined, require_day, succeeded
from hubpolicy.core.succession import check_follows, is_anew, publishable
from hubpolicy.core.trust_folder import (
    Standing,
    TrustFolder,
    advance,
    counts,
    next_roots,
    put,
    revoked,
    verify_folder,
)
from hubpolicy.domain.trust import State, Trust
from hubpolicy.errors import ConfigError, HubpolicyError, VerificationError

if TYPE_CHECKING:
    from hubpolicy.domain.policy import Policy
    from hubpolicy.domain.trust import TrustRoot
    from hubpolicy.ports import Signer

STATE_DAYS = 7
"""How long a team's state lives; what is older denies, so that nobody can hide a revocation."""

_NONE: frozenset[str] = frozenset()


class Duty(NamedTuple):
    """What one key has to do with one pending document; ``reason`` is why it cannot sign."""

    principal: str
    may: bool
    reason: str


# Preparing -----------------------------------------------------------------------------------


def found_team(source: TrustRoot, policy: bytes, now: str, *, days: int) -> TrustFolder:
    """Root, policy and state of version 1, nothing signed yet.

    Raises:
        ConfigError: nobody could use them.

    """
    folder = propose_root(TrustFolder(), source, now, days=days)
    return propose_policy(folder, policy, now, days=days)


def propose_root(folder: TrustFolder, source: TrustRoot, now: str, *, days: int) -> TrustFolder:
    """The next root as ``root.toml`` says it, and what has to be signed anew under it.

    Raises:
        ConfigError: one is pending, nothing changed, it has expired, or the policy asks for
            people whom it does not name.
        VerificationError: what is published does not hold together.

    """
    standing = verify_folder(folder)
    _refuse_open(folder, "root")
    before = standing.root
    root = source._replace(version=1 if before is None else before.version + 1)
    if before is not None and root == before._replace(version=root.version, sha256=""):
        message = f"root.toml says what root {before.version} says: there is nothing to rotate"
        raise ConfigError(message, hint="edit root.toml first; hubpolicy trust show DIR")
    if standing.policy is not None:
        require_fillable(standing.policy, root)
    payload = root_payload(root, previous="" if before is None else before.sha256)
    folder = put(folder, propose("root", payload))
    check_follows(folder, standing, folder.pending[0], now)
    return signed_anew(folder, standing, now, days)


def propose_policy(
    folder: TrustFolder, payload: bytes, now: str, *, days: int, older_until: str = ""
) -> TrustFolder:
    """A policy and the state that names it. A pending state goes on from what it said.

    ``older_until``: the last day on which releases under the published policy count; empty is
    none. With one, a policy that is pending stays, and its state is prepared anew.

    Raises:
        ConfigError: another one is pending, it is the published one or no later version, it asks
            for people whom the root does not name, or ``older_until`` is no day on which the
            published one counts.
        VerificationError: what is published does not hold together.

    """
    standing = verify_folder(folder)
    value, pending = parse_policy(payload), folder.find("policy")
    if pending is None or pending.sha256 != value.sha256:
        folder = _with_policy(folder, standing, payload, now)
    elif not older_until or (standing.policy is not None and standing.policy == value):
        message = f"this policy is pending already, in {pending.path}"
        raise ConfigError(message, hint="hubpolicy trust sign DIR")
    if older_until:
        require_day(older_until, standing.policy, now)
    state, last = next_state(folder, standing, now, days), standing.policy
    older = (
        ()
        if last is None
        else succeeded(state.older_policies, last.version, last.sha256, older_until, now)
    )
    named = state._replace(
        policy_version=value.version, policy_sha256=value.sha256, older_policies=older
    )
    return put(folder, propose("state", state_payload(named)))


def _with_policy(folder: TrustFolder, standing: Standing, payload: bytes, now: str) -> TrustFolder:
    """The folder with another policy pending, which follows the one that is published."""
    value = parse_policy(payload)
    _refuse_open(folder, "policy")
    require_end(value, now)
    if standing.policy is not None and standing.policy.sha256 == value.sha256:
        message = f"hubpolicy.toml says what policy {value.version} says: nothing changed"
        raise ConfigError(message, hint="edit hubpolicy.toml first")
    newest = max((version for version, _ in folder.policies), default=0)
    if value.version <= newest:
        message = (
            f"got version {value.version} in hubpolicy.toml, and policy {newest} is published: "
            f"expected {newest + 1} or later"
        )
        raise ConfigError(message, hint="raise `version` in hubpolicy.toml")
    require_fillable(value, _newest_root(folder, standing))
    proposed = propose("policy", payload)
    folder = put(folder, proposed)
    check_follows(folder, standing, proposed, now)
    return folder


def propose_revocation(
    folder: TrustFolder,
    now: str,
    *,
    days: int,
    keys: frozenset[str] = _NONE,
    payloads: frozenset[str] = _NONE,
    files: frozenset[str] = _NONE,
) -> TrustFolder:
    """A state that revokes more. Where the policy rests on a revoked key, it is signed anew, too.

    Raises:
        ConfigError: nothing is published, everything is revoked already, or no root knows the key.
        VerificationError: what is published does not hold together.

    """
    standing = require_published(folder)
    known = {key.keyid for root in standing.roots for key in root.keys}
    if any(root.authorities or root.identities for root in standing.roots):
        known |= keys  # keys and names behind certificates stand in no root
    unknown = sorted(keys - known)
    # Of those whom an authority certifies only the names are known here, not the keys.
    if unknown and not any(root.authorities for root in standing.roots):
        message = f"got key {unknown[0]}, expected one that a root of this folder knows"
        raise ConfigError(message, hint="hubpolicy trust show DIR lists the keys")
    state = next_state(folder, standing, now, days)
    more = state._replace(
        revoked_keys=state.revoked_keys | keys,
        revoked_payloads=state.revoked_payloads | payloads,
        revoked_files=state.revoked_files | files,
    )
    if more == state:
        message = "all of it is revoked already"
        raise ConfigError(message, hint="hubpolicy trust show DIR lists what is")
    folder = put(folder, propose("state", state_payload(more)))
    return signed_anew(folder, standing, now, days)


# Signing and publishing ----------------------------------------------------------------------


def duty_of(folder: TrustFolder, standing: Standing, pending: Pending, keyid: str) -> Duty:
    """Whether a signature by this key would count for the document.

    Raises:
        VerificationError: a signature in it does not hold.

    """
    roots = next_roots(folder, standing)
    roots = roots[-1:] if is_anew(folder, standing, pending) else roots
    principal = next((key.principal for r in roots if (key := r.key(keyid))), "")
    if not principal:
        return Duty("", may=False, reason=f"the root that it is for does not know your key {keyid}")
    gone = revoked(folder, standing, pending)
    if keyid in gone:
        return Duty(principal, may=False, reason="your key is revoked")
    counted = [(count(pending, root, gone), root) for root in roots if root.key(keyid)]
    if any(principal in found.missing for found, _ in counted):
        return Duty(principal, may=True, reason="")
    if any(principal in found.signed for found, _ in counted):
        own = any(s.keyid == keyid for s in pending.envelope.signatures)
        other = f"{principal} has signed it with another key: one person counts once"
        return Duty(principal, may=False, reason="you have signed it" if own else other)
    people = sorted({who for found, _ in counted for who in found.signed | found.missing})
    reason = f"it takes role {pending.kind}: {', '.join(people)}"
    return Duty(principal, may=False, reason=reason)


def add_signature(folder: TrustFolder, signer: Signer, kind: str) -> TrustFolder:
    """The folder with my signature under the pending document of that kind.

    Raises:
        VerificationError: it would not count, and why; or the key signs what does not hold.

    """
    standing, pending = verify_folder(folder), folder.find(kind)
    if pending is None:
        message = f"no {kind} is pending"
        raise ConfigError(message, hint="hubpolicy trust show DIR")
    duty = duty_of(folder, standing, pending, signer.keyid)
    if not duty.may:
        message = f"cannot sign {pending.path}: {duty.reason}"
        raise VerificationError(message, hint="hubpolicy trust show DIR lists who can")
    signed = put(folder, signed_by(pending, signer))
    counts(signed, standing, signed_by(pending, signer))
    return signed


def merged(folder: TrustFolder, other: TrustFolder) -> TrustFolder:
    """The folder with the signatures that another copy of it has under the same documents.

    Raises:
        VerificationError: one of them does not hold, or is by a key that nobody knows.

    """
    standing = verify_folder(folder)
    for pending in folder.pending:
        theirs = other.find(pending.kind)
        if theirs is None or theirs.sha256 != pending.sha256:
            continue
        known = {signature.keyid for signature in pending.envelope.signatures}
        more = tuple(s for s in theirs.envelope.signatures if s.keyid not in known)
        signatures = (*pending.envelope.signatures, *more)
        both = pending._replace(envelope=pending.envelope._replace(signatures=signatures))
        folder = put(folder, both)
        counts(folder, standing, both)
    return folder


def publish(folder: TrustFolder, now: str, *, days: int) -> tuple[TrustFolder, bool]:
    """Publish all of what is pending that would hold; whether there was any.

    While a root still waits, what has to be signed anew under it is prepared anew, too.

    Raises:
        ConfigError, VerificationError: what is published now does not hold together.

    """
    done = False
    while chosen := publishable(folder, verify_folder(folder), now):
        folder, done = advance(folder, chosen), True
    return (signed_anew(folder, verify_folder(folder), now, days) if done else folder), done


# What it takes -------------------------------------------------------------------------------


def require_fillable(policy: Policy, root: TrustRoot) -> None:
    """Every role that the policy asks for can be filled by whom the root names.

    Raises:
        ConfigError: naming the role.

    """
    for asked in policy.roles:
        people = _holders(root, asked.role)
        got = f"the policy asks for {asked.threshold} of role {asked.role}"
        others = people if not asked.distinct_from else people | _holders(root, asked.distinct_from)
        if len(people) >= asked.threshold:
            if not asked.distinct_from or len(others) > asked.threshold:
                continue
            got += f", other people than role {asked.distinct_from}"
        message = f"{got}, and the root gives it to {', '.join(sorted(people)) or 'nobody'}"
        raise ConfigError(message, hint="add people to root.toml, or ask for fewer")


def _holders(root: TrustRoot, name: str) -> frozenset[str]:
    role = root.role(name)
    return _NONE if role is None else role.principals


def _refuse_open(folder: TrustFolder, kind: str) -> None:
    pending = folder.find(kind)
    if pending is not None:
        message = f"{kind} {pending.version} is pending, and there is one at a time"
        hint = f"hubpolicy trust sign DIR, or remove {pending.path} to start anew"
        raise ConfigError(message, hint=hint)


def require_published(folder: TrustFolder) -> Standing:
    """What a folder says in which a state is published.

    Raises:
        ConfigError: there is none.
        VerificationError: what is published does not hold together.

    """
    standing = verify_folder(folder)
    if standing.state is None:
        message = "nothing is published yet"
        raise ConfigError(message, hint="hubpolicy trust sign DIR")
    return standing


def _newest_root(folder: TrustFolder, standing: Standing) -> TrustRoot:
    roots = next_roots(folder, standing)
    if not roots:
        message = "there is no root, published or pending"
        raise ConfigError(message, hint="hubpolicy trust rotate DIR makes one from root.toml")
    return roots[-1]


def next_state(folder: TrustFolder, standing: Standing, now: str, days: int) -> State:
    """What is pending, else what is published, as the next version with a later end.

    What is pending may be older than what was published meanwhile, in another copy of the folder.
    """
    pending, before = folder.find("state"), standing.state
    version = 1 if before is None else before.version + 1
    if pending is not None:
        return later(joined(parse_state(pending.envelope.payload), before), version, now, days)
    if before is not None:
        return later(before, version, now, days)
    return State(1, _after(now, days), 1, "", _NONE, _NONE, _NONE)


def later(state: State, version: int, now: str, days: int) -> State:
    """The same state as another version, living that many days from now."""
    return state._replace(version=version, expires=_after(now, days))


def _after(now: str, days: int) -> str:
    then = datetime.fromisoformat(now) + timedelta(days=days)
    return then.strftime("%Y-%m-%dT%H:%M:%SZ")


def signed_anew(folder: TrustFolder, standing: Standing, now: str, days: int) -> TrustFolder:
    """Prepare what would not hold any more once root and state that are pending are published."""
    if standing.policy is None or standing.state is None or folder.state is None:
        return folder
    root = _newest_root(folder, standing)
    if folder.find("state") is None:
        try:
            verify_state(folder.state, root)
        except HubpolicyError:
            state = next_state(folder, standing, now, days)
            folder = put(folder, propose("state", state_payload(state)))
    if folder.find("policy") is None:
        folder = _policy_anew(folder, standing, root)
    return folder


def _policy_anew(folder: TrustFolder, standing: Standing, root: TrustRoot) -> TrustFolder:
    policy, pending = standing.policy, folder.find("state")
    if policy is None or standing.state is None:
        return folder
    state = standing.state if pending is None else parse_state(pending.envelope.payload)
    raw = dict(folder.policies)[policy.version]
    try:
        verify_policy(raw, Trust(root, state), sha256=policy.sha256)
    except VerificationError:
        envelope = open_document(raw, POLICY_TYPE, where="the policy")
        roots = next_roots(folder, standing)
        kept = tuple(
            signature
            for signature in envelope.signatures
            if signature.keyid not in state.revoked_keys
            and any(known.key(signature.keyid) for known in roots)
        )
        return put(folder, propose("policy", envelope.payload, kept))
    return folder
