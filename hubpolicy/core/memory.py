# SPDX-License-Identifier: Apache-2.0
"""What this client has seen: the highest versions of root, policy and state, by line of roots.

TUF's clients keep the newest metadata for the same purpose (TUF specification §5.3-5.5): somebody
who serves yesterday's state, or a configuration restored from a backup, cannot take a revocation
back. It is advanced only after everything else held. A line is known by the payload digests of
its roots, so that another way to pin the same people is the same line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from hubpolicy.core import times
from hubpolicy.core.fields import Fields
from hubpolicy.core.strictjson import canonical, parse
from hubpolicy.errors import ConfigError, MalformedError, VerificationError

if TYPE_CHECKING:
    from collections.abc import Iterable

SCHEMA = "hubpolicy/memory/1"
MOST_LINES = 64
SKEW_SECONDS = 86400
"""How far the clock may be behind a moment that this machine has seen."""


class Versions(NamedTuple):
    """Of the documents that stand together, and the payload digest of that state."""

    root: int
    policy: int
    state: int
    state_sha256: str


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
    return Seen(
        frozenset().union(*(line.roots for line in lines)),
        latest.newest._replace(
            root=max(line.newest.root for line in lines),
            policy=max(line.newest.policy for line in lines),
        ),
        latest.since,
    )


def require_not_older(seen: Seen, here: Versions) -> None:
    """Refuse documents that are older than those seen, or others of the same version.

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
        ),
        fields.instant("since"),
    )
    fields.done()
    return seen
