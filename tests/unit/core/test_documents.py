# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from hubpolicy.core import documents
from hubpolicy.core.documents import POLICY_TYPE, ROOT_TYPE, STATE_TYPE
from hubpolicy.domain.trust import Role, State, TrustRoot
from hubpolicy.errors import ConfigError, HubpolicyError, MalformedError, VerificationError
from tests.golden import samples
from tests.golden.samples import NOW, sha, signer

POLICY = b'{"policy":true}'
ROOT_BYTES = documents.root_payload(samples.ROOT)
ROOT = documents.parse_root(ROOT_BYTES)
STATE = samples.STATE._replace(policy_sha256=sha(POLICY.decode()))


def signed(payload: bytes, kind: str, *who: str) -> bytes:
    return documents.make_document(payload, kind, [signer(name) for name in who])


ROOT_1 = signed(ROOT_BYTES, ROOT_TYPE, "olga", "omar")
STATE_1 = signed(documents.state_payload(STATE), STATE_TYPE, "robot")
TRUST = documents.verify_trust((ROOT_1,), STATE_1, pin=ROOT.sha256, now=NOW)


def roles(**changes: Role) -> tuple[Role, ...]:
    return tuple(changes.get(role.name, role) for role in ROOT.roles)


def next_root(root: TrustRoot = ROOT, **changes: Any) -> bytes:
    following = root._replace(version=root.version + 1, **changes)
    return documents.root_payload(following, previous=root.sha256)


# What holds ---------------------------------------------------------------------------------


def test_values_come_back() -> None:
    assert TRUST.root == samples.ROOT._replace(sha256=ROOT.sha256)
    assert TRUST.state == STATE
    assert documents.root_payload(TRUST.root) == ROOT_BYTES


def test_solo_is_the_same_documents_one_of_one() -> None:
    names = ("root", "policy", "state", "releaser", "checker", "approver:safety")
    solo = TrustRoot(
        1,
        "2027-01-01",
        solo=True,
        keys=(samples.key("ada"),),
        roles=tuple(Role(name, frozenset({"ada"}), 1) for name in names),
        sha256="",
    )
    payload = documents.root_payload(solo)
    pin = documents.parse_root(payload).sha256
    state = signed(documents.state_payload(STATE), STATE_TYPE, "ada")
    trust = documents.verify_trust((signed(payload, ROOT_TYPE, "ada"),), state, pin=pin, now=NOW)
    assert trust.root.solo
    policy = signed(POLICY, POLICY_TYPE, "ada")
    assert documents.verify_policy(policy, trust) == POLICY


def test_signatures_can_be_collected_one_by_one() -> None:
    raw = signed(ROOT_BYTES, ROOT_TYPE, "olga")
    with pytest.raises(VerificationError, match="1 of 2"):
        documents.verify_trust((raw,), STATE_1, pin=ROOT.sha256, now=NOW)
    raw = documents.add_signature(raw, ROOT_TYPE, signer("omar"), where="x")
    raw = documents.add_signature(raw, ROOT_TYPE, signer("omar"), where="x")
    assert documents.verify_trust((raw,), STATE_1, pin=ROOT.sha256, now=NOW) == TRUST
    assert len(documents.open_document(raw, ROOT_TYPE, where="x").signatures) == 2


# Thresholds ----------------------------------------------------------------------------------


def test_two_keys_of_one_principal_are_one_signer() -> None:
    keys = (*ROOT.keys, samples.key("olga-2", "olga"))
    payload = documents.root_payload(ROOT._replace(keys=keys))
    pin = documents.parse_root(payload).sha256
    twice = signed(payload, ROOT_TYPE, "olga", "olga-2")
    with pytest.raises(VerificationError, match="1 of 2"):
        documents.verify_trust((twice,), STATE_1, pin=pin, now=NOW)
    both = signed(payload, ROOT_TYPE, "olga", "olga-2", "omar")
    assert documents.verify_trust((both,), STATE_1, pin=pin, now=NOW).root.version == 1


def test_signature_twice_is_malformed() -> None:
    with pytest.raises(MalformedError, match="one key id"):
        documents.verify_policy(signed(POLICY, POLICY_TYPE, "olga", "olga"), TRUST)


