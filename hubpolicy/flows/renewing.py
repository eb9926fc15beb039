# SPDX-License-Identifier: Apache-2.0
"""States that one key may sign at once, because all that they say was decided or asked for.

A renewal repeats what is published; a withdrawal adds what its command named. What else is pending
was shown to nobody here: it goes on from the new state, unsigned, or nothing is signed at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from hubpolicy.core.documents import parse_state, state_payload
from hubpolicy.core.pending import propose
from hubpolicy.core.state_terms import higher, joined
from hubpolicy.core.succession import check_follows
from hubpolicy.core.trust_folder import put, verify_folder
from hubpolicy.errors import ConfigError, HubpolicyError, VerificationError
from hubpolicy.flows.trusting import (
    add_signature,
    later,
    next_state,
    propose_revocation,
    publish,
    signed_anew,
)

if TYPE_CHECKING:
    from hubpolicy.core.pending import Pending
    from hubpolicy.core.trust_folder import Standing, TrustFolder
    from hubpolicy.domain.trust import State
    from hubpolicy.ports import Signer


class Taken(NamedTuple):
    """The folder after a withdrawal; ``reason`` is why it does not have my signature, or empty."""

    folder: TrustFolder
    reason: str


def renew_state(folder: TrustFolder, signer: Signer, now: str, *, days: int) -> TrustFolder:
    """The published state with a later end, signed; published at once if this key is enough.

    What else is pending stays pending: an awaited state goes on from the renewed one, unsigned.
    Where it takes more people, the renewed state is pending with this signature. One that is
    pending and says more than a renewal is never signed: where it does not follow any more, or
    nothing is published yet, it is prepared anew.

    Raises:
        ConfigError: nothing is published or prepared, or a state is pending that says more.
        VerificationError: what is published does not hold together, or the key may not sign it.

    """
    standing, waiting = verify_folder(folder), folder.find("state")
    if standing.state is None:
        if waiting is None:
            message = "there is no state to renew"
            raise ConfigError(message, hint="hubpolicy trust init --team DIR")
        return _anew(folder, standing, now, days)
    fresh = later(standing.state, standing.state.version + 1, now, days)
    done = _published_alone(folder, fresh, signer, now, days)
    if done is not None:
        return done
    if waiting is None or _same(parse_state(waiting.envelope.payload), fresh):
        renewed = put(folder, propose("state", state_payload(fresh)))
        return add_signature(renewed, signer, "state")
    if not _follows(folder, standing, waiting, now):
        return _anew(folder, standing, now, days)
    message = f"{waiting.path} waits for signatures and says more than a renewal would"
    raise ConfigError(message, hint="read it and sign it: hubpolicy trust sign DIR")


def take_back(
    folder: TrustFolder,
    signer: Signer,
    now: str,
    *,
    days: int,
    files: frozenset[str],
    payloads: frozenset[str],
) -> Taken:
    """Revoke these, signed if nothing else would be signed with it; published if that is enough.

    Where it takes more people and more is pending, all of it is prepared together, unsigned.

    Raises:
        ConfigError: nothing is published.
        VerificationError: what is published does not hold together.

    """
    standing, waiting = verify_folder(folder), folder.find("state")
    if standing.state is None:
        message = "nothing is published yet"
        raise ConfigError(message, hint="hubpolicy trust sign DIR")
    only = later(standing.state, standing.state.version + 1, now, days)._replace(
        revoked_files=standing.state.revoked_files | files,
        revoked_payloads=standing.state.revoked_payloads | payloads,
    )
    try:
        done = _published_alone(folder, only, signer, now, days)
    except VerificationError as error:  # not a key that may: others can, once it is prepared
        return Taken(_prepared(folder, now, days, files, payloads), error.message)
    if done is not None:
        return Taken(done, "")
    if waiting is not None:
        there = parse_state(waiting.envelope.payload)
        if not _within(there, only):
            reason = "more is pending than this withdrawal, so you have not signed it"
            return Taken(_prepared(folder, now, days, files, payloads), reason)
        late = there.expires > only.expires or not _follows(folder, standing, waiting, now)
        if late or not _same(there, only):
            waiting = None
    if waiting is None:
        folder = put(folder, propose("state", state_payload(only)))
    try:
        return Taken(add_signature(folder, signer, "state"), "")
    except VerificationError as error:
        return Taken(folder, error.message)


def _prepared(
    folder: TrustFolder, now: str, days: int, files: frozenset[str], payloads: frozenset[str]
) -> TrustFolder:
    """Added to what is pending; left as it is, with its signatures, where it says it already."""
    waiting = folder.find("state")
    if waiting is not None:
        state = parse_state(waiting.envelope.payload)
        if files <= state.revoked_files and payloads <= state.revoked_payloads:
            return folder
    return propose_revocation(folder, now, days=days, files=files, payloads=payloads)


def _published_alone(
    folder: TrustFolder, state: State, signer: Signer, now: str, days: int
) -> TrustFolder | None:
    """The folder after this state was signed and published, if this signature is enough."""
    alone = put(folder._replace(pending=()), propose("state", state_payload(state)))
    after, done = publish(add_signature(alone, signer, "state"), now, days=days)
    if not done:
        return None
    rebased = _rebased(after._replace(pending=folder.pending), state, now, days)
    return signed_anew(rebased, verify_folder(rebased), now, days)


def _anew(folder: TrustFolder, standing: Standing, now: str, days: int) -> TrustFolder:
    state = next_state(folder, standing, now, days)
    return put(folder, propose("state", state_payload(state)))


def _follows(folder: TrustFolder, standing: Standing, pending: Pending, now: str) -> bool:
    try:
        check_follows(folder, standing, pending, now)
    except HubpolicyError:
        return False
    return True


def _same(one: State, other: State) -> bool:
    """Whether they say the same, version and end aside."""
    return one._replace(version=other.version, expires=other.expires) == other


def _within(one: State, other: State) -> bool:
    """Whether ``other`` says all that ``one`` says, of the same policy."""
    return (
        (one.policy_version, one.policy_sha256) == (other.policy_version, other.policy_sha256)
        and one.revoked_keys <= other.revoked_keys
        and one.revoked_payloads <= other.revoked_payloads
        and one.revoked_files <= other.revoked_files
        and higher(one.minimum_version, other.minimum_version) == other.minimum_version
        and one.older_policies == other.older_policies
    )


def _rebased(folder: TrustFolder, published: State, now: str, days: int) -> TrustFolder:
    """What waits goes on from the state that was just published; its signatures were of another."""
    waiting = folder.find("state")
    if waiting is None:
        return folder
    prepared = joined(parse_state(waiting.envelope.payload), published)
    state = later(prepared, published.version + 1, now, days)
    same = state._replace(version=published.version, expires=published.expires) == published
    if same and folder.find("root") is None:
        return folder._replace(pending=tuple(p for p in folder.pending if p != waiting))
    return put(folder, propose("state", state_payload(state)))
