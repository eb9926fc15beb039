# SPDX-License-Identifier: Apache-2.0
"""A team's trust folder as a value: what is published, what is pending, what may follow what.

One rule decides when something is published: what would then stand must hold for every consumer,
by the very functions that consumers use (``core/documents.py``). So a root waits for the state
and the policy that have to be signed anew under it.
"""

from __future__ import annotations

import hashlib
from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

from hubpolicy.core import strictjson
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
    from collections.abc import Iterator

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
    written = [p for p in folder.pending if _lies_there(folder, p)]
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


def _lies_there(folder: TrustFolder, pending: Pending) -> bool:
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


def is_anew(folder: TrustFolder, standing: Standing, pending: Pending) -> bool:
    """True for what only repeats what is published, to be signed under the root that is pending."""
    if folder.find("root") is None or pending.kind == "root":
        return False
    if pending.kind == "policy":
        return standing.policy is not None and standing.policy.sha256 == pending.sha256
    state, before = parse_state(pending.envelope.payload), standing.state
    if before is None:
        return False
    return state._replace(version=before.version, expires=before.expires) == before


def publishable(folder: TrustFolder, standing: Standing, now: str) -> tuple[Pending, ...]:
    """The most of what is pending that can be published together, in the order of publishing."""
    ready = [p for p in folder.pending if _may_follow(folder, standing, p, now)]
    for size in range(len(ready), 0, -1):
        for chosen in combinations(ready, size):
            if _would_hold(folder, standing, chosen):
                return chosen
    return ()


def _may_follow(folder: TrustFolder, standing: Standing, pending: Pending, now: str) -> bool:
    try:
        check_follows(folder, standing, pending, now)
    except HubpolicyError:
        return False
    return True


def _would_hold(folder: TrustFolder, standing: Standing, chosen: tuple[Pending, ...]) -> bool:
    alone = all(pending.kind != "root" for pending in chosen)
    if alone and any(is_anew(folder, standing, pending) for pending in chosen):
        return False
    try:
        then = verify_folder(advance(folder, chosen))
        root = then.root
        enough = root is not None and all(
            count(pending, root, revoked(folder, standing, pending)).complete for pending in chosen
        )
    except HubpolicyError:
        return False
    policies = [pending.sha256 for pending in chosen if pending.kind == "policy"]
    # A policy that no state names is in force nowhere: it waits for its state.
    return enough and policies in ([], [then.policy and then.policy.sha256])


def check_follows(folder: TrustFolder, standing: Standing, pending: Pending, now: str) -> None:
    """Whether the document is the next one after what is published; signatures aside.

    1. It has not expired.
    2. A root is the next version and names the one before.
    3. A policy is a later version, or the published one to be signed anew.
    4. A state is the next version, takes no revocation back, and names a policy that is there.

    Raises:
        ConfigError: it has expired.
        VerificationError: it does not follow.

    """
    for problem, hint in _problems(folder, standing, pending):
        message = f"{problem}, in {pending.path}"
        raise VerificationError(message, hint=hint)
    expires = expiry(pending)
    if expires < now[: len(expires)]:
        message = f"{pending.path} expired on {expires} before it was published, it is {now}"
        again = {"root": "rotate", "policy": "policy", "state": "state renew"}[pending.kind]
        raise ConfigError(message, hint=f"hubpolicy trust {again} DIR makes it anew")


def expiry(pending: Pending) -> str:
    """The last day, or the last second, on which the document holds."""
    payload, where = pending.envelope.payload, pending.path
    if pending.kind == "root":
        return parse_root(payload, where=where).expires
    if pending.kind == "policy":
        return parse_policy(payload, where=where).expires
    return parse_state(payload, where=where).expires


def _problems(
    folder: TrustFolder, standing: Standing, pending: Pending
) -> Iterator[tuple[str, str]]:
    if pending.kind == "root":
        yield from _root_problems(standing, pending)
    elif pending.kind == "policy":
        yield from _policy_problems(folder, standing, pending)
    else:
        state = parse_state(pending.envelope.payload, where=pending.path)
        yield from _state_problems(folder, standing, state)


def _root_problems(standing: Standing, pending: Pending) -> Iterator[tuple[str, str]]:
    before = standing.root
    version, sha256 = (0, "") if before is None else (before.version, before.sha256)
    hint = f"remove {pending.path}, then: hubpolicy trust rotate DIR"
    if pending.version != version + 1:
        yield f"got root version {pending.version}, expected {version + 1}: one at a time", hint
    previous = strictjson.parse(pending.envelope.payload, what=pending.path)["previous"]
    if previous != sha256:
        yield f"got a root after {previous or 'none'}, expected {sha256 or 'none'}", hint


def _policy_problems(
    folder: TrustFolder, standing: Standing, pending: Pending
) -> Iterator[tuple[str, str]]:
    if standing.policy is not None and pending.sha256 == standing.policy.sha256:
        return
    newest = max((version for version, _ in folder.policies), default=0)
    if pending.version <= newest and not _lies_there(folder, pending):
        got = f"got policy version {pending.version}, expected {newest + 1} or later"
        hint = "raise `version` in hubpolicy.toml, then: hubpolicy trust policy DIR"
        yield f"{got}: {newest} is published", hint


def _state_problems(
    folder: TrustFolder, standing: Standing, state: State
) -> Iterator[tuple[str, str]]:
    before, again = standing.state, "hubpolicy trust state renew DIR makes it anew"
    version = 0 if before is None else before.version
    if state.version != version + 1:
        yield f"got state version {state.version}, expected {version + 1}", again
    if before is not None and state.policy_version < before.policy_version:
        got = f"got policy version {state.policy_version}"
        yield f"{got}, expected {before.policy_version} or later", again
    if before is not None and _takes_back(before, state):
        yield "got fewer revocations than are published; none is ever taken back", again
    named = _named(folder, standing).get(state.policy_version)
    if named != state.policy_sha256:
        got = f"got policy {state.policy_sha256} as version {state.policy_version}"
        yield f"{got}, expected {named or 'one that is published or pending'}", again


def _takes_back(before: State, after: State) -> bool:
    return bool(
        before.revoked_keys - after.revoked_keys
        or before.revoked_payloads - after.revoked_payloads
        or before.revoked_files - after.revoked_files
    )


def _named(folder: TrustFolder, standing: Standing) -> dict[int, str]:
    """Version to payload digest of the policies that a state may name."""
    policy, pending = standing.policy, folder.find("policy")
    found = {} if policy is None else {policy.version: policy.sha256}
    return found if pending is None else found | {pending.version: pending.sha256}
