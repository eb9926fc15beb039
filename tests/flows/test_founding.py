# SPDX-License-Identifier: Apache-2.0
"""Trust of one person: founded, renewed, revoked; each step verified before it is compiled."""

from __future__ import annotations

import hashlib
import json

import pytest

from hubpolicy.core.documents import (
    POLICY_TYPE,
    ROOT_TYPE,
    STATE_TYPE,
    make_document,
    open_document,
    parse_root,
    parse_state,
    root_payload,
    verify_policy,
    verify_trust,
)
from hubpolicy.core.gatefile import GateMeta, load_gate
from hubpolicy.core.policy import policy_payload
from hubpolicy.core.strictjson import canonical
from hubpolicy.domain.policy import Policy, RoleRequirement
from hubpolicy.errors import ConfigError, VerificationError
from hubpolicy.flows.founding import (
    Founded,
    compile_gate,
    compile_revocation,
    found_solo,
    revoke,
    seal,
    sign_state,
    standing_state,
)
from tests.golden.samples import NOW, key, sha, signer
from tests.unit.core.release_world import POLICY, SAFETY, asking

ADA, EVE = signer("ada"), signer("eve")
META = GateMeta(sha("hubpolicy.toml"), ("http://127.0.0.1:8931",))
NONE: frozenset[str] = frozenset()


def payload(policy: Policy = POLICY, **changes: object) -> bytes:
    """The resolved policy as bytes."""
    return canonical(policy_payload(policy._replace(**changes)))  # type: ignore[arg-type]


def founded(policy: bytes = payload()) -> Founded:
    return found_solo(ADA, "ada", policy, META.source_sha256, META.endpoints, NOW)


def sealed(policy: bytes, before: Founded, now: str = NOW) -> Founded:
    """The policy signed on top of what stands."""
    _, trust, meta = load_gate(before.gate)
    return seal(ADA, before.root, policy, trust.state, meta, now)


def revoked(before: Founded, now: str = NOW, **what: str) -> Founded:
    """One more revocation."""
    _, trust, meta = load_gate(before.gate)
    state = revoke(
        trust.state,
        keys=frozenset((what["key"],)) if "key" in what else NONE,
        payloads=frozenset((what["payload"],)) if "payload" in what else NONE,
        files=frozenset((what["file"],)) if "file" in what else NONE,
    )
    return compile_revocation(before, sign_state(ADA, state, trust), trust, meta, now)


def test_solo_is_the_same_three_documents_one_of_one() -> None:
    made = founded()
    policy, trust, meta = load_gate(made.gate)
    assert policy == POLICY
    assert meta == META
    root = trust.root
    assert (root.solo, root.version, root.expires) == (True, 1, POLICY.expires)
    assert {role.name for role in root.roles} >= {"root", "policy", "state", "releaser", "checker"}
    assert all((role.principals, role.threshold) == (frozenset({"ada"}), 1) for role in root.roles)
    assert (trust.state.version, trust.state.policy_sha256) == (1, POLICY.sha256)
    pin = hashlib.sha256(open_document(made.root, ROOT_TYPE, where="root").payload).hexdigest()
    again = verify_trust((made.root,), made.state, pin=pin, now=NOW)
    assert again == trust
    assert verify_policy(made.policy, again) == payload()


def test_a_solo_person_holds_every_approvers_role_that_the_policy_asks() -> None:
    ethics = RoleRequirement("approver:ethics", 1, "card")
    _, trust, _ = load_gate(founded(payload(asking(SAFETY, ethics))).gate)
    assert "approver:ethics" in trust.root.roles_of("ada")


@pytest.mark.parametrize("raw", [b"", b"{}", payload(version=0), payload(expires="never")])
def test_what_is_no_policy_is_not_signed(raw: bytes) -> None:
    with pytest.raises(ConfigError):
        founded(raw)


