# SPDX-License-Identifier: Apache-2.0
"""What a pending trust document changes, in words: what people read before they sign.

Complete by construction: documents are compared field by field, so that nothing can be changed
that is not said. The lines are for people and hold other people's text: escape them.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from hubpolicy.core import strictjson
from hubpolicy.core.documents import parse_root, parse_state
from hubpolicy.core.policy import policy_payload
from hubpolicy.domain.trust import OlderPolicy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hubpolicy.core.pending import Pending
    from hubpolicy.core.trust_folder import Standing
    from hubpolicy.domain.trust import Key, Role, State, TrustRoot


def changes_of(standing: Standing, pending: Pending) -> tuple[str, ...]:
    """All lines about one pending document, against what is published."""
    payload, where = pending.envelope.payload, pending.path
    if pending.kind == "root":
        return root_changes(standing.root, parse_root(payload, where=where))
    if pending.kind == "state":
        return state_changes(standing.state, parse_state(payload, where=where))
    before = standing.policy
    return policy_changes(
        None if before is None else strictjson.canonical(policy_payload(before)), payload
    )


def root_changes(before: TrustRoot | None, after: TrustRoot) -> tuple[str, ...]:
    """Keys, roles, thresholds, authorities and expiry that are not what they were."""
    return tuple(_root_lines(before, after))


def state_changes(before: State | None, after: State) -> tuple[str, ...]:
    """Revocations, the policy that is named, and when it ends."""
    return tuple(_state_lines(before, after))


def policy_changes(before: bytes | None, after: bytes) -> tuple[str, ...]:
    """One line per value of the resolved policy that is not what it was."""
    values = strictjson.parse(after, what="the policy")
    if before is None:
        return tuple(f"{name} = {value}" for name, value in _flat(values, whole=True))
    old = dict(_flat(strictjson.parse(before, what="the policy")))
    new = dict(_flat(values))
    lines = tuple(
        f"{name}: {old.get(name, 'nothing')} -> {new.get(name, 'nothing')}"
        for name in dict.fromkeys((*old, *new))
        if old.get(name) != new.get(name)
    )
    return lines or ("nothing: it is signed anew",)


def weaker(standing: Standing, after: TrustRoot) -> tuple[str, ...]:
    """Roles that fewer people can fill than before: worth a second look."""
    before = standing.root
    if before is None:
        return ()
    return tuple(
        f"role {role.name} takes fewer people: {old.threshold} before, {role.threshold} now"
        for role in after.roles
        if (old := before.role(role.name)) is not None and role.threshold < old.threshold
    )


def _root_lines(before: TrustRoot | None, after: TrustRoot) -> Iterator[str]:
    if before is None or before.expires != after.expires:
        yield _change("expires", None if before is None else before.expires, after.expires)
    yield from _key_lines(() if before is None else before.keys, after.keys)
    yield from _role_lines(() if before is None else before.roles, after.roles)
    for what, old, new in (
        ("authority", () if before is None else before.authorities, after.authorities),
        ("identity", () if before is None else before.identities, after.identities),
        ("trusted root", () if before is None else before.trusted_roots, after.trusted_roots),
        ("time authority", () if before is None else before.time_authorities,
         after.time_authorities),
    ):  # fmt: skip
        yield from (f"{what} removed: {_short(item)}" for item in old if item not in new)
        yield from (f"{what} added: {_short(item)}" for item in new if item not in old)
    if before is not None and before.solo != after.solo:
        yield "trust becomes solo: one person holds every key" if after.solo else "no longer solo"


def _key_lines(before: tuple[Key, ...], after: tuple[Key, ...]) -> Iterator[str]:
    yield from (f"key removed: {k.principal}  {k.keyid}" for k in before if k not in after)
    yield from (f"key added: {k.principal}  {k.keyid}" for k in after if k not in before)


def _role_lines(before: tuple[Role, ...], after: tuple[Role, ...]) -> Iterator[str]:
    old, new = ({role.name: role for role in roles} for roles in (before, after))
    for name in dict.fromkeys((*old, *new)):
        if old.get(name) != new.get(name):
            yield _change(f"role {name}", _role(old.get(name)), _role(new.get(name)) or "removed")


def _role(role: Role | None) -> str | None:
    if role is None:
        return None
    return f"{role.threshold} of {', '.join(sorted(role.principals))}"


def _state_lines(before: State | None, after: State) -> Iterator[str]:
    yield _change("expires", None if before is None else before.expires, after.expires)
    policy = f"{after.policy_version}, {after.policy_sha256}"
    named = None if before is None else f"{before.policy_version}, {before.policy_sha256}"
    if named != policy:
        yield _change("policy", named, policy)
    yield from _terms_lines(before, after)
    for what in ("keys", "payloads", "files"):
        old = frozenset() if before is None else getattr(before, f"revoked_{what}")
        new = getattr(after, f"revoked_{what}")
        yield from (f"revokes {what.removesuffix('s')} {digest}" for digest in sorted(new - old))
        yield from (f"TAKES BACK {what.removesuffix('s')} {digest}" for digest in sorted(old - new))


def _terms_lines(before: State | None, after: State) -> Iterator[str]:
    least = "" if before is None else before.minimum_version
    if least != after.minimum_version:
        now = after.minimum_version or "none"
        yield _change("least hubpolicy version", None if before is None else least or "none", now)
    old = {} if before is None else {older.sha256: older for older in before.older_policies}
    new = {older.sha256: older for older in after.older_policies}
    if before is not None and before.policy_sha256 != after.policy_sha256:
        old[before.policy_sha256] = OlderPolicy(before.policy_version, before.policy_sha256, "")
    for sha256, older in (old | new).items():
        what = f"releases under policy {older.version}, {sha256}"
        if sha256 not in new:
            yield f"{what}: count no more"
        elif old.get(sha256) != older:
            was = old[sha256].until if sha256 in old else ""
            yield _change(f"{what}, count until", was or None, older.until)


def _change(name: str, before: str | None, after: str) -> str:
    return f"{name}: {after}" if before is None else f"{name}: {before} -> {after}"


def _short(item: Any) -> str:
    """An authority, identity, … as its fields; PEM and JSON texts by their digest."""
    return ", ".join(map(_field, item))


def _field(value: object) -> str:
    if isinstance(value, str) and ("\n" in value or value.startswith("{")):
        return f"sha256 {hashlib.sha256(value.encode('utf-8')).hexdigest()}"
    if isinstance(value, tuple):
        return "; ".join(" is ".join(member) for member in value)
    return str(value)


def _flat(value: Any, name: str = "", *, whole: bool = False) -> Iterator[tuple[str, str]]:
    """(path, value as text) of every leaf. Lists of plain values are one leaf.

    ``whole``: items of a list are one line each, for a document that is new altogether.
    """
    if isinstance(value, dict) and value:
        for key, child in sorted(value.items()):
            yield from _flat(child, f"{name}.{key}" if name else key, whole=whole)
    elif isinstance(value, list) and any(isinstance(item, (dict, list)) for item in value):
        for label, child in zip(_labels(value), value, strict=True):
            if whole:
                words = ", ".join(f"{inner} {text}" for inner, text in _flat(child))
                yield f"{name}[{label}]", words
            else:
                yield from _flat(child, f"{name}[{label}]")
    else:
        yield name, strictjson.canonical(value).decode()


def _labels(items: list[Any]) -> list[object]:
    """What an item is called, where all have names of their own; else its place in the list."""
    for key in ("id", "role", "rule", "name"):
        names = [item.get(key) if isinstance(item, dict) else None for item in items]
        if all(isinstance(name, str) for name in names) and len(set(names)) == len(names):
            return names
    return list(range(len(items)))
