# SPDX-License-Identifier: Apache-2.0
"""A trust folder as a value: what is malformed, what does not follow, what its words are."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubpolicy.core.documents import POLICY_TYPE, STATE_TYPE, make_document, state_payload
from hubpolicy.core.pending import parse_pending, pending_bytes, propose, signed_by
from hubpolicy.core.release_digests import release_digests
from hubpolicy.core.succession import check_follows, publishable
from hubpolicy.core.trust_change import root_changes
from hubpolicy.core.trust_folder import (
    TrustFolder,
    pin_of,
    put,
    require_fresh,
    resume,
    state_sha256,
    verify_folder,
)
from hubpolicy.domain.certified import Authority, Identity, Member, TimeAuthority
from hubpolicy.domain.manifest import EvidenceFile
from hubpolicy.errors import ConfigError, HubpolicyError, VerificationError
from hubpolicy.flows.trusting import propose_policy
from tests import certificates
from tests.flows.trusting_world import DAYS, payload, signed, source, standing_team
from tests.golden import samples
from tests.golden.samples import NOW, sha, signer
from tests.unit.core.release_world import POLICY

LATER = "2026-12-24T00:00:00Z"


def pending_state(**changes: Any) -> bytes:
    """An unsigned pending state that follows the published one of the team."""
    folder = standing_team()
    state = verify_folder(folder).state
    assert state is not None
    fields = {"version": state.version + 1, **changes}
    return pending_bytes(propose("state", state_payload(state._replace(**fields))))


def changed(raw: bytes, **fields: Any) -> bytes:
    return json.dumps({**json.loads(raw), **fields}).encode()


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "strict JSON"),
        (b"[]", "expected a JSON object"),
        (b"{}", "payloadType"),
        (changed(pending_state(), payloadType=POLICY_TYPE), f"expected {STATE_TYPE}"),
        (changed(pending_state(), payload="!"), "strict base64"),
        (changed(pending_state(), payload="e30="), "schema"),
        (changed(pending_state(), extra=1), "unknown field 'extra'"),
        (changed(pending_state(), signatures=None), "an array"),
        (changed(pending_state(), signatures=[{"keyid": "a", "sig": "!"}]), "strict base64"),
        (changed(pending_state(), signatures=[{"keyid": "a", "sig": "aGk="}] * 2),
         "two signatures of one key id"),
        (b"[" * 99 + b"]" * 99, "nesting"),
    ],
)  # fmt: skip
def test_what_is_no_pending_document(raw: bytes, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_pending("state", raw, where="pending/state-2.json")
    assert said in caught.value.message
    assert "pending/state-2.json" in caught.value.message


def test_what_is_pending_comes_back() -> None:
    for raw in (pending_state(), pending_state(version=9)):
        pending = parse_pending("state", raw, where="x")
        assert pending_bytes(pending) == raw
        twice = signed_by(signed_by(pending, signer("ada")), signer("bob"))
        assert parse_pending("state", pending_bytes(twice), where="x") == twice


def test_a_first_root_that_is_none() -> None:
    with pytest.raises(ConfigError, match="strict JSON"):
        pin_of(standing_team()._replace(roots=(b"",)))


def test_the_version_that_the_state_gives_is_the_policys() -> None:
    folder = standing_team()
    state = verify_folder(folder).state
    assert state is not None
    lying = state._replace(policy_version=9)
    signed_state = make_document(state_payload(lying), STATE_TYPE, (signer("ada"),))
    wrong = folder._replace(
        state=signed_state, policies=((9, dict(folder.policies)[POLICY.version]),)
    )
    with pytest.raises(VerificationError, match=f"got policy version {POLICY.version}, expected 9"):
        verify_folder(wrong)


def test_a_state_goes_back_to_no_older_policy() -> None:
    folder = propose_policy(standing_team(), payload(version=POLICY.version + 1), NOW, days=DAYS)
    folder = signed(folder, "ada")
    standing = verify_folder(folder)
    assert standing.state is not None
    old = standing.state._replace(
        version=standing.state.version + 1, policy_version=POLICY.version,
        policy_sha256=hashlib.sha256(payload()).hexdigest(),
    )  # fmt: skip
    pending = signed_by(propose("state", state_payload(old)), signer("ada"))
    with pytest.raises(VerificationError, match=f"expected {POLICY.version + 1} or later"):
        check_follows(folder, standing, pending, NOW)
    assert publishable(put(folder, pending), standing, NOW) == ()


@pytest.mark.parametrize(
    ("now", "said"),
    [
        ("2026-11-29T15:00:01Z", "the published state expired on 2026-11-29T15:00:00Z"),
        ("2027-07-01T00:00:00Z", "the published policy expired on 2027-06-30"),
        ("2028-01-02T00:00:00Z", "the published root expired on 2028-01-01"),
    ],
)
def test_what_has_expired_is_said_from_the_top(now: str, said: str) -> None:
    standing = verify_folder(standing_team())
    require_fresh(standing, "2026-11-29T15:00:00Z")
    with pytest.raises(ConfigError, match=said) as caught:
        require_fresh(standing, now)
    assert caught.value.hint.startswith("hubpolicy trust")


def test_what_was_not_cut_short_is_left_alone() -> None:
    folder = standing_team()
    assert resume(folder) is folder
    assert state_sha256(folder._replace(state=None)) == ""
    more = propose_policy(folder, payload(version=POLICY.version + 1), NOW, days=DAYS)
    assert resume(more) is more
    assert folder.state is not None
    written = put(folder, parse_pending("state", folder.state, where="x"))
    assert resume(written) == folder
    broken = written._replace(policies=())
    assert resume(broken) == folder._replace(policies=())  # whoever verifies it says why


def test_every_change_of_who_is_certified_is_said() -> None:
    before = source()._replace(
        authorities=(Authority("ca", certificates.root().pem, (Member("email:a@b.c", "ada"),)),),
        identities=(Identity("https://i", "https://w", "ada", sha("{}")),),
        trusted_roots=((sha("{}"), "{}"),),
        time_authorities=(TimeAuthority("tsa", certificates.root().pem),),
    )
    lines = root_changes(source(), before)
    digest = hashlib.sha256(certificates.root().pem.encode()).hexdigest()
    assert f"authority added: ca, sha256 {digest}, email:a@b.c is ada" in lines
    assert f"identity added: https://i, https://w, ada, {sha('{}')}" in lines
    assert f"trusted root added: {sha('{}')}, sha256 {sha('{}')}" in lines
    assert f"time authority added: tsa, sha256 {digest}" in lines
    other = before.authorities[0]._replace(pem=certificates.between().pem)
    swapped = root_changes(before, before._replace(authorities=(other,)))
    assert len(swapped) == 2
    assert swapped[0] != swapped[1].replace("added", "removed")


def test_a_release_without_weights_tells_nothing_to_revoke() -> None:
    from hubpolicy.core.bundle import make_bundle

    line = make_bundle(samples.payloads()["card"], signer("ci"))
    files = (EvidenceFile(".hubpolicy/release.intoto.jsonl", line + b"\n"),)
    with pytest.raises(VerificationError, match="names no weight file"):
        release_digests(files, (samples.ROOT,), samples.STATE, now=LATER)
    with pytest.raises(VerificationError, match="there is none"):
        release_digests((), (samples.ROOT,), samples.STATE, now=LATER)


def test_a_release_of_a_former_root_by_a_revoked_key_is_still_read() -> None:
    from hubpolicy.core.bundle import make_bundle

    line = make_bundle(samples.payloads()["release"], signer("rita"))
    digest = hashlib.sha256(samples.payloads()["release"]).hexdigest()
    files = (EvidenceFile(".hubpolicy/release.intoto.jsonl", line + b"\n"),)
    gone = samples.STATE._replace(
        revoked_keys=frozenset({signer("rita").keyid}), revoked_payloads=frozenset({digest})
    )
    newer = samples.ROOT._replace(version=2, keys=samples.ROOT.keys[:1])
    found = release_digests(files, (samples.ROOT, newer), gone, now=LATER)
    assert found.payloads == (digest,)
    assert [name for name, _ in found.files] == ["model.safetensors"]


PUBLISHED = standing_team(root=2, policy=2)
SAID = verify_folder(PUBLISHED)


@given(st.sampled_from(["root", "policy", "state"]), st.data())
def test_no_flipped_bit_changes_what_a_folder_says(kind: str, data: st.DataObject) -> None:
    assert PUBLISHED.state is not None
    files = {
        "root": PUBLISHED.roots[0],
        "policy": PUBLISHED.policies[0][1],
        "state": PUBLISHED.state,
    }
    raw = bytearray(files[kind])
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    spoiled = {
        "root": PUBLISHED._replace(roots=(bytes(raw),)),
        "policy": PUBLISHED._replace(policies=((POLICY.version, bytes(raw)),)),
        "state": PUBLISHED._replace(state=bytes(raw)),
    }[kind]
    try:
        said = verify_folder(spoiled)
    except HubpolicyError:
        return
    # A flipped key id makes a signature a stranger's; enough others must hold without it.
    assert said == SAID


def _proposed() -> tuple[TrustFolder, bytes]:
    """A signed state that names a new policy, and that policy, whole."""
    folder = propose_policy(PUBLISHED, payload(version=POLICY.version + 1), NOW, days=DAYS)
    policy, state = folder.find("policy"), folder.find("state")
    assert policy is not None
    assert state is not None
    whole = signed_by(signed_by(policy, signer("ada")), signer("bob"))
    return put(folder, signed_by(state, signer("ada"))), pending_bytes(whole)


# Made once: signatures are not all of one length, and examples must be drawn from one document.
PROPOSED, WHOLE = _proposed()


@given(st.data())
def test_no_flipped_bit_of_a_pending_document_gets_past_its_signatures(data: st.DataObject) -> None:
    raw = bytearray(WHOLE)
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    try:
        pending = parse_pending("policy", bytes(raw), where="pending/policy-8.json")
    except ConfigError:
        return
    whole = parse_pending("policy", WHOLE, where="pending/policy-8.json")
    for done in publishable(put(PROPOSED, pending), verify_folder(PROPOSED), NOW):
        assert done.kind != "policy" or done.sha256 == whole.sha256
