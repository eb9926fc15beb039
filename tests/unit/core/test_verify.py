# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import copy
import json
import pickle
import subprocess
import sys
from typing import Any

import pytest

from hubpolicy.core import statements, verify
from hubpolicy.core.bundle import make_bundle
from hubpolicy.core.dsse import encode_base64, pae
from hubpolicy.core.oms import oms_statement
from hubpolicy.domain.manifest import EvidenceFile
from hubpolicy.domain.trust import Key, Trust
from hubpolicy.errors import HubpolicyError, VerificationError
from tests.golden import samples
from tests.golden.samples import NOW, TRUST, signer

PAYLOADS = samples.payloads()
BUNDLES = samples.bundles()
RELEASE = ".hubpolicy/release.intoto.jsonl"


def proven(raw: bytes, trust: Trust = TRUST, now: str = NOW) -> verify.VerifiedStatement:
    return verify.verify_bundle(raw, trust, now=now, where="line 1")


def lines(*raw: bytes, trust: Trust = TRUST, now: str = NOW) -> tuple[list[str], list[str]]:
    """(kinds proven, rules of the findings) of a release file with these lines."""
    files = (EvidenceFile(RELEASE, b"\n".join(raw) + b"\n"),)
    good, bad = verify.verify_lines(files, trust, now=now)
    assert all(f.severity.word == "error" and f.effect == "failed" for f in bad)
    return [type(s.predicate).__name__ for s in good], [f.rule for f in bad]


# What holds ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", BUNDLES)
def test_every_kind_by_its_role(name: str) -> None:
    who = samples.SIGNERS[name]
    result = proven(BUNDLES[name])
    assert result.statement == statements.parse_statement(PAYLOADS[name], where="x")
    assert result.payload_sha256 == statements.payload_sha256(PAYLOADS[name])
    assert (result.principal, result.keyid) == (who, signer(who).keyid)
    expected = {
        "rita": "releaser",
        "ci": "checker",
        "lee": "approver:legal",
        "sam": "approver:safety",
    }
    assert result.roles == {expected[who]}


def test_second_key_of_a_principal_counts_for_the_principal() -> None:
    result = proven(make_bundle(PAYLOADS["approval"], signer("sam-2")))
    assert result.principal == "sam"
    assert result.keyid == signer("sam-2").keyid


def test_high_s_twin_is_the_same_statement() -> None:
    from cryptography.hazmat.primitives.asymmetric.utils import (
        decode_dss_signature,
        encode_dss_signature,
    )

    value = json.loads(BUNDLES["card"])
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    import base64

    r, s = decode_dss_signature(base64.b64decode(value["dsseEnvelope"]["signatures"][0]["sig"]))
    value["dsseEnvelope"]["signatures"][0]["sig"] = encode_base64(
        encode_dss_signature(r, order - s)
    )
    twin = json.dumps(value).encode()
    assert proven(twin) == proven(BUNDLES["card"])
    assert lines(BUNDLES["card"], twin) == (["CardResult"], ["HP305"])


# Who may make one ---------------------------------------------------------------------------


def test_only_this_module_makes_verified_statements() -> None:
    proof = proven(BUNDLES["card"])._proof
    with pytest.raises(TypeError, match=r"hubpolicy\.core\.verify alone"):
        verify.VerifiedStatement(proof, token=object())
    with pytest.raises(TypeError):
        verify.VerifiedStatement(proof)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="would not be verified"):
        type("Forged", (verify.VerifiedStatement,), {})


@pytest.mark.parametrize("raw", [BUNDLES["card"], None])
def test_verified_values_are_frozen(raw: bytes | None) -> None:
    model_sig = make_bundle(oms_statement(samples.MANIFEST, "m"), signer("rita"))
    value: Any = (
        proven(raw) if raw else verify.verify_model_signature(model_sig, TRUST, None, now=NOW)
    )
    for name in ("principal", "_proof", "new"):
        with pytest.raises(AttributeError, match="frozen"):
            setattr(value, name, "olga")
    with pytest.raises(AttributeError):
        del value._proof
    for way in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match="verify the bytes again"):
            way(value)


def test_equality_and_sets() -> None:
    one, two = proven(BUNDLES["card"]), proven(BUNDLES["card"])
    assert len({one, two, proven(BUNDLES["waiver"])}) == 2
    assert one != "card"
    assert "CardResult" in repr(one)


