# SPDX-License-Identifier: Apache-2.0
"""Timestamps in bundles: what they prove, and that a bad one is never passed over."""

from __future__ import annotations

import json
import sys
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from hubpolicy.adapters.clock import SystemClock
from hubpolicy.core import times, verify
from hubpolicy.core.bundle import add_timestamp, make_bundle, parse_bundle
from hubpolicy.core.oms import oms_statement
from hubpolicy.core.signatories import Stamp
from hubpolicy.core.statements import release_statement
from hubpolicy.core.timestamps import told
from hubpolicy.domain.certified import TimeAuthority
from hubpolicy.domain.finding import Location
from hubpolicy.domain.manifest import EvidenceFile
from hubpolicy.errors import ConfigError, HubpolicyError
from tests import certificates as pki
from tests import tokens
from tests.golden import samples
from tests.stamping import Stamper, stamp_root, stamper
from tests.unit.core.test_certificates import bundle as chain_bundle

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from hubpolicy.domain.trust import Trust

RAW = make_bundle(samples.payloads()["release"], samples.signer("rita"))
SIGNATURE = parse_bundle(RAW, where="x").signature
LATER = "2037-06-01T00:00:00Z"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Stamper:
    return stamper(tmp_path_factory.mktemp("time"))


@pytest.fixture(scope="module")
def token(authority: Stamper) -> bytes:
    return authority.stamp(SIGNATURE)


def now() -> str:
    return SystemClock().now()


def trusting(*pinned: TimeAuthority, trust: Trust = samples.TRUST) -> Trust:
    return trust._replace(root=trust.root._replace(time_authorities=pinned))


def stamps(raw: bytes, tokens: Iterable[bytes], trust: Trust, at: str = "") -> tuple[Stamp, ...]:
    for each in tokens:
        raw = add_timestamp(raw, each, where="x")
    return verify.verify_bundle(raw, trust, now=at or now(), where="line 1").stamps


def refusal(raw: bytes, tokens: Iterable[bytes], trust: Trust, at: str = "") -> str:
    with pytest.raises(HubpolicyError) as caught:
        stamps(raw, tokens, trust, at)
    return caught.value.message


def test_a_timestamp_by_a_pinned_authority_is_proof_of_time(
    authority: Stamper, token: bytes
) -> None:
    ((name, time),) = stamps(RAW, [token], trusting(authority.pinned))
    assert name == "acme time"
    assert times.is_instant(time)
    assert abs(times.seconds(time) - times.seconds(now())) < 600
    assert told([Stamp(name, time)], now()) == f"timestamped {time} by acme time"


def test_without_one_the_time_is_self_declared(authority: Stamper) -> None:
    assert stamps(RAW, [], trusting(authority.pinned)) == ()
    assert told((), "2026-11-22T15:00:00Z") == "self-declared 2026-11-22T15:00:00Z"


def test_where_nobody_is_pinned_it_proves_nothing_but_must_be_of_this_signature(
    authority: Stamper, token: bytes
) -> None:
    assert stamps(RAW, [token], samples.TRUST) == ()
    other = authority.stamp(b"another signature")
    assert "of something else" in refusal(RAW, [other], samples.TRUST)
    assert "no RFC 3161" in refusal(RAW, [b"text"], samples.TRUST)


def test_two_authorities(tmp_path_factory: pytest.TempPathFactory, authority: Stamper) -> None:
    second = stamper(tmp_path_factory.mktemp("second"), root="second root")
    pinned = (TimeAuthority("second", second.root.pem), authority.pinned)
    tokens = [second.stamp(SIGNATURE), authority.stamp(SIGNATURE)]
    found = stamps(RAW, tokens, trusting(*pinned))
    assert {stamp.authority for stamp in found} == {"second", "acme time"}
    assert list(found) == sorted(found, key=lambda stamp: stamp.time)
    # One that is not pinned is not passed over because another is.
    assert "does not hold, expected one by second" in refusal(RAW, tokens, trusting(pinned[0]))


