# SPDX-License-Identifier: Apache-2.0
"""Trust in words and as JSON: who may sign what, what is revoked, what waits for whom."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from hubpolicy.core.trust_change import changes_of
from hubpolicy.core.trust_folder import (
    STATE_PATH,
    Standing,
    TrustFolder,
    counts,
    pin_of,
    policy_path,
    root_path,
)
from hubpolicy.domain.certified import name_id
from hubpolicy.flows.trusting import STATE_DAYS
from hubpolicy.render.escape import in_json

if TYPE_CHECKING:
    from hubpolicy.core.pending import Count, Pending
    from hubpolicy.domain.policy import Policy
    from hubpolicy.domain.trust import State, TrustRoot


def root_lines(root: TrustRoot, revoked: frozenset[str]) -> list[str]:
    """Keys and roles of a root."""
    kind = "solo: one person holds every key" if root.solo else "team"
    lines = [f"root {root.sha256}  version {root.version}, expires {root.expires}  ({kind})"]
    for key in root.keys:
        mark = "  REVOKED" if key.keyid in revoked else ""
        lines.append(f"  key {key.keyid}  {key.principal}{mark}")
    certified = [
        (name_id(member.name), f"{member.name} by {authority.name}", member.principal)
        for authority in root.authorities
        for member in authority.members
    ]
    keyless = [(w.keyid, f"{w.identity} of {w.issuer}", w.principal) for w in root.identities]
    for digest, name, principal in (*certified, *keyless):
        mark = "  REVOKED" if digest in revoked else ""
        lines.append(f"  name {digest}  {principal}: {name}{mark}")
    lines += [f"  time authority {authority.name}" for authority in root.time_authorities]
    for role in root.roles:
        people = ", ".join(sorted(role.principals))
        lines.append(f"  {role.name}: {role.threshold} of {people}")
    return lines


def state_lines(state: State) -> list[str]:
    """Version, expiry, policy, what is asked for, and revocations of a state."""
    lines = [
        f"state version {state.version}, expires {state.expires}",
        f"  policy {state.policy_sha256} (version {state.policy_version})",
    ]
    if state.minimum_version:
        lines.append(f"  least hubpolicy version {state.minimum_version}")
    lines += [
        f"  older policy {older.sha256} (version {older.version}) counts until {older.until}"
        for older in state.older_policies
    ]
    for name, values in _revoked(state).items():
        lines += [f"  revoked {name} {value}" for value in values]
    return lines


def folder_lines(folder: TrustFolder, standing: Standing, now: str) -> list[str]:
    """Everything about a trust folder."""
    lines = ["nothing is published yet"] if standing.root is None else []
    if standing.root is not None:
        lines = [f"pin  {pin_of(folder)}  (root 1: what consumers give to trust pin --sha256)"]
        lines += root_lines(standing.root, standing.revoked_keys)
    if standing.state is not None:
        lines += state_lines(standing.state)
        lines.append(f"  {freshness(standing.state, now)}")
    for pending in folder.pending:
        lines.append(f"pending {pending.kind} {pending.version}  sha256 {pending.sha256}")
        lines += [f"  {line}" for line in changes_of(standing, pending)]
    return [*lines, *missing_lines(folder, standing)]


def freshness(state: State, now: str) -> str:
    """Whether the state is young, past half of its life, or over."""
    if state.expires < now:
        return f"EXPIRED on {state.expires}: consumers are blocked until it is renewed"
    if is_due(state, now):
        return "past half of its life: hubpolicy trust state renew DIR"
    return f"fresh; half of its life is over on {half_life(state)}"


def half_life(state: State) -> str:
    """The instant from which it should be renewed, if it was given a team's usual life."""
    then = datetime.fromisoformat(state.expires) - timedelta(days=STATE_DAYS / 2)
    return then.strftime("%Y-%m-%dT%H:%M:%SZ")


def is_due(state: State, now: str) -> bool:
    """True from half of its life on."""
    return now >= half_life(state)


def missing_lines(folder: TrustFolder, standing: Standing) -> list[str]:
    """One line for each pending document: who has signed, and who of whom is missing."""
    lines = []
    for pending in folder.pending:
        found = counts(folder, standing, pending)
        words = "; ".join(_count(each, roots=len(found)) for each in found)
        if all(each.complete for each in found):
            words += "; waits for what is pending beside it"
        lines.append(f"waits  {pending.kind} {pending.version}: {words}")
    return lines