@pytest.mark.parametrize(
    ("who", "counted"),
    [
        (("olga", "omar"), 2),
        (("olga", "mallory"), 1),
        (("olga", "oona"), 1),  # oona holds root, not policy
        (("rita", "ci", "sam"), 0),
        (("mallory",), 0),
    ],
)
def test_policy_takes_its_role(who: tuple[str, ...], counted: int) -> None:
    raw = signed(POLICY, POLICY_TYPE, *who)
    envelope = documents.open_document(raw, POLICY_TYPE, where="x")
    assert len(documents.signers_of(envelope, ROOT, "policy", where="x")) == counted
    if counted == 2:
        assert documents.verify_policy(raw, TRUST) == POLICY
        return
    with pytest.raises(VerificationError, match=f"got {counted} of 2"):
        documents.verify_policy(raw, TRUST)


def test_revoked_keys_do_not_count_for_a_policy() -> None:
    raw = signed(POLICY, POLICY_TYPE, "olga", "omar")
    state = STATE._replace(revoked_keys=frozenset({signer("omar").keyid}))
    with pytest.raises(VerificationError, match="1 of 2"):
        documents.verify_policy(raw, TRUST._replace(state=state))


def test_bad_signature_of_a_known_key_is_tampering() -> None:
    value = json.loads(signed(POLICY, POLICY_TYPE, "olga", "omar", "oona"))
    value["signatures"][0]["sig"] = value["signatures"][1]["sig"]
    with pytest.raises(VerificationError, match="olga does not hold"):
        documents.verify_policy(json.dumps(value).encode(), TRUST)


def test_role_that_the_root_lacks_has_no_signers() -> None:
    envelope = documents.open_document(signed(POLICY, POLICY_TYPE, "olga"), POLICY_TYPE, where="x")
    assert documents.signers_of(envelope, ROOT, "approver:none", where="x") == frozenset()


def test_policy_is_the_one_asked_for() -> None:
    raw = signed(POLICY, POLICY_TYPE, "olga", "omar")
    other = signed(b'{"policy":false}', POLICY_TYPE, "olga", "omar")
    assert documents.verify_policy(raw, TRUST, sha256=STATE.policy_sha256) == POLICY
    with pytest.raises(VerificationError, match="expected"):
        documents.verify_policy(other, TRUST)
    old = sha('{"policy":false}')
    assert documents.verify_policy(other, TRUST, sha256=old) == b'{"policy":false}'


@pytest.mark.parametrize("kind", [ROOT_TYPE, STATE_TYPE, "application/vnd.in-toto+json"])
def test_documents_do_not_stand_in_for_each_other(kind: str) -> None:
    raw = signed(POLICY, kind, "olga", "omar")
    with pytest.raises(MalformedError, match="payloadType"):
        documents.verify_policy(raw, TRUST)
    renamed = json.loads(raw)
    renamed["payloadType"] = POLICY_TYPE
    with pytest.raises(VerificationError, match="does not hold"):
        documents.verify_policy(json.dumps(renamed).encode(), TRUST)


# Chains --------------------------------------------------------------------------------------


def test_rotation_is_signed_under_both_roots() -> None:
    payload = next_root(
        keys=(*ROOT.keys, samples.key("new")),
        roles=roles(root=Role("root", frozenset({"new", "oona"}), 2)),
    )
    good = signed(payload, ROOT_TYPE, "olga", "omar", "new", "oona")
    trust = documents.verify_trust((ROOT_1, good), STATE_1, pin=ROOT.sha256, now=NOW)
    assert trust.root.version == 2
    for who in (
        ("olga", "omar", "new"),
        ("olga", "omar"),
        ("new", "oona"),
        ("olga", "new", "mallory"),
    ):
        bad = signed(payload, ROOT_TYPE, *who)
        with pytest.raises(VerificationError, match=r"(0|1) of 2"):
            documents.verify_trust((ROOT_1, bad), STATE_1, pin=ROOT.sha256, now=NOW)


def test_chain_of_three_and_its_gaps() -> None:
    second = next_root()
    third = next_root(documents.parse_root(second))
    chain = (
        ROOT_1,
        signed(second, ROOT_TYPE, "olga", "omar"),
        signed(third, ROOT_TYPE, "omar", "oona"),
    )
    trust = documents.verify_trust(chain, STATE_1, pin=ROOT.sha256, now=NOW)
    assert trust.root.version == 3
    for gap in ((chain[0], chain[2]), (chain[0], chain[0]), (chain[0], chain[2], chain[1])):
        with pytest.raises(VerificationError, match="got version"):
            documents.verify_trust(gap, STATE_1, pin=ROOT.sha256, now=NOW)


