# SPDX-License-Identifier: Apache-2.0
"""What may follow what is published in a trust folder, document by document."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import pytest

from hubpolicy.core.documents import root_payload, state_payload
from hubpolicy.core.pending import Pending, pending_bytes, propose, signed_by
from hubpolicy.core.succession import check_follows, publishable
from hubpolicy.core.trust_change import state_changes, weaker
from hubpolicy.core.trust_folder import (
    Standing,
    TrustFolder,
    counts,
    pin_of,
    put,
    resume,
    state_sha256,
    verify_folder,
)
from hubpolicy.domain.trust import OlderPolicy
from hubpolicy.errors import VerificationError
from hubpolicy.flows.trusting import propose_root
from tests.flows.trusting_world import DAYS, payload, source, standing_team, without
from tests.golden.samples import NOW, sha, signer
from tests.unit.core.release_world import POLICY

if TYPE_CHECKING:
    from hubpolicy.domain.trust import State

FOLDER = standing_team()
STANDING = verify_folder(FOLDER)


def published() -> State:
    assert STANDING.state is not None
    return STANDING.state


STATE = published()


def root(version: int, previous: str) -> Pending:
    made = source()._replace(version=version, expires="2029-01-01")
    return propose("root", root_payload(made, previous=previous))


def state(**changes: Any) -> Pending:
    """The next state, but for these fields."""
    following = STATE._replace(version=STATE.version + 1)
    return propose("state", state_payload(following._replace(**changes)))


def test_what_comes_next_follows() -> None:
    newer = propose("policy", payload(version=POLICY.version + 1))
    for pending in (root(2, pin_of(FOLDER)), newer, state()):
        check_follows(FOLDER, STANDING, pending, NOW)


@pytest.mark.parametrize(
    ("pending", "said"),
    [
        (root(3, pin_of(FOLDER)), "got root version 3, expected 2: one at a time"),
        (root(2, sha("another")), f"got a root after {sha('another')}, expected {pin_of(FOLDER)}"),
        (
            propose("policy", payload(expires="2027-06-29")),
            f"got policy version {POLICY.version}, expected {POLICY.version + 1} or later",
        ),
        (state(version=STATE.version), f"expected {STATE.version + 1}"),
        (state(version=STATE.version + 2), f"expected {STATE.version + 1}"),
        (state(policy_sha256=sha("x")), f"got policy {sha('x')} as version {POLICY.version}"),
        (state(policy_version=99), "expected one that is published or pending"),
    ],
)
def test_what_does_not_follow_is_not_published(pending: Pending, said: str) -> None:
    with pytest.raises(VerificationError) as caught:
        check_follows(FOLDER, STANDING, pending, NOW)
    assert said in caught.value.message
    assert caught.value.message.endswith(f"in {pending.path}")
    assert "hubpolicy trust" in caught.value.hint
    assert publishable(put(FOLDER, pending), STANDING, NOW) == ()


@pytest.mark.parametrize("what", ["keys", "payloads", "files"])
def test_no_revocation_is_taken_back(what: str) -> None:
    both: dict[str, Any] = {f"revoked_{what}": frozenset({sha("a"), sha("b")})}
    standing = STANDING._replace(state=STATE._replace(**both))
    fewer = {f"revoked_{what}": frozenset({sha("a")})}
    with pytest.raises(VerificationError, match="got fewer revocations than are published"):
        check_follows(FOLDER, standing, state(**fewer), NOW)
    more = {f"revoked_{what}": frozenset({sha("a"), sha("b"), sha("c")})}
    check_follows(FOLDER, standing, state(**more), NOW)


OLD = OlderPolicy(POLICY.version - 1, sha("older"), "2027-01-31")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, ""),
        ({"minimum_version": "0.2.0"}, ""),
        ({"minimum_version": "0.0.9"}, "got 0.0.9 as the least hubpolicy version"),
        ({"minimum_version": ""}, "got none as the least hubpolicy version"),
        ({"older_policies": ()}, ""),
        ({"older_policies": (OLD._replace(until="2026-12-01"),)}, ""),
        ({"older_policies": (OLD._replace(until="2027-02-01"),)}, "counting until 2027-02-01"),
        ({"older_policies": (OLD._replace(sha256=sha("x")),)}, "expected no longer"),
    ],
)
def test_a_state_asks_for_no_less_than_the_one_before(changes: dict[str, Any], said: str) -> None:
    asks: dict[str, Any] = {"minimum_version": "0.1.0", "older_policies": (OLD,)}
    standing = STANDING._replace(state=STATE._replace(**asks))
    pending = state(**asks | changes)
    if not said:
        check_follows(FOLDER, standing, pending, NOW)
        return
    with pytest.raises(VerificationError, match=said) as caught:
        check_follows(FOLDER, standing, pending, NOW)
    assert "hubpolicy trust state renew" in caught.value.hint


def test_only_the_policy_that_was_newest_becomes_an_older_one() -> None:
    newer = propose("policy", payload(version=POLICY.version + 2))
    folder = put(FOLDER, newer)
    named: dict[str, Any] = {"policy_version": newer.version, "policy_sha256": newer.sha256}
    mine = OlderPolicy(STATE.policy_version, STATE.policy_sha256, "2027-01-31")
    check_follows(folder, STANDING, state(**named, older_policies=(mine,)), NOW)
    for other in (
        mine._replace(sha256=sha("x")),  # never published
        mine._replace(version=POLICY.version + 1),  # nor that
        mine._replace(version=POLICY.version - 1, sha256=sha("long gone")),
    ):
        with pytest.raises(VerificationError, match=r"got (older )?policy"):
            check_follows(folder, STANDING, state(**named, older_policies=(other,)), NOW)


def test_what_a_state_asks_for_is_said_before_it_is_signed() -> None:
    asking = STATE._replace(minimum_version="0.1.0", older_policies=(OLD,))
    name = f"releases under policy {OLD.version}, {OLD.sha256}"
    shorter = asking._replace(older_policies=(OLD._replace(until="2026-12-01"),))
    for before, after, said in (
        (None, asking, ["least hubpolicy version: 0.1.0", f"{name}, count until: 2027-01-31"]),
        (STATE, asking, ["least hubpolicy version: none -> 0.1.0", f"{name}, count until: 2027-01-31"]),
        (asking, STATE, ["least hubpolicy version: 0.1.0 -> none", f"{name}: count no more"]),
        (asking, shorter, [f"{name}, count until: 2027-01-31 -> 2026-12-01"]),
        (asking, asking, []),
    ):  # fmt: skip
        lines = state_changes(before, after)
        assert [line for line in lines if not line.startswith(("expires", "policy"))] == said


def test_the_first_root_follows_nothing() -> None:
    first = propose("root", root_payload(source(), previous=sha("x")))
    with pytest.raises(VerificationError, match="expected none"):
        check_follows(TrustFolder(), Standing(), first, NOW)
    check_follows(TrustFolder(), Standing(), propose("root", root_payload(source())), NOW)


def test_a_strangers_signature_is_not_passed_over() -> None:
    known = state()
    (ours,) = counts(FOLDER, STANDING, signed_by(known, signer("ada")))
    assert ours.signed == {"ada"}
    stranger = signed_by(signed_by(known, signer("ada")), signer("eve"))
    with pytest.raises(VerificationError, match="which the root does not know") as caught:
        counts(FOLDER, STANDING, stranger)
    assert signer("eve").keyid in caught.value.message
    assert caught.value.hint == f"get {known.path} again, or remove it"


def test_the_digest_of_a_state_is_that_of_what_was_signed() -> None:
    assert state_sha256(FOLDER) == hashlib.sha256(state_payload(STATE)).hexdigest()


def test_a_root_that_was_written_over_a_state_it_refuses_is_pending_still() -> None:
    """Publishing was cut short after the root: the state by who left was not replaced yet."""
    folder = propose_root(FOLDER, without(source(), "ada", "dora"), NOW, days=DAYS)
    (newer,) = (p for p in folder.pending if p.kind == "root")
    newer = signed_by(signed_by(newer, signer("ada")), signer("bob"))
    folder = put(folder, newer)
    cut_short = folder._replace(roots=(*folder.roots, pending_bytes(newer)))
    with pytest.raises(VerificationError):
        verify_folder(cut_short)
    assert resume(cut_short) == folder
    assert verify_folder(resume(cut_short)) == STANDING


def test_a_policy_that_stays_is_not_said_and_nobody_is_weaker_than_nobody() -> None:
    lines = state_changes(STATE, STATE._replace(revoked_keys=frozenset({sha("k")})))
    assert lines == (f"expires: {STATE.expires} -> {STATE.expires}", f"revokes key {sha('k')}")
    other = state_changes(STATE, STATE._replace(policy_sha256=sha("p")))
    assert any(line.startswith("policy: ") for line in other)
    assert other[-1] == (
        f"releases under policy {STATE.policy_version}, {STATE.policy_sha256}: count no more"
    )
    mine = OlderPolicy(STATE.policy_version, STATE.policy_sha256, "2027-01-31")
    given = state_changes(STATE, STATE._replace(policy_sha256=sha("p"), older_policies=(mine,)))
    assert given[-1].endswith("count until: 2027-01-31")
    assert weaker(Standing(), source()) == ()
