# SPDX-License-Identifier: Apache-2.0
"""When a keyless bundle was signed: by the log's word, by a time authority's, and by nobody else's."""

from __future__ import annotations

import base64
import json
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from hubpolicy.adapters.clock import SystemClock
from hubpolicy.core import verify
from hubpolicy.core.signatories import RefusedError
from hubpolicy.core.timestamps import told
from hubpolicy.errors import HubpolicyError
from tests import tokens
from tests import transparency as sig
from tests.stamping import Stamper, stamper
from tests.unit.core.test_keyless_bundles import HERE, PAYLOAD, PINNED, rooted

if TYPE_CHECKING:
    from hubpolicy.core.signatories import Stamp
    from hubpolicy.domain.trust import Trust

LOG = "the transparency log"
TSA = "CN=good time stamps"
EARLY = b"20200101000000Z"


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Stamper:
    return stamper(tmp_path_factory.mktemp("good"), root="good time")


@pytest.fixture(scope="module")
def evil(tmp_path_factory: pytest.TempPathFactory) -> Stamper:
    return stamper(tmp_path_factory.mktemp("evil"), root="evil time")


def trusting(authority: Stamper, *, end: str = "", short: bool = False) -> Trust:
    """A Sigstore that knows a time authority; ``short``: also one of which only the leaf is known."""
    chain = [{"rawBytes": sig.b64(each.der)} for each in (authority.leaf, authority.root)]
    valid = {"start": "2020-01-01T00:00:00Z", **({"end": end} if end else {})}
    known = {
        "subject": {"organization": "acme", "commonName": "time"},
        "uri": "https://time.acme.example",
        "certChain": {"certificates": chain},
        "validFor": valid,
    }
    half = {**known, "certChain": {"certificates": chain[:1]}}
    value = {**json.loads(PINNED), "timestampAuthorities": [*([half] if short else []), known]}
    return rooted(json.dumps(value), (sig.ISSUER, sig.IDENTITY, "rita"))


def made() -> dict[str, Any]:
    """A bundle that was signed now, as timestamps are."""
    return HERE.bundle(PAYLOAD, at=datetime.now(UTC).replace(microsecond=0))


def signature(value: dict[str, Any]) -> bytes:
    return base64.b64decode(value["dsseEnvelope"]["signatures"][0]["sig"])


def stamped(value: dict[str, Any], *tokens: bytes) -> dict[str, Any]:
    listed = [{"signedTimestamp": sig.b64(token)} for token in tokens]
    value["verificationMaterial"]["timestampVerificationData"] = {"rfc3161Timestamps": listed}
    return value


def stamps(value: dict[str, Any], trust: Trust) -> tuple[Stamp, ...]:
    raw = json.dumps(value).encode()
    return verify.verify_bundle(raw, trust, now=SystemClock().now(), where="line 1").stamps


def refusal(value: dict[str, Any], trust: Trust) -> RefusedError:
    with pytest.raises(HubpolicyError) as caught:
        stamps(value, trust)
    assert isinstance(caught.value, RefusedError)
    return caught.value


@pytest.mark.parametrize("short", [False, True])
def test_log_and_time_authority_are_both_named(good: Stamper, *, short: bool) -> None:
    value = made()
    found = stamps(stamped(value, good.stamp(signature(value))), trusting(good, short=short))
    assert {each.authority for each in found} == {LOG, TSA}
    assert found[0].time <= found[1].time
    assert f"by {TSA}" in told(found, "")


def test_a_token_that_nobody_signed_gives_no_time(good: Stamper, evil: Stamper) -> None:
    value = made()
    forged = re.sub(rb"20\d{12}Z", EARLY, evil.stamp(b"completely other bytes"))
    error = refusal(stamped(value, forged), trusting(good))
    assert error.rule == "HP302"
    assert "2020-01-01T00:00:00Z is by no time authority of the trusted root" in error.message


@pytest.mark.parametrize("which", ["of another signature", "by a stranger", "edited"])
def test_one_token_that_does_not_hold_refuses_the_bundle(
    good: Stamper, evil: Stamper, which: str
) -> None:
    value = made()
    holds = good.stamp(signature(value))
    bad = {
        "of another signature": good.stamp(b"another signature"),
        "by a stranger": evil.stamp(signature(value)),
        "edited": re.sub(rb"20\d{12}Z", EARLY, holds),
    }[which]
    assert "is by no time authority" in refusal(stamped(value, holds, bad), trusting(good)).message
    assert stamps(stamped(value, holds), trusting(good))


def test_an_authority_whose_time_is_over_proves_nothing(good: Stamper) -> None:
    value = made()
    stamped(value, good.stamp(signature(value)))
    assert stamps(value, trusting(good, end="2046-01-01T00:00:00Z"))
    error = refusal(value, trusting(good, end="2026-01-01T00:00:00Z"))
    assert "is by no time authority" in error.message


def test_a_log_time_that_no_promise_covers_is_not_the_logs(good: Stamper) -> None:
    """The verifier checks no promise of time 0: it takes the token's time, and so do we."""
    value = made()
    stamped(value, good.stamp(signature(value)))
    (entry,) = value["verificationMaterial"]["tlogEntries"]
    entry["integratedTime"] = "0"
    assert [each.authority for each in stamps(value, trusting(good))] == [TSA]
    stamped(value)
    assert "not enough sources of verified time" in refusal(value, trusting(good)).message


def test_a_timestamp_with_a_part_that_nobody_signed_is_refused(good: Stamper) -> None:
    value = made()
    at = datetime.now(UTC).replace(microsecond=0)
    by = good.leaf
    odd = tokens.token(signature(value), at=at, by=by, odd=tokens.Odd(unsigned=b"more"))
    assert "not in standard form" in refusal(stamped(value, odd), trusting(good)).message
    plain = tokens.token(signature(value), at=at, by=by)
    assert TSA in [each.authority for each in stamps(stamped(value, plain), trusting(good))]


def test_what_is_logged_in_the_future_is_refused(good: Stamper) -> None:
    ahead = datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=6)
    value = HERE.bundle(PAYLOAD, at=ahead)
    error = refusal(value, trusting(good))
    assert error.rule == "HP306"
    assert f"by {LOG}, expected none after" in error.message
    near = HERE.bundle(PAYLOAD, at=ahead - timedelta(minutes=2))
    assert [each.authority for each in stamps(near, trusting(good))] == [LOG]
