# SPDX-License-Identifier: Apache-2.0
"""Bundles signed under an X.509 chain: who is believed, and everything that is not."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, NamedTuple

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import ExtendedKeyUsageOID

from hubpolicy.core import verify
from hubpolicy.core.bundle import add_timestamp, make_bundle, make_chain_bundle, parse_bundle
from hubpolicy.core.certificates import load_chain, read_leaf, require_anchor, require_leaf
from hubpolicy.core.checkers import require_checker
from hubpolicy.core.dsse import encode_base64, pae
from hubpolicy.core.keys import keyid_of
from hubpolicy.core.oms import oms_statement
from hubpolicy.core.signatories import principal_at_hand
from hubpolicy.domain.certified import Authority, Identity, Member, name_id
from hubpolicy.domain.statement import PAYLOAD_TYPE
from hubpolicy.domain.trust import Trust
from hubpolicy.errors import HubpolicyError, MalformedError, VerificationError
from tests import certificates as pki
from tests.golden import samples

PAYLOAD = samples.payloads()["release"]
NOW = samples.NOW
ROOT = samples.ROOT._replace(authorities=(pki.authority("rita", "mallory"),))
TRUST = Trust(ROOT, samples.STATE)


def bundle(*chain: pki.Issued, payload: bytes = PAYLOAD, key: pki.Issued | None = None) -> bytes:
    private = (key or chain[0]).key
    assert isinstance(private, ec.EllipticCurvePrivateKey)
    sig = private.sign(pae(PAYLOAD_TYPE, payload), ec.ECDSA(SHA256()))
    return make_chain_bundle(payload, sig, tuple(each.der for each in chain))


def proven(raw: bytes, trust: Trust = TRUST, now: str = NOW) -> verify.VerifiedStatement:
    return verify.verify_bundle(raw, trust, now=now, where="line 1")


def refusal(raw: bytes, trust: Trust = TRUST, now: str = NOW) -> str:
    with pytest.raises(HubpolicyError) as caught:
        proven(raw, trust, now)
    return caught.value.message


def trusting(*members: tuple[str, str], pem: str = "") -> Trust:
    authority = Authority("acme", pem or pki.root().pem, tuple(Member(*m) for m in members))
    return TRUST._replace(root=ROOT._replace(authorities=(authority,)))


# Who is believed -----------------------------------------------------------------------------


def test_a_chain_to_the_pinned_root_is_a_signer() -> None:
    line = proven(bundle(pki.leaf(), pki.between()))
    assert line.principal == "rita"
    assert line.roles == {"releaser"}
    assert line.keyid == keyid_of(read_leaf(pki.leaf().der, where="x").pem)
    assert line.stamps == ()


def test_the_root_may_stand_in_the_chain_and_the_order_of_the_others_is_free() -> None:
    assert proven(bundle(pki.leaf(), pki.root(), pki.between())).principal == "rita"


def test_certificates_beside_the_way_are_refused() -> None:
    for stray in (pki.leaf("mallory"), pki.issue("other root", ca=True)):
        for chain in ((pki.leaf(), pki.between(), stray), (pki.leaf(), stray, pki.between())):
            said = refusal(bundle(*chain))
            assert "is not on the way to the pinned root, in line 1" in said
    assert proven(bundle(pki.leaf(), pki.between(), pki.between())).principal == "rita"


def test_a_leaf_right_below_the_root() -> None:
    leaf = pki.issue("direct", pki.root(), email="rita@acme.example")
    assert proven(bundle(leaf)).principal == "rita"


@pytest.mark.parametrize(
    "name", ["email:rita@acme.example", "uri:https://acme.example/rita", "subject:CN=rita"]
)
def test_names_of_every_kind(name: str) -> None:
    uri = "https://acme.example/rita"
    leaf = pki.issue("rita", pki.between(), email="rita@acme.example", uri=uri)
    trust = trusting((name, "rita"))
    assert proven(bundle(leaf, pki.between()), trust).principal == "rita"
    other = trusting((name + "x", "rita"))
    assert "no authority may certify" in refusal(bundle(leaf, pki.between()), other)


def test_rsa_authorities_may_certify_p256_keys() -> None:
    big = pki.issue("rsa root", ca=True, key=rsa.generate_private_key(65537, 2048))
    leaf = pki.issue("rita", big, email="rita@acme.example")
    assert proven(bundle(leaf), trusting(("email:rita@acme.example", "rita"), pem=big.pem))


def test_model_signature_under_a_chain() -> None:
    raw = bundle(pki.leaf(), pki.between(), payload=oms_statement(samples.MANIFEST, "wizard-7b"))
    found = verify.verify_model_signature(raw, TRUST, samples.MANIFEST, now=NOW)
    assert found.principal == "rita"


def test_the_second_authority_is_asked_too() -> None:
    other = pki.issue("other root", ca=True)
    first = Authority("other", other.pem, (Member("email:rita@acme.example", "rita"),))
    root = ROOT._replace(authorities=(first, *ROOT.authorities))
    assert proven(bundle(pki.leaf(), pki.between()), TRUST._replace(root=root)).principal == "rita"


# Who is not ----------------------------------------------------------------------------------

EMAIL = "rita@acme.example"
LEAVES: dict[str, tuple[dict[str, Any], str]] = {
    "expired": ({"end": datetime(2026, 11, 1, tzinfo=UTC)}, "does not chain"),
    "not yet valid": ({"begin": datetime(2026, 12, 1, tzinfo=UTC)}, "does not chain"),
    "an authority": ({"ca": True}, "certificate of an authority"),
    "not for signatures": ({"signs": False}, "key usage is not digitalSignature"),
    "for TLS": ({"purposes": (ExtendedKeyUsageOID.SERVER_AUTH,)}, "not codeSigning"),
    "for timestamps": ({"purposes": (ExtendedKeyUsageOID.TIME_STAMPING,)}, "not codeSigning"),
    "for anything": (
        {"purposes": (ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,)},
        "not codeSigning",
    ),
    "for nothing": ({"signs": None, "purposes": None}, "does not say that it is made"),
    "nobody's address": ({"email": "eve@acme.example"}, "'email:eve@acme.example'"),
    "a longer address": ({"email": "rita@acme.example.evil"}, "no authority may certify"),
    "an upper-case address": ({"email": "RITA@acme.example"}, "no authority may certify"),
}


@pytest.mark.parametrize(("options", "reason"), LEAVES.values(), ids=LEAVES.keys())
def test_leaves_that_are_refused(options: dict[str, Any], reason: str) -> None:
    leaf = pki.issue("rita", pki.between(), **{"email": EMAIL, **options})
    assert reason in refusal(bundle(leaf, pki.between()))


@pytest.mark.parametrize("purposes", [None, (pki.CODE_SIGNING, ExtendedKeyUsageOID.SERVER_AUTH)])
def test_leaves_that_say_little_or_more(purposes: Any) -> None:
    leaf = pki.issue("rita", pki.between(), email=EMAIL, purposes=purposes)
    assert proven(bundle(leaf, pki.between())).principal == "rita"
    leaf = pki.issue("rita", pki.between(), email=EMAIL, signs=None, ca=None)
    assert proven(bundle(leaf, pki.between())).principal == "rita"


def test_validity_is_judged_at_the_moment() -> None:
    leaf = pki.issue("rita", pki.between(), email=EMAIL, end=datetime(2026, 11, 23, tzinfo=UTC))
    raw = bundle(leaf, pki.between())
    assert proven(raw).principal == "rita"
    assert "at 2026-11-24T00:00:00Z" in refusal(raw, now="2026-11-24T00:00:00Z")


CHAINS: dict[str, tuple[pki.Issued, ...]] = {
    "without the one between": (pki.leaf(),),
    "of another root": (
        pki.issue("rita", pki.issue("acme root 2", ca=True), email=EMAIL),
        pki.issue("acme root 2", ca=True),
    ),
    "of a namesake": (
        pki.issue("rita", pki.issue("acme root", ca=True, key=pki.key_of("evil")), email=EMAIL),
        pki.issue("acme root", ca=True, key=pki.key_of("evil")),
    ),
    "below a leaf": (pki.issue("rita", pki.leaf("mallory"), email=EMAIL), pki.leaf("mallory"), pki.between()),
    "self-signed": (pki.issue("rita", email=EMAIL),),
    "below an expired one": (
        pki.issue("rita", pki.issue("old", pki.root(), ca=True, end=datetime(2026, 2, 1, tzinfo=UTC)), email=EMAIL),
        pki.issue("old", pki.root(), ca=True, end=datetime(2026, 2, 1, tzinfo=UTC)),
    ),
    "the root itself": (pki.root(),),
}  # fmt: skip


@pytest.mark.parametrize("chain", CHAINS.values(), ids=CHAINS.keys())
def test_chains_that_are_refused(chain: tuple[pki.Issued, ...]) -> None:
    message = refusal(bundle(*chain))
    assert "does not chain" in message or "authority" in message
    assert message.endswith("in line 1")


def test_a_critical_extension_that_nobody_knows_is_refused() -> None:
    odd = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.99999.1"), b"\5\0")
    leaf = pki.issue("rita", pki.between(), email=EMAIL, extra=((odd, True),))
    assert "does not chain" in refusal(bundle(leaf, pki.between()))
    leaf = pki.issue("rita", pki.between(), email=EMAIL, extra=((odd, False),))
    assert proven(bundle(leaf, pki.between())).principal == "rita"


def test_names_that_the_authority_may_not_give() -> None:
    only = x509.NameConstraints([x509.RFC822Name("other.example")], None)
    narrow = pki.issue("narrow", pki.root(), ca=True, extra=((only, True),))
    leaf = pki.issue("rita", narrow, email=EMAIL)
    assert "does not chain" in refusal(bundle(leaf, narrow))


def test_one_certificate_is_one_person() -> None:
    leaf = pki.issue("rita", pki.between(), email=EMAIL, uri="urn:sam")
    trust = trusting((f"email:{EMAIL}", "rita"), ("uri:urn:sam", "sam"))
    assert "several people" in refusal(bundle(leaf, pki.between()), trust)


def test_the_signature_must_be_the_leafs() -> None:
    raw = bundle(pki.leaf(), pki.between(), key=pki.leaf("mallory"))
    assert "does not hold" in refusal(raw)


def test_a_certified_person_has_the_roles_of_the_root_and_no_others() -> None:
    trust = trusting((f"email:{EMAIL}", "sam"))
    with pytest.raises(VerificationError, match="expected releaser"):
        proven(bundle(pki.leaf(), pki.between()), trust)


@pytest.mark.parametrize(
    "key",
    [
        ec.generate_private_key(ec.SECP384R1()),
        rsa.generate_private_key(65537, 2048),
        ed25519.Ed25519PrivateKey.generate(),
    ],
    ids=["P-384", "RSA", "Ed25519"],
)
def test_leaves_are_p256(key: Any) -> None:
    leaf = pki.issue("rita", pki.between(), email=EMAIL, key=key)
    raw = bundle(leaf, pki.between(), key=pki.leaf())
    assert "expected the PEM of an ECDSA P-256" in refusal(raw)


# Revocation ----------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["leaf", "between", "root", "name", "subject"])
def test_key_authority_or_name_can_be_revoked(what: str) -> None:
    ids = {
        "leaf": keyid_of(read_leaf(pki.leaf().der, where="x").pem),
        "between": keyid_of(read_leaf(pki.between().der, where="x").pem),
        "root": keyid_of(read_leaf(pki.root().der, where="x").pem),
        "name": name_id(f"email:{EMAIL}"),
        "subject": name_id("subject:CN=rita"),
    }
    state = samples.STATE._replace(revoked_keys=frozenset({ids[what]}))
    assert "is revoked" in refusal(bundle(pki.leaf(), pki.between()), TRUST._replace(state=state))
    other = samples.STATE._replace(revoked_keys=frozenset({name_id("email:sam@acme.example")}))
    assert proven(bundle(pki.leaf(), pki.between()), TRUST._replace(state=other))


# The form ------------------------------------------------------------------------------------


def material(raw: bytes, **changes: Any) -> bytes:
    value = json.loads(raw)
    value["verificationMaterial"].update(changes)
    return json.dumps(value).encode()


GOOD = bundle(pki.leaf(), pki.between())
CERTIFICATE = {"rawBytes": encode_base64(pki.leaf().der)}
FORMS: dict[str, tuple[dict[str, Any], str]] = {
    "log entries beside a chain": ({"tlogEntries": [{}]}, "not checked here"),
    "a key beside a chain": ({"publicKey": {"hint": "0" * 64}}, "unknown field 'publicKey'"),
    "a keyless leaf without a log": ({"certificate": CERTIFICATE}, "only they prove"),
    "no certificate": ({"x509CertificateChain": {"certificates": []}}, "1 to 8"),
    "nine certificates": ({"x509CertificateChain": {"certificates": [CERTIFICATE] * 9}}, "1 to 8"),
    "a field more": ({"x509CertificateChain": {"certificates": [{**CERTIFICATE, "x": 1}]}}, "unknown"),
    "a field in the chain": ({"x509CertificateChain": {"certificates": [CERTIFICATE], "x": 1}}, "unknown"),
    "no base64": ({"x509CertificateChain": {"certificates": [{"rawBytes": "*"}]}}, "strict base64"),
    "no certificate in it": ({"x509CertificateChain": {"certificates": [{"rawBytes": "AAAA"}]}}, "no X.509"),
    "a large one": ({"x509CertificateChain": {"certificates": [{"rawBytes": encode_base64(b"0" * 65537)}]}}, "at most 65536"),
    "timestamps of another kind": ({"timestampVerificationData": {"rfc9999": []}}, "unknown field"),
    "five timestamps": ({"timestampVerificationData": {"rfc3161Timestamps": [{"signedTimestamp": "AAAA"}] * 5}}, "at most 4"),
    "a timestamp with more": ({"timestampVerificationData": {"rfc3161Timestamps": [{"signedTimestamp": "AAAA", "x": 1}]}}, "unknown"),
}  # fmt: skip


@pytest.mark.parametrize(("changes", "reason"), FORMS.values(), ids=FORMS.keys())
def test_forms_that_are_refused(changes: dict[str, Any], reason: str) -> None:
    assert reason in refusal(material(GOOD, **changes))


def test_empty_timestamps_are_none() -> None:
    assert proven(material(GOOD, timestampVerificationData={"rfc3161Timestamps": []}))
    assert proven(material(GOOD, timestampVerificationData={}))


def test_any_changed_byte_of_the_chain_is_refused() -> None:
    der = bytearray(pki.leaf().der)
    for place in range(0, len(der), 7):
        der[place] ^= 1
        changed = {"certificates": [{"rawBytes": encode_base64(bytes(der))}, CERTIFICATE]}
        assert refusal(material(GOOD, x509CertificateChain=changed))
        der[place] ^= 1


def test_a_timestamp_is_added_and_nothing_else_changes() -> None:
    raw = add_timestamp(add_timestamp(GOOD, b"one", where="x"), b"two", where="x")
    before, after = parse_bundle(GOOD, where="x"), parse_bundle(raw, where="x")
    assert after == before._replace(timestamps=(b"one", b"two"))
    with pytest.raises(MalformedError):
        add_timestamp(b"{}", b"one", where="x")


# Whose key is at hand ------------------------------------------------------------------------


class AtHand(NamedTuple):
    """What a certified key says of itself."""

    keyid: str
    names: tuple[str, ...]

    def sign(self, message: bytes) -> bytes:
        return message

    def seal(self, payload: bytes) -> bytes:
        return payload


def test_whose_key_is_at_hand() -> None:
    hand = AtHand("0" * 64, (f"email:{EMAIL}", "subject:CN=rita"))
    assert principal_at_hand(hand, ROOT) == "rita"
    assert principal_at_hand(hand, samples.ROOT) == ""
    assert make_bundle(b"payload", hand) == b"payload"
    two = trusting((f"email:{EMAIL}", "rita"), ("subject:CN=rita", "sam")).root
    assert principal_at_hand(hand, two) == ""
    assert principal_at_hand(samples.signer("rita"), ROOT) == "rita"
    assert principal_at_hand(samples.signer("mallory"), ROOT) == ""
    identity = Identity("https://login", "ci", "ci", "0" * 64)
    keyless = samples.ROOT._replace(identities=(identity,))
    assert principal_at_hand(AtHand(identity.keyid, ()), keyless) == "ci"
    assert ROOT.names == {"email:rita@acme.example", "email:mallory@acme.example"}


def test_a_certified_checker_may_run_tests() -> None:
    hand = AtHand("0" * 64, (f"email:{EMAIL}",))
    require_checker(trusting((f"email:{EMAIL}", "ci")), hand, what="the run")
    with pytest.raises(VerificationError, match="who holds releaser"):
        require_checker(TRUST, hand, what="the run")


def test_leaves_with_a_key_that_nobody_here_knows() -> None:
    der = pki.leaf().der
    p256, p111 = bytes.fromhex("06082a8648ce3d030107"), bytes.fromhex("06082a8648ce3d030163")
    with pytest.raises(MalformedError):
        read_leaf(der.replace(p256, p111), where="x")


# What stands alone ---------------------------------------------------------------------------


def test_what_can_be_pinned() -> None:
    require_anchor(pki.root().pem, where="x")
    for pem in (pki.leaf().pem, pki.issue("bare", ca=None).pem):
        with pytest.raises(MalformedError, match="CA:TRUE"):
            require_anchor(pem, where="x")
    with pytest.raises(MalformedError, match=r"no X\.509"):
        require_anchor("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", where="x")


def test_what_may_sign_at_all() -> None:
    require_leaf(pki.leaf().der, at=NOW, where="x")
    with pytest.raises(VerificationError, match="valid from 2026-01-01 to 2036-01-01"):
        require_leaf(pki.leaf().der, at="2036-01-01T00:00:01Z", where="x")
    with pytest.raises(VerificationError, match="authority"):
        require_leaf(pki.root().der, at=NOW, where="x")


def test_chains_in_pem() -> None:
    text = (pki.leaf().pem + pki.between().pem).encode()
    assert load_chain(text, where="x") == (pki.leaf().der, pki.between().der)
    for bad in (b"", b"text", text[:100]):
        with pytest.raises(MalformedError):
            load_chain(bad, where="x")


def test_certificates_whose_extensions_do_not_parse() -> None:
    names = x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.17"), b"\xff")
    leaf = pki.issue("rita", pki.between(), extra=((names, False),))
    assert "no X.509" in refusal(bundle(leaf, pki.between()))
    usage = x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.36"), b"\xff")
    leaf = pki.issue("rita", pki.between(), email=EMAIL, extra=((usage, False),))
    assert "no X.509" in refusal(bundle(leaf, pki.between()))
    with pytest.raises(MalformedError, match=r"no X\.509"):
        require_leaf(leaf.der, at=NOW, where="x")