@pytest.mark.parametrize("version", [1, 3, 100])
def test_next_root_is_the_next_version(version: int) -> None:
    payload = documents.root_payload(ROOT._replace(version=version), previous=ROOT.sha256)
    chain = (ROOT_1, signed(payload, ROOT_TYPE, "olga", "omar"))
    with pytest.raises(VerificationError, match=f"got version {version} after"):
        documents.verify_trust(chain, STATE_1, pin=ROOT.sha256, now=NOW)


def test_next_root_names_the_one_before() -> None:
    other = documents.parse_root(documents.root_payload(ROOT._replace(expires="2027-01-01")))
    payload = next_root(other)
    chain = (ROOT_1, signed(payload, ROOT_TYPE, "olga", "omar"))
    with pytest.raises(VerificationError, match=other.sha256):
        documents.verify_trust(chain, STATE_1, pin=ROOT.sha256, now=NOW)


def test_pin() -> None:
    with pytest.raises(VerificationError, match="expected the pinned"):
        documents.verify_trust((ROOT_1,), STATE_1, pin="0" * 64, now=NOW)
    with pytest.raises(ConfigError, match="no trust root"):
        documents.verify_trust((), STATE_1, pin=ROOT.sha256, now=NOW)


@pytest.mark.parametrize(
    ("now", "holds"),
    [
        ("2026-11-29T00:00:00Z", True),
        ("2026-11-29T00:00:01Z", False),  # the state
        ("2027-06-30T23:59:59Z", False),
    ],
)
def test_expired_state_denies(now: str, *, holds: bool) -> None:
    if holds:
        assert documents.verify_trust((ROOT_1,), STATE_1, pin=ROOT.sha256, now=now) == TRUST
        return
    with pytest.raises(ConfigError, match="trust state expired on 2026-11-29"):
        documents.verify_trust((ROOT_1,), STATE_1, pin=ROOT.sha256, now=now)


def test_root_holds_to_the_end_of_its_last_day() -> None:
    state = signed(
        documents.state_payload(STATE._replace(expires="2030-01-01T00:00:00Z")), STATE_TYPE, "robot"
    )
    documents.verify_trust((ROOT_1,), state, pin=ROOT.sha256, now="2027-06-30T23:59:59Z")
    with pytest.raises(ConfigError, match="trust root expired"):
        documents.verify_trust((ROOT_1,), state, pin=ROOT.sha256, now="2027-07-01T00:00:00Z")


def test_rollback_of_what_was_seen() -> None:
    def verify(seen: tuple[int, int]) -> object:
        return documents.verify_trust((ROOT_1,), STATE_1, pin=ROOT.sha256, now=NOW, seen=seen)

    assert verify((1, 3)) == TRUST
    for seen in ((2, 3), (1, 4)):
        with pytest.raises(VerificationError, match="as seen before"):
            verify(seen)


def test_state_takes_its_role() -> None:
    forged = signed(documents.state_payload(STATE), STATE_TYPE, "olga", "omar")
    with pytest.raises(VerificationError, match="0 of 1"):
        documents.verify_trust((ROOT_1,), forged, pin=ROOT.sha256, now=NOW)


# Parsing -------------------------------------------------------------------------------------


def _last(value: Any, **changes: Any) -> None:
    value["keys"][-1].update(changes)


def _role(value: Any, which: str, /, **changes: Any) -> None:
    next(role for role in value["roles"] if role["name"] == which).update(changes)


def _drop_role(value: Any, name: str) -> None:
    value["roles"] = [role for role in value["roles"] if role["name"] != name]


BAD_ROOTS: dict[str, Any] = {
    "other schema": lambda v: v.update(schema="hubpolicy/root/2"),
    "unknown field": lambda v: v.update(comment="x"),
    "version 0": lambda v: v.update(version=0),
    "version as text": lambda v: v.update(version="1"),
    "never expires": lambda v: v.update(expires=None),
    "expires at an instant": lambda v: v.update(expires="2027-01-01T00:00:00Z"),
    "solo with many": lambda v: v.update(solo=True),
    "no keys": lambda v: v.update(keys=[]),
    "key twice": lambda v: v["keys"].append(v["keys"][0]),
    "key id of another": lambda v: _last(v, keyid="0" * 64),
    "PEM of another": lambda v: _last(v, pem=v["keys"][0]["pem"]),
    "PEM in other lines": lambda v: _last(v, pem=v["keys"][-1]["pem"] + "\n"),
    "key of nobody": lambda v: _last(v, principal=""),
    "unknown key field": lambda v: _last(v, alg="none"),
    "no roles": lambda v: v.update(roles=[]),
    "role twice": lambda v: v["roles"].append(v["roles"][0]),
    "unknown role": lambda v: _role(v, "checker", name="janitor"),
    "approver without a name": lambda v: _role(v, "approver:legal", name="approver:"),
    "threshold 0": lambda v: _role(v, "root", threshold=0),
    "threshold true": lambda v: _role(v, "state", threshold=True),
    "threshold beyond its people": lambda v: _role(v, "root", threshold=4),
    "threshold met by naming one twice": lambda v: _role(v, "root", principals=["olga"] * 2),
    "role of nobody": lambda v: _role(v, "state", principals=[]),
    "role of somebody without a key": lambda v: _role(v, "state", principals=["ghost"]),
    **{
        f"no {name}": lambda v, name=name: _drop_role(v, name)
        for name in ("root", "policy", "state", "releaser", "checker")
    },
}


