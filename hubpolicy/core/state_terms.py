# SPDX-License-Identifier: Apache-2.0
"""What a state asks besides revocations: the least hubpolicy, and how long older policies count.

Both are optional, and both only ever tighten for who has seen them: the least version goes up, and
a policy that is not the newest any more counts no longer than a state before said. So whoever
steals the key that renews the state brings no old policy back, and no old hubpolicy.

An older policy counts for one thing: a release line that names it need not be signed anew (HP309).
Everything else is judged under the policy in force. On the hook's path: standard library only.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hubpolicy import __version__
from hubpolicy.core import times
from hubpolicy.domain.trust import OlderPolicy
from hubpolicy.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hubpolicy.core.fields import Fields
    from hubpolicy.domain.policy import Policy
    from hubpolicy.domain.trust import State

MOST_OLDER = 64
"""Older policies that one state may name."""

_NUMBER = r"(0|[1-9][0-9]{0,5})"
_RELEASE = rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}"
_OWN = _RELEASE + r"((?:a|b|rc)[0-9]+)?(?:\.post[0-9]+)?(\.dev[0-9]+)?(?:\+[0-9a-z.]+)?"
"""A version as Python packages spell theirs (PEP 440), in its normal form with three numbers.

Compiled where a state asks for one: most pushes are spared it.
"""


# Documents -----------------------------------------------------------------------------------


def terms_fields(minimum: str, policies: tuple[OlderPolicy, ...]) -> dict[str, object]:
    """The fields of a state's payload; none where it asks nothing."""
    fields: dict[str, object] = {}
    if minimum:
        fields["minimumVersion"] = minimum
    if policies:
        fields["olderPolicies"] = [
            {"version": older.version, "digest": {"sha256": older.sha256}, "until": older.until}
            for older in policies
        ]
    return fields


def parse_minimum(fields: Fields) -> str:
    """The least hubpolicy version that a state asks for; empty where it asks for none.

    Raises:
        MalformedError: it is not ``X.Y.Z``.

    """
    if not fields.has("minimumVersion"):
        return ""
    text = fields.text("minimumVersion")
    if not is_version(text):
        fields.refuse("minimumVersion", "a version like 1.2.0")
    return text


def parse_older(fields: Fields) -> tuple[OlderPolicy, ...]:
    """The older policies that count; none where the state names none.

    Raises:
        MalformedError: an empty list, one that is too long, or an item that is none.

    """
    if not fields.has("olderPolicies"):
        return ()
    items = fields.objects("olderPolicies")
    if not 1 <= len(items) <= MOST_OLDER:
        fields.refuse("olderPolicies", f"1 to {MOST_OLDER} older policies, or no such field")
    return tuple(map(_older, items))


def require_older(state: State, fields: Fields) -> None:
    """Refuse a list that is not in order, or names what is not older than the newest policy.

    Raises:
        MalformedError: so it is.

    """
    versions = [*(older.version for older in state.older_policies), state.policy_version]
    digests = {*(older.sha256 for older in state.older_policies), state.policy_sha256}
    if versions != sorted(set(versions)) or len(digests) != len(versions):
        expected = f"policies before version {state.policy_version}, each once, in rising order"
        fields.refuse("olderPolicies", expected)


def _older(fields: Fields) -> OlderPolicy:
    older = OlderPolicy(fields.count("version", low=1), fields.digest(), fields.date("until"))
    fields.done()
    return older


# Versions ------------------------------------------------------------------------------------


def is_version(text: str) -> bool:
    """True for ``X.Y.Z`` with plain numbers."""
    return re.fullmatch(_RELEASE, text) is not None


def is_before(own: str, minimum: str) -> bool:
    """Whether a hubpolicy is older than that; one whose version cannot be read is.

    Releases before a release (``1.2.0rc1``, ``1.2.0.dev3``) are older than it.
    """
    found = re.fullmatch(_OWN, own)
    if found is None:
        return True
    have, need = _numbers(own), _numbers(minimum)
    return have < need or (have == need and bool(found[4] or found[5]))


def higher(one: str, other: str) -> str:
    """The higher of two least versions; an empty one is lower than any."""
    return max(one, other, key=lambda text: _numbers(text) if text else ())


def is_outdated(state: State, own: str = __version__) -> bool:
    """Whether a hubpolicy is older than the state asks for."""
    return bool(state.minimum_version) and is_before(own, state.minimum_version)


def require_version(state: State, own: str = __version__) -> None:
    """Refuse to judge by a hubpolicy that is older than the state asks for.

    Raises:
        ConfigError: naming both versions.

    """
    if is_outdated(state, own):
        message = (
            f"this is hubpolicy {own}, and trust state {state.version} asks for "
            f"{state.minimum_version} or later"
        )
        hint = f"pip install --upgrade 'hubpolicy>={state.minimum_version}'"
        raise ConfigError(message, hint=hint)


