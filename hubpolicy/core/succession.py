# SPDX-License-Identifier: Apache-2.0
"""What may follow what in a trust folder, and when it is published.

One rule decides when something is published: what would then stand must hold for every consumer,
by the very functions that consumers use (``core/documents.py``). So a root waits for the state
and the policy that have to be signed anew under it.
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

from hubpolicy.core import strictjson
from hubpolicy.core.documents import parse_root, parse_state, require_near_end
from hubpolicy.core.observing import require_end
from hubpolicy.core.pending import count
from hubpolicy.core.policy import parse_policy
from hubpolicy.core.state_terms import loosened
from hubpolicy.core.trust_folder import advance, lies_there, revoked, verify_folder
from hubpolicy.errors import ConfigError, HubpolicyError, VerificationError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hubpolicy.core.pending import Pending
    from hubpolicy.core.trust_folder import Standing, TrustFolder
    from hubpolicy.domain.trust import State


def is_anew(folder: TrustFolder, standing: Standing, pending: Pending) -> bool:
    """True for what only repeats what is published, to be signed under the root that is pending."""
    if folder.find("root") is None or pending.kind == "root":
        return False
    if pending.kind == "policy":
        return _is_policy(standing, pending)
    state, before = parse_state(pending.envelope.payload), standing.state
    if before is None:
        return False
    return state._replace(version=before.version, expires=before.expires) == before


def _is_policy(standing: Standing, pending: Pending) -> bool:
    return standing.policy is not None and standing.policy.sha256 == pending.sha256


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
    3. A policy is a later version, or the published one to be signed anew; where it observes, its
       end is near.
    4. A state is the next version, takes back no revocation and nothing that it asks for
       (``core/state_terms.py``), and names a policy that is there.

    Raises:
        ConfigError: it has expired.
        VerificationError: it does not follow, or is a state that no consumer would take for its
            far end.

    """
    for problem, hint in _problems(folder, standing, pending):
        message = f"{problem}, in {pending.path}"
        raise VerificationError(message, hint=hint)
    if pending.kind == "policy" and not _is_policy(standing, pending):
        require_end(parse_policy(pending.envelope.payload, where=pending.path), now)
    if pending.kind == "state" and standing.root is not None:
        state = parse_state(pending.envelope.payload, where=pending.path)
        require_near_end(state, standing.root, now, where=pending.path)
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
    if _is_policy(standing, pending):
        return
    newest = max((version for version, _ in folder.policies), default=0)
    if pending.version <= newest and not lies_there(folder, pending):
        got = f"got policy version {pending.version}, expected {newest + 1} or later after {newest}"
        hint = "raise `version` in hubpolicy.toml, then: hubpolicy trust policy DIR"
        yield got, hint


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
    if before is not None:
        yield from ((problem, again) for problem in loosened(before, state))
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
