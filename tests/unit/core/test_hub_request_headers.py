# SPDX-License-Identifier: Apache-2.0
"""Requests to a hub by their headers: what another server on the way could read in another way."""

from __future__ import annotations

import pytest

from hubpolicy.domain.hub_request import GitFetch, Signed, Unknown, XetToken
from tests.unit.core.test_hub_requests import COMMIT, JSON, NDJSON, M, parse


@pytest.mark.parametrize(
    "header",
    [
        "X-HTTP-Method-Override",
        "x-http-method",
        "X-Method-Override",
        "X-Original-URL",
        "X-Rewrite-URL",
    ],
)
def test_headers_that_name_another_method_or_path_are_refused_on_reads_too(header: str) -> None:
    login = (("Authorization", "Bearer x"), (header, "DELETE"))
    assert isinstance(parse("GET", "/acme/m", headers=login), Unknown)
    assert isinstance(parse("POST", "/api/validate-yaml", headers=login), Unknown)


def test_two_logins_or_two_lengths_are_refused() -> None:
    for name in ("Authorization", "Content-Length", "Content-Type"):
        twice = ((name, "1"), (name.lower(), "2"))
        assert isinstance(parse("POST", "/api/validate-yaml", headers=twice), Unknown)


def test_a_packed_body_is_not_looked_into() -> None:
    login = (("Authorization", "Bearer x"), ("Content-Encoding", "gzip"))
    found = parse("PUT", "/api/models/acme/m/settings", {"private": True}, headers=login)
    assert isinstance(found, Unknown)
    assert parse("POST", "/acme/m.git/git-upload-pack", headers=login) == GitFetch(M)


def test_the_kind_of_a_body_is_what_its_header_says() -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", "", NDJSON):
        assert isinstance(parse("PUT", "/api/models/acme/m/settings", {}, kind), Unknown)
    assert isinstance(parse("POST", "/api/models/acme/m/commit/main", COMMIT, JSON), Unknown)


@pytest.mark.parametrize(
    "params",
    [
        "; charset=utf-7",
        ";charset=utf-16",
        '; charset="utf-8"',
        "; charset=utf-8; charset=utf-7",
        "; boundary=x",
        ";",
    ],
)
def test_a_body_in_another_charset_would_be_another_document(params: str) -> None:
    settings = ("PUT", "/api/models/acme/m/settings")
    assert isinstance(parse(*settings, {"private": True}, JSON + params), Unknown)
    assert parse(*settings, {"private": True}, f"{JSON};CHARSET=utf-8").private
    path = "/api/models/acme/m/commit/main"
    assert isinstance(parse("POST", path, COMMIT, NDJSON + params), Unknown)


@pytest.mark.parametrize(
    "named", ["content-type", "close, Content-Encoding", "AUTHORIZATION", "Content-Length,x"]
)
def test_a_header_that_the_next_hop_would_drop_is_refused(named: str) -> None:
    login = (("Authorization", "Bearer x"), ("Connection", named), ("Connection", "close"))
    found = parse("PUT", "/api/models/acme/m/settings", {"private": True}, headers=login)
    assert isinstance(found, Unknown)
    kept = (("Authorization", "Bearer x"), ("Connection", "keep-alive, close"))
    assert parse("PUT", "/api/models/acme/m/settings", {"private": True}, headers=kept).private


def test_without_any_login_it_is_nobody_s_wish() -> None:
    assert parse("PUT", "/_storage/abc?sig=1", b"x", headers=()) == Signed("PUT", "/_storage/abc")
    for name in ("Cookie", "X-Hub-Token", "Proxy-Authorization", "X-Api-Key"):
        found = parse("PUT", "/_storage/abc", b"x", headers=((name, "x"),))
        assert isinstance(found, Unknown), name
    # the power to write is asked for with a login or without
    assert isinstance(parse("GET", "/api/models/acme/m/xet-write-token/main", headers=()), XetToken)


def test_a_known_call_without_a_login_and_a_query_that_cannot_be_read() -> None:
    path = "/api/models/acme/m/settings"
    assert parse("PUT", path, {"private": True}, headers=()) == Signed("PUT", path)
    for query in ("a=%ff", "&".join(f"k{n}=1" for n in range(1100))):
        assert isinstance(parse("GET", f"/api/models?{query}"), Unknown)