def test_pins_may_hold_the_whole_chain(authority: Stamper) -> None:
    whole = TimeAuthority("whole", authority.leaf.pem + authority.root.pem)
    bare = authority.stamp(SIGNATURE, certificates=False)
    assert [s.authority for s in stamps(RAW, [bare], trusting(whole))] == ["whole"]
    assert "does not hold" in refusal(RAW, [bare], trusting(authority.pinned))
    for odd, said in ((tokens.Odd(bare=True), ""), (tokens.Odd(bare=True, loosely=True), "hold")):
        made = tokens.token(SIGNATURE, by=authority.leaf, odd=odd)
        if said:
            assert said in refusal(RAW, [made], trusting(whole))
        else:
            assert stamps(RAW, [made], trusting(whole))
    rootless = TimeAuthority("rootless", authority.leaf.pem)
    assert "has no root" in refusal(RAW, [bare], trusting(rootless))


def test_stampers_that_are_none(tmp_path_factory: pytest.TempPathFactory, token: bytes) -> None:
    stranger = TimeAuthority("stranger", stamp_root("another root").pem)
    assert "does not hold, expected one by stranger" in refusal(RAW, [token], trusting(stranger))
    namesake = pki.issue("time root", ca=True, key=pki.key_of("evil"))
    assert "does not hold" in refusal(RAW, [token], trusting(TimeAuthority("x", namesake.pem)))


def test_tokens_that_were_changed(authority: Stamper, token: bytes) -> None:
    trust = trusting(authority.pinned)
    for place in range(0, len(token), 11):
        changed = token[:place] + bytes([token[place] ^ 1]) + token[place + 1 :]
        try:
            found = stamps(RAW, [changed], trust)
        except HubpolicyError:
            continue
        # What nobody signed in it, and nobody reads.
        assert found == stamps(RAW, [token], trust)
    for length in range(0, len(token), 97):
        assert refusal(RAW, [token[:length] or b"0"], trust)


def test_refused_and_of_the_future(authority: Stamper, token: bytes) -> None:
    early = "2026-11-22T15:00:00Z"  # the machine's clock is later, and so is the token
    assert "expected none after" in refusal(RAW, [token], trusting(authority.pinned), early)
    rejection = authority.reply(b"\x30\x00")
    assert "that was granted" in refusal(RAW, [rejection], trusting(authority.pinned))


def test_tokens_that_say_odd_things(token: bytes) -> None:
    sha512, sha1 = bytes.fromhex("0609608648016503040203"), bytes.fromhex("0609608648016503040209")
    assert sha512 in token
    assert "expected SHA-2" in refusal(RAW, [token.replace(sha512, sha1, 1)], samples.TRUST)
    year = str(times_of(token))[:4].encode()
    changed = token.replace(b"\x18\x0f" + year, b"\x18\x0f0" + year[1:], 1)
    assert "a year of four digits" in refusal(RAW, [changed], samples.TRUST)


def times_of(token: bytes) -> str:
    from rfc3161_client import decode_timestamp_response

    return decode_timestamp_response(token).tst_info.gen_time.isoformat()


def test_a_stamper_whose_own_certificate_cannot_be_read(tmp_path: Path) -> None:
    """OpenSSL takes the extension unread, ``cryptography`` does not: that is no proof of time."""
    good = stamper(tmp_path)
    purpose = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING])
    no_check = x509.UnrecognizedExtension(x509.OCSPNoCheck.oid, b"\x02\x01\x00")
    for odd, said in (((), ""), (((no_check, False),), "does not hold, expected one by acme time")):
        leaf = pki.issue("stamps", good.root, purposes=None, extra=((purpose, True), *odd))
        (tmp_path / "tsa.pem").write_text(leaf.pem)
        (tmp_path / "tsa.key").write_bytes(leaf.key_pem)
        token = good.stamp(SIGNATURE)
        if said:
            assert said in refusal(RAW, [token], trusting(good.pinned))
        else:
            assert len(stamps(RAW, [token], trusting(good.pinned))) == 1


def test_a_finding_of_its_own_rule(authority: Stamper) -> None:
    raw = add_timestamp(RAW, authority.stamp(b"x"), where="x")
    file = EvidenceFile(".hubpolicy/release.intoto.jsonl", raw + b"\n")
    good, (bad,) = verify.verify_lines((file,), trusting(authority.pinned), now=now())
    assert good == ()
    assert (bad.rule, bad.location) == ("HP311", Location(file.path, 1))


