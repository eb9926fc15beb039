# SPDX-License-Identifier: Apache-2.0
"""Following a team's trust: from a pinned root to the newest policy and state (DESIGN.md §6).

The trips of ``trust pin`` and ``trust update``. As a TUF client does (TUF specification §5.3):
roots one version at a time, each signed under the thresholds of both; then the state, then the
policy that it names. Nothing is older than what was held or seen, nothing has expired, no version
is left out, and no revocation is taken back. Not responsible for where documents come from.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple, Protocol

from hubpolicy.core.baseline import BASELINE_TYPE, parse_baseline, verify_baseline
from hubpolicy.core.documents import (
    POLICY_TYPE,
    ROOT_TYPE,
    STATE_TYPE,
    open_document,
    parse_root,
    parse_state,
    require_near_end,
    verify_policy,
    verify_roots,
    verify_trust,
)
from hubpolicy.core.gatefile import make_gate
from hubpolicy.core.memory import (
    Seen,
    Versions,
    advance,
    recall,
    require_not_older,
    versions,
    with_state,
)
from hubpolicy.core.policy import parse_policy
from hubpolicy.core.reserved import Documents
from hubpolicy.core.strictjson import parse
from hubpolicy.errors import ConfigError, HubpolicyError, MalformedError, VerificationError

if TYPE_CHECKING:
    from hubpolicy.core.gatefile import GateMeta
    from hubpolicy.domain.policy import Policy
    from hubpolicy.domain.trust import State, Trust, TrustRoot

MOST_ROOTS = 256
DOCUMENT_LIMIT = 4 * 1024 * 1024
STATE = "state.json"
BASELINE = "baseline.json"


class Source(Protocol):
    """A trust folder somewhere. ``name`` is how people call it."""

    @property
    def name(self) -> str:
        """What was typed."""

    def read(self, path: str, limit: int) -> bytes | None:
        """A file of at most ``limit`` bytes, or None if the folder has none of that name.

        Raises:
            AccessError: it may not be read with this login.
            ServiceError: the place does not answer, or sends more.

        """


class Held(NamedTuple):
    """What is in force here, as far as it can be read: roots, the signed policy and its digest.

    What ``state`` revokes and asks for stays, also where the memory was lost.
    """

    roots: tuple[bytes, ...] = ()
    policy_document: bytes = b""
    accepted: str = ""
    state: State | None = None


NOTHING_HELD = Held()


class Followed(NamedTuple):
    """Documents that hold together, and what they say. ``roots``: every one, from version 1.

    ``baseline`` is empty where the team has none, or none that holds: ``refused`` says why. It
    makes no gate green, so that it must not keep a revocation away.
    """

    roots: tuple[bytes, ...]
    policy_document: bytes
    state_document: bytes
    trust: Trust
    policy: Policy
    policy_payload: bytes
    line: frozenset[str]
    baseline: bytes = b""
    refused: str = ""

    @property
    def documents(self) -> Documents:
        """As they were signed."""
        return Documents(self.roots, self.policy_document, self.state_document)

    @property
    def versions(self) -> Versions:
        """What the client's memory keeps."""
        state = open_document(self.state_document, STATE_TYPE, where=STATE).payload
        return versions(self.trust.root.version, self.trust.state, _digest(state))


def pin(
    source: Source,
    sha256: str,
    memory: tuple[Seen, ...],
    now: str,
    *,
    held: Held = NOTHING_HELD,
) -> Followed:
    """Follow a source from the root with that payload digest, told out of band.

    Of what is ``held`` here under the same pin, only what its state says counts.

    Raises:
        ConfigError: a document is missing, malformed or expired.
        VerificationError: the source has no such root, or something does not hold.
        ServiceError: the source cannot be read.

    """
    roots = _more_roots(source, ())
    _require_pinned(source, roots, sha256)
    return _follow(source, roots, memory, now, Held(state=held.state))


def update(source: Source, held: Held, sha256: str, memory: tuple[Seen, ...], now: str) -> Followed:
    """Follow the source from the roots that are held.

    Roots that were damaged here are fetched again; what was seen of them still binds.

    Raises:
        As :func:`pin`.

    """
    roots = _more_roots(source, held.roots if _is_whole(held.roots, sha256) else ())
    _require_pinned(source, roots, sha256)
    return _follow(source, roots, memory, now, held)