def published_lines(before: TrustFolder, after: TrustFolder) -> list[str]:
    """One line for each document that was published between the two."""
    new = range(len(before.roots), len(after.roots))
    lines = [f"published  {root_path(number + 1)}" for number in new]
    old = dict(before.policies)
    lines += [
        f"published  {policy_path(version)}"
        for version, raw in after.policies
        if old.get(version) != raw
    ]
    if after.state != before.state:
        lines.append(f"published  {STATE_PATH}")
    return lines


def folder_json(folder: TrustFolder, standing: Standing, now: str) -> str:
    """For programs: one document."""
    document = _standing_json(standing.root, standing.policy, standing.state)
    document["pin"] = pin_of(folder) if folder.roots else None
    if standing.state is not None:
        document["state"] |= {
            "expired": standing.state.expires < now,
            "half_life": half_life(standing.state),
            "due": is_due(standing.state, now),
        }
    document["pending"] = [_pending_json(folder, standing, each) for each in folder.pending]
    return _text(document)


def trust_json(root: TrustRoot, policy: Policy, state: State) -> str:
    """What is in force in the user's configuration, for programs."""
    return _text(_standing_json(root, policy, state))


def _count(found: Count, *, roots: int) -> str:
    signed = ", ".join(sorted(found.signed)) or "nobody"
    under = f" under root {found.root}" if roots > 1 else ""
    words = f"{len(found.signed)} of {found.threshold} of role {found.role}{under} ({signed})"
    if found.complete:
        return words
    missing = ", ".join(sorted(found.missing)) or "nobody is left: rotate somebody in"
    return f"{words}, missing {found.threshold - len(found.signed)} of: {missing}"


def _standing_json(
    root: TrustRoot | None, policy: Policy | None, state: State | None
) -> dict[str, Any]:
    document: dict[str, Any] = {"schema_version": 1, "root": None, "policy": None, "state": None}
    if root is not None:
        document["root"] = _root_json(root)
    if policy is not None:
        document["policy"] = {
            "id": policy.id,
            "version": policy.version,
            "expires": policy.expires,
            "sha256": policy.sha256,
        }
    if state is not None:
        document["state"] = {
            "version": state.version,
            "expires": state.expires,
            "policy": {"version": state.policy_version, "sha256": state.policy_sha256},
            "minimum_version": state.minimum_version or None,
            "older_policies": [older._asdict() for older in state.older_policies],
            "revoked": {f"{name}s": values for name, values in _revoked(state).items()},
        }
    return document


def _root_json(root: TrustRoot) -> dict[str, Any]:
    return {
        "version": root.version,
        "sha256": root.sha256,
        "expires": root.expires,
        "solo": root.solo,
        "keys": [{"keyid": key.keyid, "principal": key.principal} for key in root.keys],
        "authorities": [
            {
                "name": each.name,
                "members": [
                    {"keyid": name_id(m.name), "name": m.name, "principal": m.principal}
                    for m in each.members
                ],
            }
            for each in root.authorities
        ],
        "identities": [
            {
                "keyid": who.keyid,
                "issuer": who.issuer,
                "identity": who.identity,
                "principal": who.principal,
            }
            for who in root.identities
        ],
        "time_authorities": [each.name for each in root.time_authorities],
        "roles": {
            role.name: {"threshold": role.threshold, "principals": sorted(role.principals)}
            for role in root.roles
        },
    }


def _pending_json(folder: TrustFolder, standing: Standing, pending: Pending) -> dict[str, Any]:
    return {
        "kind": pending.kind,
        "version": pending.version,
        "path": pending.path,
        "sha256": pending.sha256,
        "changes": list(changes_of(standing, pending)),
        "signatures": [
            {
                "root": found.root,
                "role": found.role,
                "threshold": found.threshold,
                "signed": sorted(found.signed),
                "missing": sorted(found.missing),
                "complete": found.complete,
            }
            for found in counts(folder, standing, pending)
        ],
    }


def _revoked(state: State) -> dict[str, list[str]]:
    return {
        "key": sorted(state.revoked_keys),
        "payload": sorted(state.revoked_payloads),
        "file": sorted(state.revoked_files),
    }


def _text(document: dict[str, Any]) -> str:
    return in_json(json.dumps(document, indent=2, ensure_ascii=True))