def _numbers(text: str) -> tuple[int, ...]:
    found = re.match(_RELEASE, text)
    return () if found is None else tuple(map(int, found.groups()))


# Older policies ------------------------------------------------------------------------------


def find_older(state: State, sha256: str) -> OlderPolicy | None:
    """The older policy with that payload digest, whether or not it counts still."""
    return next((older for older in state.older_policies if older.sha256 == sha256), None)


def counts(older: OlderPolicy, now: str) -> bool:
    """Whether its last day is not over. ``now`` is ISO 8601 UTC."""
    return older.until >= now[:10]


def succeeded(
    older: tuple[OlderPolicy, ...], version: int, sha256: str, until: str, now: str
) -> tuple[OlderPolicy, ...]:
    """The older policies of the state after the next policy.

    Those that count still, and the one that was newest until that day; an empty day is never.
    """
    kept = tuple(each for each in older if counts(each, now) and each.sha256 != sha256)
    return (*kept, OlderPolicy(version, sha256, until)) if until else kept


def require_day(until: str, policy: Policy | None, now: str) -> None:
    """Refuse a last day for releases that is over, or later than a policy's own.

    Raises:
        ConfigError: naming the days that there are; or there is no policy yet.

    """
    if policy is None:
        message = "no policy is published yet, so that no release was made under an older one"
        raise ConfigError(message, hint="leave --older-until out")
    if not times.is_date(until) or not now[:10] <= until <= policy.expires:
        days = f"{now[:10]} to {policy.expires}"
        message = f"got --older-until {until[:40]!r}, expected a day from {days}"
        raise ConfigError(message, hint="after that day each release is attested again")


def ended(state: State, until: str, now: str) -> tuple[OlderPolicy, ...]:
    """The older policies of a state, none of them longer than to that day."""
    capped = (older._replace(until=min(older.until, until)) for older in state.older_policies)
    return tuple(older for older in capped if counts(older, now))


def revived(
    policy_version: int,
    known: tuple[OlderPolicy, ...],
    after: tuple[OlderPolicy, ...],
    policy_sha256: str = "",
) -> tuple[OlderPolicy, ...]:
    """Those of ``after`` that count longer than was known when a policy of that version was newest.

    What was newest then, or came later, may count as long as a state says; but not what was known
    under another number, nor, where ``policy_sha256`` (of the newest) is known, another policy
    under its number.
    """
    last = {older.sha256: older for older in known}
    versions = {older.sha256: older.version for older in known}
    if policy_sha256:
        versions[policy_sha256] = policy_version

    def is_revived(older: OlderPolicy) -> bool:
        if versions.get(older.sha256, older.version) != older.version:
            return True
        if older.version == policy_version:
            return policy_sha256 not in {"", older.sha256}
        if older.version > policy_version:
            return False
        return older.sha256 not in last or last[older.sha256].until < older.until

    return tuple(filter(is_revived, after))


def joined(waiting: State, published: State | None) -> State:
    """A prepared state with what was published meanwhile: it takes nothing of that back."""
    if published is None:
        return waiting
    newest = waiting if waiting.policy_version > published.policy_version else published
    kept = (_shorter(older, published) for older in waiting.older_policies)
    return waiting._replace(
        policy_version=newest.policy_version,
        policy_sha256=newest.policy_sha256,
        revoked_keys=waiting.revoked_keys | published.revoked_keys,
        revoked_payloads=waiting.revoked_payloads | published.revoked_payloads,
        revoked_files=waiting.revoked_files | published.revoked_files,
        minimum_version=higher(waiting.minimum_version, published.minimum_version),
        older_policies=tuple(each for each in kept if each is not None),
    )


def _shorter(older: OlderPolicy, published: State) -> OlderPolicy | None:
    """An older policy as far as it may stand after a published state."""
    if (older.version, older.sha256) == (published.policy_version, published.policy_sha256):
        return older
    known = find_older(published, older.sha256)
    if known is None or known.version != older.version:
        return None
    return known._replace(until=min(known.until, older.until))


def loosened(before: State, after: State) -> Iterator[str]:
    """What a state takes back of what the one before it asked, in words."""
    if higher(before.minimum_version, after.minimum_version) != after.minimum_version:
        got = after.minimum_version or "none"
        yield (
            f"got {got} as the least hubpolicy version, expected {before.minimum_version} or later"
        )
    for older in revived(before.policy_version, before.older_policies, after.older_policies):
        yield (
            f"got policy version {older.version} counting until {older.until}, expected no longer "
            "than the published state says"
        )
    newest = (before.policy_version, before.policy_sha256)
    for older in after.older_policies:
        if older.version >= before.policy_version and (older.version, older.sha256) != newest:
            yield (
                f"got older policy {older.sha256} as version {older.version}, expected "
                f"{before.policy_sha256} as version {before.policy_version}"
            )
