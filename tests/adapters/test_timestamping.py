# SPDX-License-Identifier: Apache-2.0
"""Fetching a timestamp from an authority, and everything it may answer instead."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from hubpolicy.adapters.clock import SystemClock
from hubpolicy.adapters.timestamping import TimestampService, parse_service
from hubpolicy.core import verify
from hubpolicy.core.bundle import add_timestamp, make_bundle, parse_bundle
from hubpolicy.errors import ConfigError, ServiceError, UnsupportedError
from tests.golden import samples
from tests.stamping import serving, stamper

if TYPE_CHECKING:
    from pathlib import Path


def test_a_fetched_timestamp_holds(tmp_path: Path) -> None:
    authority = stamper(tmp_path)
    raw = make_bundle(samples.payloads()["release"], samples.signer("rita"))
    with serving(authority.reply) as url:
        token = parse_service(url).stamp(parse_bundle(raw, where="x").signature)
    root = samples.ROOT._replace(time_authorities=(authority.pinned,))
    trust = samples.TRUST._replace(root=root)
    now = SystemClock().now()
    line = verify.verify_bundle(add_timestamp(raw, token, where="x"), trust, now=now, where="x")
    ((name, time),) = line.stamps
    assert name == "acme time"
    assert time <= now


def test_answers_that_are_none(tmp_path: Path) -> None:
    authority = stamper(tmp_path)
    other = authority.stamp(b"another signature")
    answers = [b"", b"text", b"0" * 70000, other, authority.reply(b"\x30\x00")]
    for answer in answers:

        def always(_: bytes, given: bytes = answer) -> bytes:
            return given

        with (
            serving(always) as url,
            pytest.raises(
                ServiceError, match=r"no time-stamp response|refused|more than"
            ) as caught,
        ):
            TimestampService(url).stamp(b"signature")
        assert "without --timestamp" in caught.value.hint


@pytest.mark.parametrize("status", [302, 404, 500])
def test_other_answers_of_http(status: int) -> None:
    with (
        serving(lambda _: b"", status=status) as url,
        pytest.raises(ServiceError, match=f"got HTTP {status}"),
    ):
        TimestampService(url).stamp(b"signature")


def test_nobody_answers() -> None:
    with serving(lambda _: b"") as url:
        pass
    with pytest.raises(ServiceError, match="no answer from"):
        TimestampService(url).stamp(b"signature")


@pytest.mark.parametrize(
    "url", ["", "x", "ftp://a/b", "https://", "http://me:secret@a/b", "http://[a"]
)
def test_addresses_that_are_none(url: str) -> None:
    with pytest.raises(ConfigError, match="expected the http address"):
        parse_service(url)


def test_a_library_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rfc3161_client", None)
    with pytest.raises(UnsupportedError, match="not installed"):
        TimestampService("http://127.0.0.1:9").stamp(b"signature")