def compile_followed(followed: Followed, meta: GateMeta) -> bytes:
    """``gate.json`` of what was followed.

    Raises:
        ConfigError: more than the hook would read.

    """
    root = open_document(followed.roots[-1], ROOT_TYPE, where="trust root").payload
    state = open_document(followed.state_document, STATE_TYPE, where=STATE).payload
    gate = make_gate(root, followed.policy_payload, state, meta)
    if len(gate) > DOCUMENT_LIMIT:
        message = f"got {len(gate)} bytes of policy and trust, expected at most {DOCUMENT_LIMIT}"
        raise ConfigError(message, hint="revoke keys rather than thousands of statements")
    return gate


def remembered(memory: tuple[Seen, ...], followed: Followed, now: str) -> tuple[Seen, ...]:
    """The memory with what was followed. Raises as :func:`pin`."""
    return advance(memory, followed.line, followed.versions, now)


def remembered_solo(
    memory: tuple[Seen, ...], root: bytes, state: bytes, now: str
) -> tuple[Seen, ...]:
    """The memory with one person's own documents in it: a restored backup is old trust too.

    Raises:
        VerificationError: they are older than what was seen on this machine.

    """
    payload = _payload(root, ROOT_TYPE, "the trust root")
    signed = _payload(state, STATE_TYPE, "the trust state")
    said, value = parse_root(payload), parse_state(signed)
    before = parse(payload, what="the trust root")["previous"]
    line = frozenset((said.sha256, *((before,) if before else ())))
    return advance(memory, line, versions(said.version, value, _digest(signed)), now)


def renewers(root: TrustRoot) -> str:
    """Who can sign a new state, and what they type."""
    return f"{root.holders('state')}: hubpolicy trust state renew"


def _follow(
    source: Source, roots: tuple[bytes, ...], memory: tuple[Seen, ...], now: str, held: Held
) -> Followed:
    chain = verify_roots(roots, pin=_payload_digest(roots[0]))
    line = frozenset(root.sha256 for root in chain)
    seen = with_state(recall(memory, line), held.state)
    if chain[-1].version >= seen.newest.root:  # a shorter one is an old one
        _require_no_fork(source, seen, line)
    state = _required(source, STATE)
    trust = _verified(source, roots, chain, state, seen, now)
    document, payload = _policy(source, trust, held)
    policy = parse_policy(payload)
    found = Followed(roots, document, state, trust, policy, payload, line)
    _require_current_policy(source, found, now)
    require_not_older(seen, found.versions)
    return _with_baseline(source, found)


def newer_baseline(found: Followed, held: bytes) -> bool:
    """Whether the source's baseline is to replace the one that is held (empty: none).

    The version of one that no longer holds still counts: a revoked signer must not make room for
    an older list. Of one that cannot be read nobody knows the version; it is replaced.
    """
    if not found.baseline:
        return False
    theirs = verify_baseline(found.baseline, found.trust, found.policy).version
    return _baseline_version(held) <= theirs


def _baseline_version(held: bytes) -> int:
    try:
        payload = open_document(held, BASELINE_TYPE, where=BASELINE).payload
        return parse_baseline(payload).version
    except HubpolicyError:
        return 0


def _with_baseline(source: Source, found: Followed) -> Followed:
    raw = source.read(BASELINE, DOCUMENT_LIMIT)
    if raw is None:
        return found
    try:
        verify_baseline(raw, found.trust, found.policy, where=f"{BASELINE} at {source.name}")
    except (ConfigError, MalformedError, VerificationError) as error:
        return found._replace(refused=error.message)
    return found._replace(baseline=raw)


def _verified(
    source: Source,
    roots: tuple[bytes, ...],
    chain: tuple[TrustRoot, ...],
    state: bytes,
    seen: Seen,
    now: str,
) -> Trust:
    """Root and state, with the way out in the message of what does not hold."""
    newest, first, last = chain[-1], _payload_digest(roots[0]), seen.newest
    # The very state that was seen may be signed by a key that it revokes itself.
    same = _digest(_payload(state, STATE_TYPE, STATE)) == last.state_sha256
    revoked = frozenset[str]() if same else last.revoked.keys
    try:
        trust = verify_trust(
            roots, state, pin=first, now=now, seen=(last.root, last.state), revoked=revoked
        )
        require_near_end(trust.state, newest, now, where=STATE)
    except ConfigError as error:
        hint = f"frozen, or not renewed: ask {renewers(newest)}"
        if newest.expires < now[:10]:
            hint = f"ask {newest.holders('root')}: hubpolicy trust rotate"
        message = f"{error.message}, at {source.name}"
        raise ConfigError(message, hint=hint) from error
    except VerificationError as error:
        message = f"{error.message}, at {source.name}"
        raise VerificationError(message, hint=error.hint) from error
    return trust


