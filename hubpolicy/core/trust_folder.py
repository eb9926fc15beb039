# SPDX-License-Identifier: Apache-2.0
"""A team's trust folder as a value: what is published, verified, and what is pending beside it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

from hubpolicy.core.documents import (
    ROOT_TYPE,
    STATE_TYPE,
    open_document,
    parse_root,
    parse_state,
    verify_policy,
    verify_roots,
    verify_state,
)
from hubpolicy.core.pending import TYPES, Count, Pending, count, pending_bytes, refuse_foreign
from hubpolicy.core.policy import parse_policy
from hubpolicy.domain.trust import Trust
from hubpolicy.errors import ConfigError, HubpolicyError, MalformedError, VerificationError

if TYPE_CHECKING:
    from hubpolicy.domain.policy import Policy
    from hubpolicy.domain.trust import State, TrustRoot

STATE_PATH = "state.json"


class TrustFolder(NamedTuple):
    """The bytes of a trust folder: roots from version 1, policies by version, state, pending."""

    roots: tuple[bytes, ...] = ()
    policies: tuple[tuple[int, bytes], ...] = ()
    state: bytes | None = None
    pending: tuple[Pending, ...] = ()

    def find(self, kind: str) -> Pending | None:
        """The pending document of that kind."""
        return next((p for p in self.pending if p.kind == kind), None)


class Standing(NamedTuple):
    """What a trust folder says, verified; that it has not expired is the caller's to judge."""

    roots: tuple[TrustRoot, ...] = ()
    policy: Policy | None = None
    state: State | None = None

    @property
    def root(self) -> TrustRoot | None:
        """The newest root."""
        return self.roots[-1] if self.roots else None

    @property
    def revoked_keys(self) -> frozenset[str]:
        """Keys whose signatures count no more."""
        return frozenset() if self.state is None else self.state.revoked_keys


def root_path(version: int) -> str:
    """Where a published root lies."""
    return f"root/{version}.json"


def policy_path(version: int) -> str:
    """Where a published policy lies."""
    return f"policy/{version}.json"


def pin_of(folder: TrustFolder) -> str:
    """Payload digest of the first root: what consumers pin.

    Raises:
        ConfigError: no root is published.

    """
    if not folder.roots:
        message = "no root is published yet"
        raise ConfigError(message, hint="hubpolicy trust sign DIR")
    try:
        payload = open_document(folder.roots[0], ROOT_TYPE, where=root_path(1)).payload
    except MalformedError as error:
        raise ConfigError(error.message, hint="get root/1.json again") from error
    return hashlib.sha256(payload).hexdigest()


def state_sha256(folder: TrustFolder) -> str:
    """Payload digest of the published state, or nothing."""
    if folder.state is None:
        return ""
    payload = open_document(folder.state, STATE_TYPE, where=STATE_PATH).payload
    return hashlib.sha256(payload).hexdigest()


def verify_folder(folder: TrustFolder) -> Standing:
    """Everything that is published: the chain of roots, the state under it, the policy it names.

    A policy that was published stays by the digest that the state gives, also where a key under it
    was revoked since: a revocation must not wait for the policy to be signed anew.

    Raises:
        ConfigError: malformed, or the state names a policy that is not there.
        VerificationError: a threshold, version, link or digest does not hold.

    """
    if not folder.roots:
        if folder.policies or folder.state is not None:
            message = "got a policy or a state without root/1.json"
            raise ConfigError(message, hint="get the whole trust folder again")
        return Standing()
    roots = verify_roots(folder.roots, pin=pin_of(folder))
    if folder.state is None:
        return Standing(roots)
    state = verify_state(folder.state, roots[-1], where=STATE_PATH)
    raw = dict(folder.policies).get(state.policy_version)
    path = policy_path(state.policy_version)
    if raw is None:
        message = (
            f"{STATE_PATH} names policy version {state.policy_version}, and there is no {path}"
        )
        raise ConfigError(message, hint="get the whole trust folder again")
    before = Trust(roots[-1], state._replace(revoked_keys=frozenset()))
    policy = parse_policy(verify_policy(raw, before, where=path), where=path)
    if policy.version != state.policy_version:
        message = f"got policy version {policy.version}, expected {state.policy_version}, in {path}"
        raise VerificationError(message, hint="get the whole trust folder again")
    return Standing(roots, policy, state)


