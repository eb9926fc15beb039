# SPDX-License-Identifier: Apache-2.0
"""The list of what stood there before: exact commits, until a day, by those who may sign it."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubpolicy.core.baseline import (
    BASELINE_TYPE,
    Adopted,
    Baseline,
    Revision,
    baseline_payload,
    extended,
    parse_baseline,
    require_until,
    verify_baseline,
)
from hubpolicy.core.documents import STATE_TYPE, add_signature, make_document
from hubpolicy.core.strictjson import canonical
from hubpolicy.domain.release import RepoId
from hubpolicy.domain.trust import Role
from hubpolicy.errors import ConfigError, VerificationError
from tests.golden.samples import NOW, TRUST, signer
from tests.unit.core.release_world import POLICY

if TYPE_CHECKING:
    from collections.abc import Callable

    from hubpolicy.domain.trust import Trust

REPO = RepoId("acme", "old-model")
OTHER = RepoId("acme", "older-model")
A, B, C = ("a" * 40, "b" * 40, "c" * 64)
UNTIL = "2027-06-30"
ONE = Baseline(
    1, (Adopted(REPO.purl, NOW, UNTIL, (Revision(A, ("refs/heads/main", "refs/tags/v1")),)),)
)
PAYLOAD = baseline_payload(ONE)
STATE_HOLDER = next(
    key.principal
    for key in TRUST.root.keys
    for role in TRUST.root.roles
    if role.name == "state" and key.principal in role.principals
)


def document(payload: bytes = PAYLOAD, *who: str) -> bytes:
    return make_document(payload, BASELINE_TYPE, tuple(map(signer, who or (STATE_HOLDER,))))


def asking(number: int, *people: str) -> Trust:
    """A root in which so many of these must sign."""
    roles = tuple(
        Role("state", frozenset(people), number) if role.name == "state" else role
        for role in TRUST.root.roles
    )
    return TRUST._replace(root=TRUST.root._replace(roles=roles))


class TestWhatItLists:
    def test_exactly_that_commit_of_exactly_that_repository(self) -> None:
        assert ONE.find(REPO, A, NOW) == ONE.entries[0]
        assert ONE.find(REPO, B, NOW) is None
        assert ONE.find(OTHER, A, NOW) is None
        for other in (
            REPO._replace(repo_type="dataset"),
            REPO._replace(endpoint="http://127.0.0.1:1"),
            REPO._replace(namespace="acme-labs"),
        ):
            assert ONE.find(other, A, NOW) is None

    def test_to_the_end_of_its_last_day(self) -> None:
        assert ONE.find(REPO, A, "2027-06-30T23:59:59Z") is not None
        assert ONE.find(REPO, A, "2027-07-01T00:00:00Z") is None


class TestAdoptingAgain:
    def test_adds_what_is_named_and_leaves_the_rest(self) -> None:
        found = [(REPO, (Revision(A, ("refs/heads/x",)), Revision(B, ("refs/heads/main",))))]
        later = "2026-12-01T00:00:00Z"
        new = extended(ONE, found, later, "2027-11-30")
        assert new.version == 2
        assert new.entries == (
            ONE.entries[0],
            Adopted(REPO.purl, later, "2027-11-30", (Revision(B, ("refs/heads/main",)),)),
        )

    def test_prolongs_nothing(self) -> None:
        again = extended(ONE, [(REPO, ONE.entries[0].revisions)], NOW, "2027-11-22")
        assert again is ONE

    def test_drops_what_has_ended_and_may_list_it_anew(self) -> None:
        later = "2027-07-01T00:00:00Z"
        new = extended(ONE, [(OTHER, (Revision(B, ()),))], later, "2028-01-01")
        assert [entry.repo for entry in new.entries] == [OTHER.purl]
        anew = extended(ONE, [(REPO, (Revision(A, ()),))], later, "2028-01-01")
        assert anew.find(REPO, A, later) is not None

    def test_nothing_found_is_nothing_new(self) -> None:
        assert extended(Baseline(), [(REPO, ())], NOW, UNTIL) == Baseline()

    @given(
        steps=st.lists(
            st.tuples(st.sampled_from([REPO, OTHER]), st.lists(st.sampled_from([A, B, C]))),
            max_size=6,
        )
    )
    def test_whatever_is_adopted_in_whatever_order_is_listed_once(
        self, steps: list[tuple[RepoId, list[str]]]
    ) -> None:
        baseline = Baseline()
        for repo, oids in steps:
            found = [(repo, tuple(Revision(oid, ()) for oid in sorted(set(oids))))]
            baseline = extended(baseline, found, NOW, UNTIL)
        wanted = {(repo.purl, oid) for repo, oids in steps for oid in oids}
        listed = [(e.repo, r.oid) for e in baseline.entries for r in e.revisions]
        assert len(listed) == len(set(listed))
        assert set(listed) == wanted
        if wanted:
            assert parse_baseline(baseline_payload(baseline)) == baseline


@pytest.mark.parametrize(
    ("until", "good"),
    [("2026-11-22", True), ("2027-11-22", True), ("2026-11-21", False), ("2027-11-24", False)],
)
def test_it_ends_within_a_year(until: str, *, good: bool) -> None:
    if good:
        require_until(until, NOW)
        return
    with pytest.raises(ConfigError, match=until):
        require_until(until, NOW)


class TestWhoSigned:
    def test_one_who_may(self) -> None:
        assert verify_baseline(document(), TRUST, POLICY) == ONE

    @pytest.mark.parametrize("who", ["mallory", "lee"])
    def test_nobody_else(self, who: str) -> None:
        with pytest.raises(VerificationError, match="got 0 of 1 signatures of role state"):
            verify_baseline(document(PAYLOAD, who), TRUST, POLICY)

    def test_as_many_different_people_as_the_root_asks(self) -> None:
        people = [key.principal for key in TRUST.root.keys][:2]
        assert len(set(people)) == 2
        trust = asking(2, *people)
        one = document(PAYLOAD, people[0])
        with pytest.raises(VerificationError, match="got 1 of 2"):
            verify_baseline(one, trust, POLICY)
        both = add_signature(one, BASELINE_TYPE, signer(people[1]), where="it")
        assert verify_baseline(both, trust, POLICY) == ONE

    def test_a_revoked_key_does_not_count(self) -> None:
        state = TRUST.state._replace(revoked_keys=frozenset({signer(STATE_HOLDER).keyid}))
        with pytest.raises(VerificationError, match="got 0 of 1"):
            verify_baseline(document(), TRUST._replace(state=state), POLICY)

    def test_the_whole_list_can_be_revoked(self) -> None:
        digest = hashlib.sha256(PAYLOAD).hexdigest()
        state = TRUST.state._replace(revoked_payloads=frozenset({digest}))
        with pytest.raises(VerificationError, match="the baseline was revoked"):
            verify_baseline(document(), TRUST._replace(state=state), POLICY)

    def test_another_document_under_the_same_key_is_none(self) -> None:
        with pytest.raises(ConfigError):
            verify_baseline(
                make_document(PAYLOAD, STATE_TYPE, (signer(STATE_HOLDER),)), TRUST, POLICY
            )

    @pytest.mark.parametrize("place", range(0, len(PAYLOAD), 7))
    def test_one_changed_bit_of_the_list_is_seen(self, place: int) -> None:
        envelope = json.loads(document())
        payload = bytearray(PAYLOAD)
        payload[place] ^= 1
        envelope["payload"] = base64.b64encode(payload).decode()
        with pytest.raises((VerificationError, ConfigError)):
            verify_baseline(canonical(envelope), TRUST, POLICY)

    def test_only_for_namespaces_of_the_policy(self) -> None:
        mine = POLICY._replace(namespaces=("acme-labs",), workspaces=())
        assert verify_baseline(document(), TRUST, mine).entries == ()
        theirs = mine._replace(workspaces=("acme",))
        assert verify_baseline(document(), TRUST, theirs) == ONE
        anyone = POLICY._replace(namespaces=(), workspaces=())
        assert verify_baseline(document(), TRUST, anyone) == ONE


def spoil(change: Callable[[dict[str, Any]], object]) -> bytes:
    value = json.loads(PAYLOAD)
    change(value)
    return json.dumps(value).encode()


ENTRY: Callable[[dict[str, Any]], dict[str, Any]] = lambda v: v["entries"][0]  # noqa: E731


@pytest.mark.parametrize(
    "change",
    [
        lambda v: v.update(schema="hubpolicy/baseline/2"),
        lambda v: v.update(version=0),
        lambda v: v.update(version=1.5),
        lambda v: v.update(entries=[]),
        lambda v: v.update(comment="more"),
        lambda v: v["entries"].append(v["entries"][0] | {"repo": OTHER.purl[:-20]}),
        lambda v: v["entries"].insert(0, v["entries"][0] | {"until": "2027-07-01"}),
        lambda v: ENTRY(v).update(repo="acme/old-model"),
        lambda v: ENTRY(v).update(until="2026-11-21"),
        lambda v: ENTRY(v).update(until="2099-12-31"),
        lambda v: ENTRY(v).update(until="never"),
        lambda v: ENTRY(v).update(adopted="2026-11-22"),
        lambda v: ENTRY(v).update(revisions=[]),
        lambda v: ENTRY(v).update(refs=[]),
        lambda v: ENTRY(v)["revisions"].append(ENTRY(v)["revisions"][0]),
        lambda v: ENTRY(v)["revisions"][0].update(oid="main"),
        lambda v: ENTRY(v)["revisions"][0].update(oid="A" * 40),
        lambda v: ENTRY(v)["revisions"][0].update(oid="a" * 41),
        lambda v: ENTRY(v)["revisions"][0].update(refs="main"),
        lambda v: ENTRY(v)["revisions"][0].pop("refs"),
        lambda v: v.pop("entries"),
    ],
)
def test_what_is_no_baseline(change: Callable[[dict[str, Any]], object]) -> None:
    with pytest.raises(ConfigError) as raised:
        parse_baseline(spoil(change))
    assert raised.value.hint
    assert "baseline.json" in raised.value.message


@pytest.mark.parametrize("raw", [b"", b"[]", PAYLOAD[:-1], PAYLOAD + b" {}", b"\xff", b"[" * 9999])
def test_bytes_that_are_no_document(raw: bytes) -> None:
    with pytest.raises(ConfigError):
        parse_baseline(raw)
    with pytest.raises(ConfigError):
        verify_baseline(raw, TRUST, POLICY)


def test_what_could_not_be_read_is_not_signed() -> None:
    with pytest.raises(ConfigError):
        baseline_payload(Baseline(1, ()))