@pytest.mark.parametrize("change", BAD_ROOTS.values(), ids=BAD_ROOTS.keys())
def test_roots_that_nobody_should_use(change: Any) -> None:
    value = json.loads(ROOT_BYTES)
    change(value)
    with pytest.raises(ConfigError, match="trust root"):
        documents.parse_root(json.dumps(value).encode())


def test_a_key_of_another_kind_is_none_even_under_its_own_id() -> None:
    p384 = ec.derive_private_key(7, ec.SECP384R1()).public_key()
    other = p384.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    for pem in (other, samples.key("ci").pem + "\n"):
        value = json.loads(ROOT_BYTES)
        _last(value, pem=pem, keyid=sha(pem))
        with pytest.raises(ConfigError, match="P-256"):
            documents.parse_root(json.dumps(value).encode())


BAD_STATES: dict[str, Any] = {
    "other schema": {"schema": "hubpolicy/root/1"},
    "unknown field": {"notes": ""},
    "version 0": {"version": 0},
    "expires on a date": {"expires": "2027-01-01"},
    "no policy": {"policy": None},
    "policy by name": {"policy": {"version": 1, "digest": {"name": "x"}}},
    "revoked by prefix": {"revokedKeys": ["ab12"]},
    "revoked in capitals": {"revokedPayloads": ["A" * 64]},
    "revoked null": {"revokedFiles": None},
}


@pytest.mark.parametrize("changes", BAD_STATES.values(), ids=BAD_STATES.keys())
def test_states_that_nobody_should_use(changes: dict[str, Any]) -> None:
    value = {**json.loads(documents.state_payload(STATE)), **changes}
    with pytest.raises(ConfigError, match="trust state"):
        documents.parse_state(json.dumps(value).encode())


@pytest.mark.parametrize("field", ["revokedKeys", "revokedPayloads", "revokedFiles", "version"])
def test_a_deleted_revocation_list_is_no_state(field: str) -> None:
    value = json.loads(documents.state_payload(STATE))
    del value[field]
    with pytest.raises(ConfigError):
        documents.parse_state(json.dumps(value).encode())


def test_nothing_is_signed_that_nobody_should_use() -> None:
    with pytest.raises(ConfigError):
        documents.root_payload(ROOT._replace(solo=True))
    with pytest.raises(ConfigError):
        documents.state_payload(State(0, "", 0, "", frozenset(), frozenset(), frozenset()))


@pytest.mark.parametrize("raw", [b"", b"{}", b"[]", b"\xff", b"[" * 9999, b'{"a":1,"a":1}'])
def test_garbage_is_a_configuration_error(raw: bytes) -> None:
    with pytest.raises(ConfigError):
        documents.verify_trust((raw,), STATE_1, pin=ROOT.sha256, now=NOW)
    with pytest.raises(ConfigError):
        documents.verify_trust((ROOT_1,), raw, pin=ROOT.sha256, now=NOW)
    with pytest.raises(MalformedError):
        documents.verify_policy(raw, TRUST)


@pytest.mark.parametrize("name", ["root", "state"])
def test_no_byte_of_a_document_can_be_changed(name: str) -> None:
    documents_ = {"root": ROOT_1, "state": STATE_1}
    raw = documents_[name]
    for place in range(0, len(raw), 2 if name == "root" else 1):
        changed = bytearray(raw)
        changed[place] ^= 1 << place % 8
        pair = {**documents_, name: bytes(changed)}
        with pytest.raises(HubpolicyError):
            # A renamed key id is passed over, and the threshold is then not met.
            documents.verify_trust((pair["root"],), pair["state"], pin=ROOT.sha256, now=NOW)
