# SPDX-License-Identifier: Apache-2.0
"""Trust of a team as values: whatever the order of signing, what is published holds for consumers."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubpolicy.core.documents import (
    ROOT_TYPE,
    open_document,
    parse_state,
    state_payload,
)
from hubpolicy.core.pending import count, pending_bytes, propose, signed_by
from hubpolicy.core.policy import policy_payload
from hubpolicy.core.strictjson import canonical
from hubpolicy.core.trust_change import changes_of, policy_changes, root_changes, weaker
from hubpolicy.core.trust_folder import TrustFolder, counts, pin_of, put, verify_folder
from hubpolicy.errors import ConfigError, HubpolicyError, VerificationError
from hubpolicy.flows.renewing import renew_state
from hubpolicy.flows.trusting import (
    add_signature,
    duty_of,
    found_team,
    propose_policy,
    propose_revocation,
    propose_root,
    publish,
    require_fillable,
)
from tests.flows.trusting_world import (
    DAYS,
    KINDS,
    PEOPLE,
    consumed,
    payload,
    signed,
    source,
    standing_team,
    without,
)
from tests.golden.samples import NOW, sha, signer
from tests.unit.core.release_world import POLICY, SAFETY, asking

if TYPE_CHECKING:
    from hubpolicy.domain.trust import TrustRoot

# Whatever the order --------------------------------------------------------------------------


@given(
    st.integers(1, 3), st.integers(1, 3), st.integers(1, 3),
    st.lists(st.tuples(st.sampled_from((*PEOPLE, "ada-2", "eve")), st.sampled_from(KINDS)), max_size=10),
)  # fmt: skip
def test_the_first_trust_stands_when_enough_people_have_signed_each(
    root: int, policy: int, state: int, events: list[tuple[str, str]]
) -> None:
    wanted = {"root": root, "policy": policy, "state": state}
    folder = found_team(source(**wanted), payload(), NOW, days=DAYS)
    people: dict[str, set[str]] = {kind: set() for kind in KINDS}
    for who, kind in events:
        if folder.find(kind) is None:
            continue
        person = who.removesuffix("-2")
        if person == "eve" or person in people[kind]:
            with pytest.raises(VerificationError):
                add_signature(folder, signer(who), kind)
            continue
        folder = add_signature(folder, signer(who), kind)
        people[kind].add(person)
        folder, _ = publish(folder, NOW, days=DAYS)
    complete = {kind: len(people[kind]) >= wanted[kind] for kind in KINDS}
    assert bool(folder.roots) == complete["root"]
    assert (folder.state is not None) == all(complete.values())
    if folder.state is not None:
        assert consumed(folder) == (1, 1 if POLICY.version == 1 else POLICY.version, 1)
        assert folder.pending == ()


@given(st.permutations(["ada", "bob", "cleo", "dora"]))
def test_a_rotation_holds_for_consumers_at_every_moment(order: list[str]) -> None:
    """Ada leaves, dora comes; two of three before and after."""
    folder = standing_team(root=2, policy=2)
    next_root = without(source(root=2, policy=2), "ada", "dora")
    folder = propose_root(folder, next_root, NOW, days=DAYS)
    before = consumed(folder)
    for number, who in enumerate(order, start=1):
        folder = signed(folder, who)
        versions = consumed(folder)
        had = set(order[:number])
        # Two of ada, bob, cleo and two of bob, cleo, dora.
        enough = len(had - {"dora"}) >= 2 and len(had - {"ada"}) >= 2
        assert (versions[0] == 2) == enough, had
        assert versions[2] >= before[2]
    assert consumed(folder)[0] == 2


class Acts:
    """A team at work; each act may be refused, and then changes nothing."""

    def __init__(self) -> None:
        self.folder = standing_team(root=2, policy=2, state=2)
        self.root = source(root=2, policy=2, state=2)
        self.policies, self.number = POLICY.version, 0

    def do(self, act: str) -> None:
        self.number += 1
        if act == "swap":
            gone, comes = ("ada", "dora") if "ada" in self.root.people else ("dora", "ada")
            root = without(self.root, gone, comes)
            self.folder, self.root = propose_root(self.folder, root, NOW, days=DAYS), root
        elif act == "rotate":
            root = self.root._replace(expires=f"2029-01-{self.number:02}")
            self.folder, self.root = propose_root(self.folder, root, NOW, days=DAYS), root
        elif act == "policy":
            raw = payload(version=self.policies + 1)
            self.folder = propose_policy(self.folder, raw, NOW, days=DAYS)
            self.policies += 1
        elif act == "revoke":
            files = frozenset({sha(str(self.number))})
            self.folder = propose_revocation(self.folder, NOW, days=DAYS, files=files)
        elif act == "renew":
            self.folder = renew_state(self.folder, signer("cleo"), NOW, days=DAYS)
        else:
            self.folder = signed(self.folder, act)


ACTS = ["swap", "rotate", "policy", "revoke", "renew", "ada", "bob", "cleo", "dora"]


@settings(max_examples=30)
@given(st.lists(st.sampled_from(ACTS), max_size=14))
def test_no_sequence_of_acts_publishes_what_consumers_refuse(acts: list[str]) -> None:
    team = Acts()
    seen = consumed(team.folder)
    for act in acts:
        with suppress(HubpolicyError):
            team.do(act)
        here = consumed(team.folder)
        assert all(new >= old for new, old in zip(here, seen, strict=True))
        seen = here
    # Nothing that waits is ever stuck: everybody together ends it.
    for who in ("ada", "bob", "cleo", "dora", "ada"):
        team.do(who)
    assert team.folder.pending == ()
    assert consumed(team.folder)[1] == team.policies
    newest = verify_folder(team.folder).root
    assert newest is not None
    assert newest._replace(version=1, sha256="") == team.root._replace(version=1)


# What must be signed anew --------------------------------------------------------------------


def test_who_leaves_does_not_take_the_policy_along() -> None:
    folder = standing_team(root=2, policy=2)
    folder = propose_root(folder, without(source(root=2, policy=2), "ada", "dora"), NOW, days=DAYS)
    policy = folder.find("policy")
    assert policy is not None
    assert len(policy.envelope.signatures) == 2  # bob's counts on, and ada's is of no harm
    standing = verify_folder(folder)
    assert not duty_of(folder, standing, policy, signer("ada").keyid).may
    assert duty_of(folder, standing, policy, signer("dora").keyid).may


def test_a_state_renewed_by_who_leaves_is_prepared_anew() -> None:
    folder = standing_team(root=2)
    folder = signed(propose_revocation(folder, NOW, days=DAYS, files=frozenset({sha("x")})), "bob")
    folder = propose_root(folder, without(source(root=2), "ada"), NOW, days=DAYS)
    assert [p.kind for p in folder.pending] == ["root"]
    folder = renew_state(folder, signer("ada"), NOW, days=DAYS)
    assert [p.kind for p in folder.pending] == ["root", "state"]
    folder = signed(folder, "bob", "cleo")
    assert folder.pending == ()
    assert consumed(folder)[0] == 2


def test_a_stolen_key_signs_no_policy_that_is_pending() -> None:
    folder = standing_team(policy=2)
    folder = propose_policy(folder, payload(version=POLICY.version + 1), NOW, days=DAYS)
    folder = add_signature(folder, signer("ada"), "policy")
    folder = propose_revocation(folder, NOW, days=DAYS, keys=frozenset({signer("ada").keyid}))
    folder = signed(folder, "bob")
    policy = folder.find("policy")
    assert policy is not None, "ada's signature under the new policy counts no more"
    folder = signed(folder, "cleo")
    assert folder.pending == ()
    assert consumed(folder)[1] == POLICY.version + 1


def test_signatures_of_former_roots_are_not_carried_along() -> None:
    folder = standing_team(root=2, policy=2)
    first = without(source(root=2, policy=2), "ada", "dora")
    folder = signed(propose_root(folder, first, NOW, days=DAYS), "bob", "cleo", "dora")
    second = without(first, "bob", "ada", "dora")
    second = second._replace(
        roles=tuple(
            r._replace(principals=frozenset({"ada", "cleo", "dora"})) for r in second.roles
        ),
        keys=tuple({k.keyid: k for k in second.keys}.values()),
    )
    folder = propose_root(folder, second, NOW, days=DAYS)
    standing = verify_folder(folder)
    for pending in folder.pending:
        assert counts(folder, standing, pending)
    folder = signed(folder, "cleo", "dora", "bob")
    assert consumed(folder)[0] == 3


# Refusals ------------------------------------------------------------------------------------


def test_the_root_that_the_policy_needs() -> None:
    with pytest.raises(
        ConfigError, match="of role approver:safety, and the root gives it to nobody"
    ):
        require_fillable(asking(SAFETY), source()._replace(roles=source().roles[:5]))
    alone = tuple(
        role._replace(principals=frozenset({"ada"})) if role.name != "root" else role
        for role in source().roles
    )
    two = asking(SAFETY._replace(threshold=2, distinct_from=""))
    with pytest.raises(ConfigError, match=r"asks for 2 of role approver:safety, and .* to ada"):
        require_fillable(two, source()._replace(roles=alone))
    apart = asking(SAFETY._replace(threshold=1, distinct_from="releaser"))
    with pytest.raises(ConfigError, match=r"other people than role releaser, and .* to ada"):
        require_fillable(apart, source()._replace(roles=alone))
    require_fillable(apart, source())
    folder = standing_team(root=1)
    few = source()._replace(roles=tuple(r for r in source().roles if r.name != "checker"))
    with pytest.raises(ConfigError):
        propose_root(folder, few, NOW, days=DAYS)


def test_nothing_follows_from_nothing() -> None:
    with pytest.raises(ConfigError, match="there is no root"):
        propose_policy(TrustFolder(), payload(), NOW, days=DAYS)
    with pytest.raises(ConfigError, match="nothing is published yet"):
        propose_revocation(TrustFolder(), NOW, days=DAYS)
    with pytest.raises(ConfigError, match="no state to renew"):
        renew_state(TrustFolder(), signer("ada"), NOW, days=DAYS)
    with pytest.raises(ConfigError, match="no root is pending"):
        add_signature(TrustFolder(), signer("ada"), "root")
    with pytest.raises(ConfigError, match="no root is published"):
        pin_of(TrustFolder())
    with pytest.raises(ConfigError, match=r"without root/1\.json"):
        verify_folder(TrustFolder(state=b"{}"))


def test_an_expired_document_is_not_prepared() -> None:
    with pytest.raises(ConfigError, match="expired on 2026-01-01"):
        found_team(source()._replace(expires="2026-01-01"), payload(), NOW, days=DAYS)
    with pytest.raises(ConfigError, match="expired on 2026-01-01"):
        found_team(source(), payload(expires="2026-01-01"), NOW, days=DAYS)


def test_a_policy_observes_for_a_while_only() -> None:
    folder = standing_team()
    days: dict[str, Any] = {"mode": "observe", "version": POLICY.version + 1}
    with pytest.raises(ConfigError, match="at most 90 days ahead"):
        propose_policy(folder, payload(**days, observe_until="2027-06-01"), NOW, days=DAYS)
    soon = propose_policy(folder, payload(**days, observe_until="2026-12-01"), NOW, days=DAYS)
    assert consumed(signed(soon, "ada"))[1] == POLICY.version + 1


def test_a_state_by_a_revoked_key_does_not_stand() -> None:
    folder = standing_team()
    gone = frozenset({signer("ada").keyid})
    folder = signed(propose_revocation(folder, NOW, days=DAYS, keys=gone), "bob")
    standing = verify_folder(folder)
    assert standing.state is not None
    assert standing.state.revoked_keys == gone
    state = standing.state._replace(version=standing.state.version + 1, revoked_files=gone)
    forged = signed_by(propose("state", state_payload(state)), signer("ada"))
    after, done = publish(put(folder, forged), NOW, days=DAYS)
    assert (done, after.state) == (False, folder.state)


# Words ---------------------------------------------------------------------------------------


def test_every_change_of_a_root_is_said() -> None:
    before = source(root=2)
    cases: dict[str, TrustRoot] = {
        "expires: 2028-01-01 -> 2029-01-01": before._replace(expires="2029-01-01"),
        "key removed: cleo": without(before, "cleo"),
        "key added: dora": without(before, "cleo", "dora"),
        "role root: 2 of ada, bob, cleo -> 1 of ada, bob, cleo": source(),
        "role approver:legal: 1 of ada, bob, cleo -> removed": before._replace(
            roles=before.roles[:-1]
        ),
        "trust becomes solo": before._replace(solo=True),
    }
    for said, after in cases.items():
        assert any(line.startswith(said) for line in root_changes(before, after)), said
    assert root_changes(before, before) == ()
    standing = verify_folder(standing_team(root=2))
    assert weaker(standing, source()) == ("role root takes fewer people: 2 before, 1 now",)
    assert weaker(standing, source(root=3)) == ()


def test_every_change_of_a_policy_is_said() -> None:
    document = policy_payload(POLICY)
    assert policy_changes(payload(), payload()) == ("nothing: it is signed anew",)

    def paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        if isinstance(value, dict):
            return [p for k, v in value.items() for p in paths(v, (*path, k))]
        if isinstance(value, list):
            return [p for k, v in enumerate(value) for p in paths(v, (*path, k))] or [path]
        return [path]

    found = paths(document)
    assert len(found) > 40
    for path in found:
        changed = policy_payload(POLICY)
        target: Any = changed
        for step in path[:-1]:
            target = target[step]
        target[path[-1]] = "something else"
        assert changed != document
        (line, *_) = policy_changes(payload(), canonical(changed))
        assert "something else" in " ".join(policy_changes(payload(), canonical(changed))), path
        assert line != "nothing: it is signed anew"


def test_items_that_share_a_name_do_not_hide_each_other() -> None:
    before = canonical({"suites": [{"id": "A", "n": 1}, {"id": "A", "n": 2}]})
    after = canonical({"suites": [{"id": "A", "n": 9}, {"id": "A", "n": 2}]})
    assert policy_changes(before, after) == ("suites[0].n: 1 -> 9",)


def test_a_first_document_is_said_whole() -> None:
    folder = found_team(source(), payload(), NOW, days=DAYS)
    standing = verify_folder(folder)
    root, policy, state = (changes_of(standing, pending) for pending in folder.pending)
    assert f"key added: ada  {signer('ada-2').keyid}" in root
    assert "role root: 1 of ada, bob, cleo" in root
    assert any(line.startswith("toxicity.confidence = ") for line in policy)
    digest = hashlib.sha256(payload()).hexdigest()
    assert f"policy: {POLICY.version}, {digest}" in state


def test_counts_and_bytes_of_a_pending_document() -> None:
    folder = found_team(source(root=2), payload(), NOW, days=DAYS)
    root = folder.pending[0]
    under = count(signed_by(root, signer("ada")), source(root=2))
    assert (set(under.signed), under.threshold, under.complete) == ({"ada"}, 2, False)
    assert under.missing == {"bob", "cleo"}
    revoked = count(
        signed_by(root, signer("ada")), source(root=2), frozenset({signer("ada").keyid})
    )
    assert (revoked.signed, "ada" in revoked.missing) == (frozenset(), True)  # by her second key
    twice = signed_by(signed_by(root, signer("ada")), signer("ada"))
    assert len(twice.envelope.signatures) == 1
    raw = pending_bytes(twice)
    assert open_document(raw, ROOT_TYPE, where="x") == twice.envelope
    state = folder.find("state")
    assert state is not None
    assert parse_state(state.envelope.payload).expires == "2026-11-29T15:00:00Z"