def resume(folder: TrustFolder) -> TrustFolder:
    """What a folder means whose last publishing was cut short: done, or to be done again.

    What lies both at its place and in ``pending/`` has been written. Where that leaves a new root
    over a state that it does not accept, the root counts as pending still.
    """
    written = [p for p in folder.pending if lies_there(folder, p)]
    if len(written) < len(folder.pending):
        # A policy is written first: it may wait for the state that names it.
        written = [p for p in written if p.kind != "policy"]
    if not written:
        return folder
    rest = folder._replace(pending=tuple(p for p in folder.pending if p not in written))
    try:
        verify_folder(rest)
    except HubpolicyError:
        if any(p.kind == "root" for p in written):
            return folder._replace(roots=folder.roots[:-1])
    return rest


def lies_there(folder: TrustFolder, pending: Pending) -> bool:
    """True if exactly this document is at its published place."""
    raw = pending_bytes(pending)
    if pending.kind == "root":
        return folder.roots[pending.version - 1 : pending.version] == (raw,)
    if pending.kind == "policy":
        return dict(folder.policies).get(pending.version) == raw
    return folder.state == raw


def require_fresh(standing: Standing, now: str) -> None:
    """Refuse what consumers would refuse for its age.

    Raises:
        ConfigError: root, policy or state has expired.

    """
    root, policy, state = standing.root, standing.policy, standing.state
    for name, expires, again in (
        ("root", "" if root is None else root.expires, "rotate"),
        ("policy", "" if policy is None else policy.expires, "policy"),
        ("state", "" if state is None else state.expires, "state renew"),
    ):
        if expires and expires < now[: len(expires)]:
            message = f"the published {name} expired on {expires}, it is {now}"
            raise ConfigError(message, hint=f"hubpolicy trust {again} DIR")


def put(folder: TrustFolder, pending: Pending) -> TrustFolder:
    """The folder with this pending document in place of another of its kind."""
    others = (p for p in folder.pending if p.kind != pending.kind)
    order = list(TYPES)
    kept = sorted((*others, pending), key=lambda p: order.index(p.kind))
    return folder._replace(pending=tuple(kept))


def advance(folder: TrustFolder, documents: tuple[Pending, ...]) -> TrustFolder:
    """The folder as it stands once these are published; nothing is verified here."""
    for pending in documents:
        raw = pending_bytes(pending)
        if pending.kind == "root":
            folder = folder._replace(roots=(*folder.roots, raw))
        elif pending.kind == "policy":
            others = tuple(p for p in folder.policies if p[0] != pending.version)
            folder = folder._replace(policies=(*others, (pending.version, raw)))
        else:
            folder = folder._replace(state=raw)
    return folder._replace(pending=tuple(p for p in folder.pending if p not in documents))


def next_roots(folder: TrustFolder, standing: Standing) -> tuple[TrustRoot, ...]:
    """The root that stands and the one that is pending, as far as there are such."""
    pending = folder.find("root")
    following = () if pending is None else (parse_root(pending.envelope.payload),)
    return (*standing.roots[-1:], *following)


def counts(folder: TrustFolder, standing: Standing, pending: Pending) -> tuple[Count, ...]:
    """How far a pending document is: a root under both thresholds, the others under the newest.

    Raises:
        VerificationError: a signature does not hold, or is by a key that nobody knows.

    """
    roots = next_roots(folder, standing)
    refuse_foreign(pending, roots)
    if pending.kind == "root":
        return tuple(count(pending, root) for root in roots)
    return tuple(count(pending, root, revoked(folder, standing, pending)) for root in roots[-1:])


def revoked(folder: TrustFolder, standing: Standing, pending: Pending) -> frozenset[str]:
    """Keys that do not count for this document.

    A policy loses also those that the pending state revokes; a state can still be signed by the key
    that it is about to revoke, and a root stands above the state.
    """
    if pending.kind == "root":
        return frozenset()
    state = folder.find("state")
    if pending.kind == "policy" and state is not None:
        return standing.revoked_keys | parse_state(state.envelope.payload).revoked_keys
    return standing.revoked_keys