def test_a_statement_is_not_dated_after_its_own_timestamp(authority: Stamper) -> None:
    ahead = samples.SUMMARY._replace(time_verified="2037-01-01T00:00:00Z")
    payload = release_statement(ahead, samples.MANIFEST, inputs=samples.INPUTS)
    raw = make_bundle(payload, samples.signer("rita"))
    trust = trusting(authority.pinned)
    assert stamps(raw, [], trust, LATER) == ()
    token = authority.stamp(parse_bundle(raw, where="x").signature)
    assert "got the time 2037-01-01T00:00:00Z, expected none after 20" in refusal(
        raw, [token], trust, LATER
    )


def test_an_expired_certificate_that_signed_in_time(authority: Stamper) -> None:
    soon = pki.issue("rita", pki.between(), email="rita@acme.example", end=pki.shifted(1))
    raw = chain_bundle(soon, pki.between())
    root = samples.ROOT._replace(authorities=(pki.authority("rita"),))
    trust = trusting(authority.pinned, trust=samples.TRUST._replace(root=root))
    token = authority.stamp(parse_bundle(raw, where="x").signature)
    assert stamps(raw, [], trust) == ()
    assert "does not chain" in refusal(raw, [], trust, LATER)
    assert len(stamps(raw, [token], trust, LATER)) == 1
    # The time authority's own certificate has expired by then too; it was valid when it signed.
    assert times.seconds(LATER) > (pki.END + timedelta(days=1)).timestamp()
    # Whose time nobody here vouches for does not help.
    assert "does not chain" in refusal(raw, [token], samples.TRUST._replace(root=root), LATER)


def test_one_that_was_signed_too_late(authority: Stamper) -> None:
    late = pki.issue("rita", pki.between(), email="rita@acme.example", end=pki.shifted(-1))
    raw = chain_bundle(late, pki.between())
    root = samples.ROOT._replace(authorities=(pki.authority("rita"),))
    trust = trusting(authority.pinned, trust=samples.TRUST._replace(root=root))
    token = authority.stamp(parse_bundle(raw, where="x").signature)
    assert "does not chain" in refusal(raw, [token], trust)


def test_a_revoked_key_stays_revoked_however_old_the_signature(
    authority: Stamper, token: bytes
) -> None:
    state = samples.STATE._replace(revoked_keys=frozenset({samples.signer("rita").keyid}))
    assert "is revoked" in refusal(RAW, [token], trusting(authority.pinned)._replace(state=state))


def test_model_signatures_are_timestamped_too(authority: Stamper) -> None:
    raw = make_bundle(oms_statement(samples.MANIFEST, "wizard-7b"), samples.signer("rita"))
    token = authority.stamp(parse_bundle(raw, where="x").signature)
    raw = add_timestamp(raw, token, where="x")
    trust = trusting(authority.pinned)
    found = verify.verify_model_signature(raw, trust, samples.MANIFEST, now=now())
    assert [stamp.authority for stamp in found.stamps] == ["acme time"]


def test_where_the_library_is_missing_nothing_is_passed_over(
    token: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "rfc3161_client", None)
    assert "not installed" in refusal(RAW, [token], samples.TRUST)


def test_the_bundle_stays_one_line_of_json(token: bytes) -> None:
    raw = add_timestamp(RAW, token, where="x")
    assert b"\n" not in raw
    data = json.loads(raw)["verificationMaterial"]["timestampVerificationData"]
    assert list(data) == ["rfc3161Timestamps"]


def test_pinned_authorities_travel_in_the_root(authority: Stamper) -> None:
    from hubpolicy.core import documents

    root = samples.ROOT._replace(time_authorities=(authority.pinned,), sha256="")
    again = documents.parse_root(documents.root_payload(root))
    assert again.time_authorities == (authority.pinned,)
    leaf = TimeAuthority("leaf", authority.leaf.pem)
    with pytest.raises(ConfigError, match="CA:TRUE"):
        documents.root_payload(root._replace(time_authorities=(leaf,)))