def test_an_expired_policy_is_not_signed() -> None:
    with pytest.raises(ConfigError, match="expired"):
        founded(payload(expires="2026-11-21"))
    with pytest.raises(ConfigError, match="expired"):
        sealed(payload(expires="2026-11-21", version=8), founded())


def test_signing_again_raises_the_version_of_the_state_and_keeps_revocations() -> None:
    first = revoked(founded(), file=sha("weights"))
    second = sealed(payload(version=8), first)
    policy, trust, _ = load_gate(second.gate)
    assert policy.version == trust.state.policy_version == 8
    assert trust.state.version == 3
    assert trust.state.revoked_files == {sha("weights")}
    assert second.root == first.root


def test_an_older_policy_is_not_signed_again() -> None:
    newer = sealed(payload(version=8), founded())
    with pytest.raises(ConfigError, match="got policy version 7, expected 8 or later"):
        sealed(payload(), newer)
    assert load_gate(sealed(payload(version=8, id="acme/same-version"), newer).gate)


def test_who_does_not_hold_the_roles_signs_nothing_that_counts() -> None:
    before = founded()
    _, trust, meta = load_gate(before.gate)
    with pytest.raises(VerificationError):
        seal(EVE, before.root, payload(version=8), trust.state, meta, NOW)
    with pytest.raises(VerificationError):
        sign_state(EVE, trust.state, trust)


def test_a_solo_root_is_renewed_with_the_policy_and_names_the_one_before() -> None:
    first = founded()
    second = sealed(payload(version=8, expires="2028-06-30"), first)
    _, trust, _ = load_gate(second.gate)
    assert (trust.root.version, trust.root.expires) == (2, "2028-06-30")
    old = open_document(first.root, ROOT_TYPE, where="root").payload
    # Whoever pinned the first root follows to the second.
    pin = hashlib.sha256(old).hexdigest()
    chained = verify_trust((first.root, second.root), second.state, pin=pin, now=NOW)
    assert chained == trust


def test_a_root_of_several_people_is_not_one_persons_to_renew() -> None:
    first = founded()
    root = load_gate(first.gate)[1].root
    more = root._replace(keys=(*root.keys, key("eve")), solo=False)
    team = make_document(root_payload(more), ROOT_TYPE, (ADA,))
    _, trust, meta = load_gate(first.gate)
    longer = payload(version=8, expires="2028-06-30")
    sealed_by_ada = seal(ADA, team, longer, trust.state, meta, NOW)
    assert sealed_by_ada.root == team
    assert load_gate(sealed_by_ada.gate)[1].root.expires == POLICY.expires


def test_a_root_that_expired_is_renewed_too() -> None:
    """Otherwise a solo user would be locked out for ever one year after init."""
    later = "2027-07-15T12:00:00Z"
    second = sealed(payload(version=8, expires="2028-06-30"), founded(), later)
    _, trust, _ = load_gate(second.gate)
    assert trust.root.expires == "2028-06-30"


@pytest.mark.parametrize("what", ["key", "payload", "file"])
def test_a_revocation_is_never_taken_back(what: str) -> None:
    made = founded()
    for name in ("one", "two", "one"):
        made = revoked(made, **{what: sha(name)})
    _, trust, _ = load_gate(made.gate)
    sets = {
        "key": trust.state.revoked_keys,
        "payload": trust.state.revoked_payloads,
        "file": trust.state.revoked_files,
    }
    assert sets.pop(what) == {sha("one"), sha("two")}
    assert set(sets.values()) == {NONE}
    assert trust.state.version == 4


def test_the_only_key_can_be_revoked_and_signs_no_policy_after_that() -> None:
    made = revoked(founded(), key=ADA.keyid)
    policy, trust, _ = load_gate(made.gate)
    assert policy == POLICY
    assert trust.state.revoked_keys == {ADA.keyid}
    more = revoked(made, file=sha("weights"))
    assert load_gate(more.gate)[1].state.revoked_files == {sha("weights")}
    with pytest.raises(VerificationError):
        sealed(payload(version=8), made)


