# SPDX-License-Identifier: Apache-2.0
"""What this client has seen: the highest versions of root, policy and state, by line of roots.

TUF's clients keep the newest metadata for the same purpose (TUF specification §5.3-5.5): somebody
who serves yesterday's state, or signs tomorrow's with a stolen key, cannot take a revocation back
from those who saw it. ``trust pin``, ``trust update`` and one's own signing ask it, and ``doctor``;
no gate does: a configuration restored from a backup judges as it did until its state ends. It is
advanced only after everything else held. A line is known by the payload digests of its roots, so
that another way to pin the same people is the same line.
"""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, NamedTuple

from hubpolicy.core import times
from hubpolicy.core.fields import Fields
from hubpolicy.core.state_terms import higher, parse_minimum, parse_older, revived, terms_fields
from hubpolicy.core.strictjson import canonical, parse
from hubpolicy.errors import ConfigError, MalformedError, VerificationError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hubpolicy.domain.trust import OlderPolicy, State

SCHEMA = "hubpolicy/memory/1"
MOST_LINES = 64
SKEW_SECONDS = 86400
"""How far the clock may be behind a moment that this machine has seen."""


class Revocations(NamedTuple):
    """Hex digests: of keys, of signed payloads, of files."""

    keys: frozenset[str] = frozenset()
    payloads: frozenset[str] = frozenset()
    files: frozenset[str] = frozenset()

    def joined(self, other: Revocations) -> Revocations:
        """What either of them revokes."""
        return Revocations(*(a | b for a, b in zip(self, other, strict=True)))

    def without(self, other: Revocations) -> tuple[str, ...]:
        """What this one revokes and the other does not, in words."""
        pairs = zip(("key", "payload", "file"), self, other, strict=True)
        return tuple(f"{kind} {x}" for kind, a, b in pairs for x in sorted(a - b))


def revocations(state: State) -> Revocations:
    """What a state revokes."""
    return Revocations(state.revoked_keys, state.revoked_payloads, state.revoked_files)


class Versions(NamedTuple):
    """Of the documents that stand together, the payload digest of that state, what it says.

    That is what it revokes, the least hubpolicy version (``X.Y.Z``, or empty), the older policies
    that count, and the newest policy's payload digest (empty where nobody kept it).
    """

    root: int
    policy: int
    state: int
    state_sha256: str
    revoked: Revocations = Revocations()
    minimum: str = ""
    older: tuple[OlderPolicy, ...] = ()
    policy_sha256: str = ""


def versions(root: int, state: State, state_sha256: str) -> Versions:
    """What is remembered of a state, the policy that it names, and the root above it."""
    return Versions(
        root,
        state.policy_version,
        state.version,
        state_sha256,
        revocations(state),
        state.minimum_version,
        state.older_policies,
        state.policy_sha256,
    )


class Seen(NamedTuple):
    """One line of roots, what was newest in it, and when that state was first seen (UTC)."""

    roots: frozenset[str]
    newest: Versions
    since: str


NOTHING = Seen(frozenset(), Versions(0, 0, 0, ""), "")


def parse_memory(raw: bytes, *, where: str) -> tuple[Seen, ...]:
    """Parse the memory.

    Raises:
        ConfigError: it is damaged. What was seen is then not known, which is not "nothing".

    """
    try:
        fields = Fields(parse(raw, what=where), where)
        fields.one_of("schema", (SCHEMA,))
        seen = tuple(_seen(line) for line in fields.objects("lines"))
        fields.done()
    except MalformedError as error:
        hint = f"restore {where} from a backup; without it nobody knows what was seen"
        raise ConfigError(error.message, hint=hint) from error
    return seen


def memory_bytes(memory: tuple[Seen, ...]) -> bytes:
    """The file's bytes; the lines used last stand last, and only so many are kept."""
    lines = [
        {
            "roots": sorted(line.roots),
            "rootVersion": line.newest.root,
            "policyVersion": line.newest.policy,
            "stateVersion": line.newest.state,
            "stateSha256": line.newest.state_sha256,
            "since": line.since,
            "revoked": {
                name: sorted(digests) for name, digests in line.newest.revoked._asdict().items()
            },
            **terms_fields(line.newest.minimum, line.newest.older),
            **({"policySha256": line.newest.policy_sha256} if line.newest.policy_sha256 else {}),
        }
        for line in memory[-MOST_LINES:]
    ]
    return canonical({"schema": SCHEMA, "lines": lines})


def recall(memory: tuple[Seen, ...], roots: Iterable[str]) -> Seen:
    """What was seen of the line that any of these roots belongs to."""
    known = frozenset(roots)
    lines = [line for line in memory if line.roots & known]
    if not lines:
        return NOTHING
    latest = max(lines, key=lambda line: line.newest.state)
    newest = max(
        (line.newest for line in lines), key=lambda each: (each.policy, each.policy_sha256)
    )
    revoked = Revocations()
    for line in lines:
        revoked = revoked.joined(line.newest.revoked)
    return Seen(
        frozenset().union(*(line.roots for line in lines)),
        latest.newest._replace(
            root=max(line.newest.root for line in lines),
            policy=newest.policy,
            policy_sha256=newest.policy_sha256,
            revoked=revoked,
            minimum=reduce(higher, (line.newest.minimum for line in lines)),
        ),
        latest.since,
    )