def _policy(source: Source, trust: Trust, held: Held) -> tuple[bytes, bytes]:
    """The signed policy and its payload. One that was accepted before stays by its digest.

    If the key of somebody who signed it is what the new state revokes, the revocation must not
    fail for being needed. It stays as it is held: what the source has may be signed by nobody.
    """
    document = _required(source, f"policy/{trust.state.policy_version}.json")
    where = f"the policy at {source.name}"
    payload = _payload(document, POLICY_TYPE, where)
    try:
        return document, verify_policy(document, trust, where=where)
    except VerificationError:
        if _digest(payload) != trust.state.policy_sha256 or not _is_held(held, payload):
            raise
        return held.policy_document, payload


def _is_held(held: Held, payload: bytes) -> bool:
    """Whether that policy is in force here, and its signed document lies beside it."""
    try:
        mine = open_document(held.policy_document, POLICY_TYPE, where="the policy here").payload
    except MalformedError:
        return False
    return mine == payload and _digest(payload) == held.accepted


def _require_current_policy(source: Source, found: Followed, now: str) -> None:
    got, said = found.policy.version, found.trust.state.policy_version
    if got != said:
        message = f"got policy version {got}, expected {said} as the state says, at {source.name}"
        raise VerificationError(message, hint="hubpolicy trust sign")
    if found.policy.expires < now[:10]:
        message = f"the policy expired on {found.policy.expires}, it is {now}, at {source.name}"
        hint = f"ask {found.trust.root.holders('policy')} to sign a later one"
        raise ConfigError(message, hint=hint)


def _is_whole(held: tuple[bytes, ...], sha256: str) -> bool:
    """Whether these are all roots from version 1 on, and the pinned one is among them."""
    try:
        chain = verify_roots(held, pin=_payload_digest(held[0])) if held else ()
    except HubpolicyError:
        return False
    return bool(chain) and chain[0].version == 1 and sha256 in {root.sha256 for root in chain}


def _require_no_fork(source: Source, seen: Seen, line: frozenset[str]) -> None:
    """Whoever holds keys that were rotated out could sign another chain from an early root on."""
    gone = seen.roots - line
    if gone:
        message = (
            f"trust root {min(gone)[:16]}… was seen before on this machine, and is not in the "
            f"chain at {source.name}: it was forked"
        )
        raise VerificationError(message, hint="do not use that source; ask who signed both")


def _more_roots(source: Source, held: tuple[bytes, ...]) -> tuple[bytes, ...]:
    """The roots with those that follow them, one version at a time."""
    roots = list(held)
    while (document := source.read(_root(len(roots) + 1), DOCUMENT_LIMIT)) is not None:
        roots.append(document)
        if len(roots) > MOST_ROOTS:
            message = f"got more than {MOST_ROOTS} versions of the trust root at {source.name}"
            raise ConfigError(message, hint="pin a source with fewer")
    here, after = _root(len(roots) + 1), _root(len(roots) + 2)
    if source.read(after, DOCUMENT_LIMIT) is not None:
        message = f"there is {after} and no {here} at {source.name}: a version was skipped"
        raise ConfigError(message, hint="every root is followed by the next version only")
    if not roots:
        message = f"there is no {here} at {source.name}"
        raise ConfigError(message, hint="SOURCE is a trust folder: hubpolicy trust init --team")
    return tuple(roots)


def _require_pinned(source: Source, roots: tuple[bytes, ...], sha256: str) -> None:
    found = [_payload_digest(root) for root in roots]
    if sha256 not in found:
        message = (
            f"got trust roots {', '.join(digest[:16] for digest in found)} from {source.name}, "
            f"expected one with payload digest {sha256}"
        )
        hint = "ask the people who made it for the digest; never take it from the source itself"
        raise VerificationError(message, hint=hint)


def _required(source: Source, path: str) -> bytes:
    document = source.read(path, DOCUMENT_LIMIT)
    if document is None:
        message = f"there is no {path} at {source.name}"
        raise ConfigError(message, hint="ask the people who hold the trust folder to publish it")
    return document


def _root(version: int) -> str:
    return f"root/{version}.json"


def _payload_digest(document: bytes) -> str:
    return _digest(_payload(document, ROOT_TYPE, "a trust root"))


def _payload(document: bytes, kind: str, where: str) -> bytes:
    try:
        return open_document(document, kind, where=where).payload
    except MalformedError as error:
        raise ConfigError(error.message, hint="is this a trust folder?") from error


def _digest(payload: bytes) -> str:
    return hashlib.sha256(payload).hexdigest()