def test_the_standing_state_is_what_the_root_signed() -> None:
    mine = founded()
    hers = found_solo(EVE, "eve", payload(), META.source_sha256, META.endpoints, NOW)
    assert standing_state(mine.root, mine.state) == load_gate(mine.gate)[1].state
    with pytest.raises(VerificationError):
        standing_state(mine.root, hers.state)


def test_an_old_state_is_not_compiled_again() -> None:
    before = founded()
    _, trust, meta = load_gate(revoked(before, key=sha("stolen")).gate)
    with pytest.raises(VerificationError, match="as seen before"):
        compile_revocation(before, before.state, trust, meta, NOW)


def test_documents_of_two_founders_do_not_mix() -> None:
    mine = founded()
    hers = found_solo(EVE, "eve", payload(), META.source_sha256, META.endpoints, NOW)
    for documents in (
        (hers.root, mine.policy, mine.state),
        (mine.root, hers.policy, mine.state),
        (mine.root, mine.policy, hers.state),
    ):
        with pytest.raises((VerificationError, ConfigError)):
            compile_gate(*documents, META, NOW)
    assert compile_gate(mine.root, mine.policy, mine.state, META, NOW) == mine


def test_a_changed_byte_in_any_document_is_found() -> None:
    made = founded()
    for at in range(3):
        documents = [made.root, made.policy, made.state]
        envelope = json.loads(documents[at])
        sig = envelope["signatures"][0]["sig"]
        envelope["signatures"][0]["sig"] = ("A" if sig[20] != "A" else "B").join(
            (sig[:20], sig[21:])
        )
        documents[at] = canonical(envelope)
        with pytest.raises((VerificationError, ConfigError)):
            compile_gate(documents[0], documents[1], documents[2], META, NOW)


def test_what_is_compiled_is_what_was_signed() -> None:
    made = founded()
    value = json.loads(made.gate)
    for name, raw, kind in (
        ("root", made.root, ROOT_TYPE),
        ("policy", made.policy, POLICY_TYPE),
        ("state", made.state, STATE_TYPE),
    ):
        assert value[name].encode() == open_document(raw, kind, where=name).payload
    assert parse_root(value["root"].encode()).solo
    assert parse_state(value["state"].encode()).version == 1


def test_a_policy_that_follows_gives_releases_their_time_and_keeps_what_was_asked() -> None:
    first = founded()
    second = resealed(first, 8, "2027-01-31")
    (older,) = load_gate(second.gate)[1].state.older_policies
    assert (older.version, older.until) == (7, "2027-01-31")
    assert older.sha256 == load_gate(first.gate)[0].sha256
    same = resealed(second, 8)
    assert load_gate(same.gate)[1].state.older_policies == (older,)
    third = resealed(same, 9, "2027-02-28")
    assert [each.version for each in load_gate(third.gate)[1].state.older_policies] == [7, 8]
    later = resealed(third, 10, now="2027-02-01T00:00:00Z")
    assert [each.version for each in load_gate(later.gate)[1].state.older_policies] == [8]


def resealed(before: Founded, version: int, until: str = "", now: str = NOW) -> Founded:
    _, trust, meta = load_gate(before.gate)
    return seal(
        ADA, before.root, payload(version=version), trust.state, meta, now, older_until=until
    )


@pytest.mark.parametrize(
    ("version", "until", "said"),
    [
        (7, "2027-01-31", "policy version 7, which follows no older one"),
        (8, "2026-11-21", "expected a day from 2026-11-22 to"),
        (8, "2099-01-01", "expected a day from 2026-11-22 to"),
        (8, "soon", "got --older-until 'soon'"),
    ],
)
def test_a_day_that_makes_no_sense_is_refused(version: int, until: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        resealed(founded(), version, until)