# What does not hold -------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["olga", "omar", "robot", "rita", "ci", "sam", "lee"])
@pytest.mark.parametrize("name", BUNDLES)
def test_role_table_is_closed(name: str, who: str) -> None:
    raw = make_bundle(PAYLOADS[name], signer(who))
    allowed = {
        "card": {"ci"},
        "toxicity": {"ci"},
        "applicability": {"ci"},
        "evidence": {"ci"},
        "waiver": {"sam", "lee"},
        "approval": {"sam"},
        "release": {"rita"},
    }
    if who in allowed[name]:
        assert proven(raw).principal == who
    else:
        assert lines(raw) == ([], ["HP303"])
        with pytest.raises(VerificationError, match="who holds"):
            proven(raw)


def test_approver_of_two_roles_uses_one_at_a_time() -> None:
    roles = tuple(
        role._replace(principals=role.principals | {"sam"})
        if role.name.startswith("approver:")
        else role
        for role in samples.ROOT.roles
    )
    trust = Trust(samples.ROOT._replace(roles=roles), samples.STATE)
    assert proven(BUNDLES["approval"], trust).roles == {"approver:safety"}


def test_nobody_approves_for_another() -> None:
    raw = make_bundle(PAYLOADS["approval"], signer("sue"))
    with pytest.raises(VerificationError, match="'sam' by sue"):
        proven(raw)
    assert lines(raw) == ([], ["HP303"])


def test_key_that_the_root_does_not_know() -> None:
    assert lines(make_bundle(PAYLOADS["card"], signer("mallory"))) == ([], ["HP302"])


def test_key_without_any_role() -> None:
    root = samples.ROOT._replace(keys=(*samples.ROOT.keys, samples.key("eve")))
    raw = make_bundle(PAYLOADS["card"], signer("eve"))
    with pytest.raises(VerificationError, match="no role"):
        proven(raw, Trust(root, samples.STATE))


def test_foreign_key_under_a_known_hint() -> None:
    value = json.loads(make_bundle(PAYLOADS["card"], signer("mallory")))
    value["verificationMaterial"]["publicKey"]["hint"] = signer("ci").keyid
    value["dsseEnvelope"]["signatures"][0]["keyid"] = signer("ci").keyid
    with pytest.raises(VerificationError, match="does not hold"):
        proven(json.dumps(value).encode())


def test_key_id_of_the_root_is_recomputed() -> None:
    """A root entry that puts another PEM under a known id selects nothing."""
    forged = Key(signer("ci").keyid, signer("mallory").public_pem, "ci")
    keys = tuple(forged if k.principal == "ci" else k for k in samples.ROOT.keys)
    trust = Trust(samples.ROOT._replace(keys=keys), samples.STATE)
    value = json.loads(make_bundle(PAYLOADS["card"], signer("mallory")))
    value["verificationMaterial"]["publicKey"]["hint"] = signer("ci").keyid
    value["dsseEnvelope"]["signatures"][0]["keyid"] = ""
    with pytest.raises(VerificationError, match="one of the trust root"):
        proven(json.dumps(value).encode(), trust)


def test_payload_of_another_signature() -> None:
    value = json.loads(BUNDLES["card"])
    other = json.loads(BUNDLES["toxicity"])
    value["dsseEnvelope"]["payload"] = other["dsseEnvelope"]["payload"]
    with pytest.raises(VerificationError, match="does not hold"):
        proven(json.dumps(value).encode())


def test_signature_over_another_payload_type() -> None:
    """What was signed as a policy is no statement, though the bytes are the same."""
    value = json.loads(BUNDLES["card"])
    message = pae("application/vnd.hubpolicy.policy.v1+json", PAYLOADS["card"])
    value["dsseEnvelope"]["signatures"][0]["sig"] = encode_base64(signer("ci").sign(message))
    with pytest.raises(VerificationError, match="does not hold"):
        proven(json.dumps(value).encode())


def test_payload_is_not_parsed_before_its_signature_holds() -> None:
    value = json.loads(BUNDLES["card"])
    value["dsseEnvelope"]["payload"] = encode_base64(b"[" * 100_000)
    with pytest.raises(VerificationError, match="does not hold"):
        proven(json.dumps(value).encode())


