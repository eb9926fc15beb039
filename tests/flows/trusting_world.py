# SPDX-License-Identifier: Apache-2.0
"""A team of three and its trust folder as a value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hubpolicy.core.documents import verify_policy, verify_trust
from hubpolicy.core.policy import policy_payload
from hubpolicy.core.strictjson import canonical
from hubpolicy.core.trust_folder import TrustFolder, pin_of
from hubpolicy.domain.trust import Role, TrustRoot
from hubpolicy.errors import HubpolicyError
from hubpolicy.flows.trusting import add_signature, found_team, publish
from tests.golden.samples import NOW, key, signer
from tests.unit.core.release_world import POLICY

if TYPE_CHECKING:
    from hubpolicy.domain.policy import Policy

PEOPLE = ("ada", "bob", "cleo")
DAYS = 7
KINDS = ("root", "policy", "state")


def payload(policy: Policy = POLICY, **changes: Any) -> bytes:
    return canonical(policy_payload(policy._replace(**changes)))


def source(**thresholds: int) -> TrustRoot:
    """Everybody holds every role; ``root=2`` sets a threshold."""
    names = ("root", "policy", "state", "releaser", "checker", "approver:safety", "approver:legal")
    return TrustRoot(
        version=1,
        expires="2028-01-01",
        solo=False,
        keys=(*(key(who) for who in PEOPLE), key("ada-2", "ada")),
        roles=tuple(Role(name, frozenset(PEOPLE), thresholds.get(name, 1)) for name in names),
        sha256="",
    )


def without(root: TrustRoot, who: str, *more: str) -> TrustRoot:
    """The root after somebody left, and others came."""
    people = (frozenset(PEOPLE) - {who}) | set(more)
    kept = tuple(k for k in root.keys if k.principal != who)
    roles = tuple(r._replace(principals=people) for r in root.roles)
    return root._replace(keys=(*kept, *(key(name) for name in more)), roles=roles)


def signed(folder: TrustFolder, *who: str, kinds: tuple[str, ...] = KINDS) -> TrustFolder:
    """Each signs what they may, and what is complete is published."""
    for name in who:
        for kind in kinds:
            try:
                folder = add_signature(folder, signer(name), kind)
            except HubpolicyError:
                continue
        folder, _ = publish(folder, NOW, days=DAYS)
    return folder


def standing_team(**thresholds: int) -> TrustFolder:
    folder = found_team(source(**thresholds), payload(), NOW, days=DAYS)
    return signed(folder, *PEOPLE)


def consumed(folder: TrustFolder, now: str = NOW) -> tuple[int, int, int]:
    """What a consumer makes of it: versions of root, policy and state."""
    assert folder.state is not None
    trust = verify_trust(folder.roots, folder.state, pin=pin_of(folder), now=now)
    raw = dict(folder.policies)[trust.state.policy_version]
    verify_policy(raw, trust)
    return trust.root.version, trust.state.policy_version, trust.state.version