def with_state(seen: Seen, state: State | None) -> Seen:
    """What was seen, and what the state in force says: it stays said where the memory was lost."""
    if state is None:
        return seen
    newest = seen.newest
    if state.policy_version > newest.policy:
        newest = newest._replace(policy=state.policy_version, older=state.older_policies)
        newest = newest._replace(policy_sha256=state.policy_sha256)
    elif state.policy_version == newest.policy and not newest.policy_sha256:
        newest = newest._replace(policy_sha256=state.policy_sha256)
    return seen._replace(
        newest=newest._replace(
            revoked=newest.revoked.joined(revocations(state)),
            minimum=higher(newest.minimum, state.minimum_version),
        )
    )


def require_not_older(seen: Seen, here: Versions) -> None:
    """Refuse documents older than those seen, others of one version, or that ask for less.

    Raises:
        VerificationError: naming the document, what was got and what was seen.

    """
    hint = "somebody serves old documents, or restored a backup: get the newest"
    for name, got, least in (
        ("trust root", here.root, seen.newest.root),
        ("policy", here.policy, seen.newest.policy),
        ("trust state", here.state, seen.newest.state),
    ):
        if got < least:
            message = (
                f"got version {got} of the {name}, expected at least {least}, "
                "as seen before on this machine"
            )
            raise VerificationError(message, hint=hint)
    if here.state == seen.newest.state and here.state_sha256 != seen.newest.state_sha256:
        message = (
            f"got another trust state of version {here.state} ({here.state_sha256[:12]}) than the "
            f"one seen before ({seen.newest.state_sha256[:12]}): two were signed"
        )
        raise VerificationError(message, hint="ask who signs the state for one of a later version")
    lost = seen.newest.revoked.without(here.revoked)
    if lost:
        message = (
            f"trust state {here.state} takes back {len(lost)} revocations that were seen before on "
            f"this machine ({lost[0][:20]}…), and none is ever taken back"
        )
        hint = (
            "ask who signs the state for one that keeps them; if nobody signed it, revoke the key"
        )
        raise VerificationError(message, hint=hint)
    _require_terms(seen.newest, here)


def _require_terms(seen: Versions, here: Versions) -> None:
    """A least hubpolicy version goes up only; an older policy counts no longer than was said."""
    hint = "ask who signs the state for one that asks as much; if nobody signed it, revoke the key"
    if higher(seen.minimum, here.minimum) != here.minimum:
        message = (
            f"trust state {here.state} asks for hubpolicy {here.minimum or 'of any version'}, and "
            f"{seen.minimum} was asked for before on this machine; it never goes down"
        )
        raise VerificationError(message, hint=hint)
    for older in revived(seen.policy, seen.older, here.older, seen.policy_sha256):
        message = (
            f"trust state {here.state} lets policy version {older.version} count until "
            f"{older.until}, and a state seen before on this machine did not"
        )
        raise VerificationError(message, hint=hint)


def advance(
    memory: tuple[Seen, ...], roots: Iterable[str], here: Versions, now: str
) -> tuple[Seen, ...]:
    """The memory with these documents in it. ``now`` is ISO 8601 UTC.

    Raises:
        ConfigError: the clock was set back, so that nobody can tell what has expired.
        VerificationError: they are older than what was seen.

    """
    line = frozenset(roots)
    seen = recall(memory, line)
    require_not_older(seen, here)
    if seen.since and times.seconds(now) + SKEW_SECONDS < times.seconds(seen.since):
        message = f"the clock says {now}, and trust was seen on this machine on {seen.since}"
        hint = "set the clock right; if it is, it was wrong then: remove trust-seen.json"
        raise ConfigError(message, hint=hint)
    same = here.state_sha256 == seen.newest.state_sha256
    others = tuple(each for each in memory if not each.roots & line)
    return (*others, Seen(seen.roots | line, here, seen.since if same else now))


def _seen(fields: Fields) -> Seen:
    seen = Seen(
        fields.hexdigests("roots"),
        Versions(
            fields.count("rootVersion", low=1),
            fields.count("policyVersion", low=1),
            fields.count("stateVersion", low=1),
            fields.hexdigest("stateSha256"),
            _revocations(fields),
            parse_minimum(fields),
            parse_older(fields),
            # memories were written without it
            fields.hexdigest("policySha256") if fields.has("policySha256") else "",
        ),
        fields.instant("since"),
    )
    fields.done()
    return seen


def _revocations(fields: Fields) -> Revocations:
    if not fields.has("revoked"):  # written before revocations were kept
        return Revocations()
    lists = fields.object("revoked")
    revoked = Revocations(*(lists.hexdigests(name) for name in Revocations._fields))
    lists.done()
    return revoked