SIGNED_PAYLOADS = {
    "not JSON": b"\xff",
    "not a statement": b"{}",
    "duplicate key": PAYLOADS["card"].replace(b'{"_type"', b'{"_type":"x","_type"', 1),
    "NaN": PAYLOADS["toxicity"].replace(b'"hits":3', b'"hits":NaN'),
    "Infinity": PAYLOADS["toxicity"].replace(b'"hits":3', b'"hits":1e999'),
    "float": PAYLOADS["toxicity"].replace(b'"hits":3', b'"hits":3.0'),
    "word against counts": PAYLOADS["card"].replace(b'"WARNED"', b'"PASSED"'),
    "own field": PAYLOADS["toxicity"].replace(b'"seed"', b'"passed":true,"seed"'),
    "subject renamed twice": PAYLOADS["release"].replace(b'"README.md"', b'"config.json"'),
    "card of another name": PAYLOADS["card"].replace(b"README.md", b"readme.md"),
    "closure without files": PAYLOADS["toxicity"].replace(b'"sha256"', b'"dirHash"'),
}


@pytest.mark.parametrize("payload", SIGNED_PAYLOADS.values(), ids=SIGNED_PAYLOADS.keys())
def test_well_signed_nonsense(payload: bytes) -> None:
    assert payload not in PAYLOADS.values()
    for who in ("ci", "rita"):
        raw = make_bundle(payload, signer(who))
        with pytest.raises(HubpolicyError):
            proven(raw)
    good, bad = lines(make_bundle(payload, signer("ci")), make_bundle(payload, signer("rita")))
    assert good == []
    assert set(bad) <= {"HP302", "HP303"}


@pytest.mark.parametrize(
    "kind", ["https://slsa.dev/provenance/v1", "https://model_signing/signature/v1.0", "x"]
)
def test_unknown_predicates(kind: str) -> None:
    value = json.loads(PAYLOADS["card"])
    value["predicateType"] = kind
    raw = make_bundle(json.dumps(value).encode(), signer("ci"))
    expected = "HP303" if "model_signing" in kind else "HP304"
    assert lines(raw) == ([], [expected])


def test_model_signature_is_no_line() -> None:
    raw = make_bundle(oms_statement(samples.MANIFEST, "m"), signer("rita"))
    assert lines(raw) == ([], ["HP304"])


def test_revoked_key_and_payload() -> None:
    keyless = samples.STATE._replace(revoked_keys=frozenset({signer("ci").keyid}))
    assert lines(BUNDLES["card"], BUNDLES["waiver"], trust=Trust(samples.ROOT, keyless)) == (
        ["Waiver"],
        ["HP701"],
    )
    digest = statements.payload_sha256(PAYLOADS["card"])
    withdrawn = samples.STATE._replace(revoked_payloads=frozenset({digest}))
    assert lines(BUNDLES["card"], BUNDLES["toxicity"], trust=Trust(samples.ROOT, withdrawn)) == (
        ["ToxicityResult"],
        ["HP702"],
    )


@pytest.mark.parametrize(
    ("name", "now", "holds"),
    [
        ("release", "2026-11-22T14:54:00Z", True),  # verified at 14:59:00: five minutes
        ("release", "2026-11-22T14:53:59Z", False),
        ("toxicity", "2026-11-22T13:55:00Z", True),
        ("toxicity", "2026-11-22T13:54:59Z", False),
        ("applicability", "2026-11-21T23:55:00Z", True),  # a date counts from its start
        ("applicability", "2026-11-21T23:54:59Z", False),
        ("card", "1999-01-01T00:00:00Z", True),  # states no time
        ("waiver", "1999-01-01T00:00:00Z", True),
    ],
)
def test_nothing_is_dated_in_the_future(name: str, now: str, *, holds: bool) -> None:
    good, bad = lines(BUNDLES[name], now=now)
    assert (len(good), bad) == ((1, []) if holds else (0, ["HP306"]))


# Cost ----------------------------------------------------------------------------------------


def test_a_push_without_evidence_imports_nothing_heavy() -> None:
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import hubpolicy.core.verify as v;"
        "from hubpolicy.domain.trust import *;"
        "r = TrustRoot(1, '2030-01-01', True, (), (), ''); "
        "s = State(1, '2030-01-01T00:00:00Z', 1, '', *[frozenset()] * 3);"
        "assert v.verify_lines((), Trust(r, s), now='2026-01-01T00:00:00Z') == ((), ());"
        "heavy = {'cryptography', 'jsonschema', 'dataclasses', 'datetime', 'inspect', 'base64',"
        " 'subprocess', 'socket', 'click', 'numpy', 'pathlib'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code, _root()],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"


def _root() -> str:
    import hubpolicy

    return hubpolicy.__path__[0].rsplit("/", 1)[0]
