# SPDX-License-Identifier: Apache-2.0
"""The token exchange of CI jobs: what the hub takes, what it refuses, and what the token opens."""

from __future__ import annotations

import base64
import hashlib
import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.hub.ci_identity import (
    ISSUER,
    claims_for,
    encoded,
    id_token,
    jwks,
    private_key,
    publisher,
)
from tests.hub.strict import HEADER, add, commit
from tests.hub.world import Answer, ask

if TYPE_CHECKING:
    from collections.abc import Callable

    from hubpolicy.demo.hub.process import HubProcess

GRANT = "urn:ietf:params:oauth:grant-type:token-exchange"
SUBJECT = "urn:ietf:params:oauth:token-type:id_token"


def body(token: str, resource: str, **more: Any) -> dict[str, Any]:
    """As huggingface_hub sends it."""
    asked = {"grant_type": GRANT, "subject_token_type": SUBJECT}
    return asked | {"subject_token": token, "resource": resource} | more


def exchange(hub: HubProcess, sent: object, kind: str = "application/json") -> Answer:
    address = f"{hub.endpoint}/oauth/token"
    return ask(address, "POST", body=sent, token=None, headers={"Content-Type": kind})


@pytest.fixture
def trusting(hub: HubProcess, api: str, repo_id: str) -> HubProcess:
    """A hub whose repo trusts one job of one CI."""
    assert api.endswith(repo_id)
    hub.configure({"publishers": [publisher(repo_id)]})
    return hub


def test_a_job_gets_a_token_that_writes_to_its_repo(
    trusting: HubProcess, api: str, repo_id: str
) -> None:
    got = exchange(trusting, body(id_token(claims_for(trusting.endpoint)), repo_id))
    assert got.status == 200
    assert set(got.json) == {"access_token", "token_type", "expires_in", "issued_token_type"}
    assert (got.json["token_type"], got.json["expires_in"]) == ("bearer", 3600)
    token = got.json["access_token"]
    assert token.startswith("hf_jwt_")
    assert commit(api, HEADER, add("a.txt"), token=token).status == 200
    private = ask(f"{api}/settings", "PUT", body={"private": True}, token=token)
    assert private.status == 200
    assert ask(api, token=token).status == 200
    assert "hf_jwt_" not in (trusting.root / "requests.jsonl").read_text()


def test_the_token_opens_nothing_else(trusting: HubProcess, repo_id: str) -> None:
    other = f"{repo_id.replace('/', '/other-')}"
    made = {"name": other.split("/")[1], "organization": "acme", "type": "model", "private": True}
    assert ask(f"{trusting.endpoint}/api/repos/create", "POST", body=made).status == 200
    got = exchange(trusting, body(id_token(claims_for(trusting.endpoint)), repo_id))
    token = got.json["access_token"]
    there = f"{trusting.endpoint}/api/models/{other}"
    assert ask(there, token=token).status == 404
    assert commit(there, HEADER, add("a.txt"), token=token).status == 404
    assert ask(f"{there}/settings", "PUT", body={"private": False}, token=token).status == 404
    ask(f"{there}/settings", "PUT", body={"private": False})
    assert commit(there, HEADER, add("a.txt"), token=token).status == 403
    talk = {"title": "t", "description": "d", "pullRequest": True}
    assert ask(f"{there}/discussions", "POST", body=talk, token=token).status == 403
    new = made | {"name": "brand-new"}
    assert ask(f"{trusting.endpoint}/api/repos/create", "POST", body=new, token=token).status == 403
    moved = {"fromRepo": other, "toRepo": f"{other}-2", "type": "model"}
    assert ask(f"{trusting.endpoint}/api/repos/move", "POST", body=moved, token=token).status == 403
    gone = {"name": made["name"], "organization": "acme", "type": "model"}
    address = f"{trusting.endpoint}/api/repos/delete"
    assert ask(address, "DELETE", body=gone, token=token).status == 403
    assert ask(f"{trusting.endpoint}/api/whoami-v2", token=token).status == 403


def _forged(claims: dict[str, Any]) -> str:
    """Signed by another key, under the name of the issuer's."""
    genuine = id_token(claims, "two")
    head = encoded(json.dumps({"typ": "JWT", "alg": "RS256", "kid": "one"}).encode())
    return ".".join((head, *genuine.split(".")[1:]))


def _without_signature(claims: dict[str, Any]) -> str:
    head = encoded(json.dumps({"alg": "none", "kid": "one"}).encode())
    return f"{head}.{encoded(json.dumps(claims).encode())}."


def _keyed_by_the_public_key(claims: dict[str, Any]) -> str:
    """The classic confusion of RS256 and HS256."""
    import hmac

    key = base64.urlsafe_b64decode(jwks()["keys"][0]["n"] + "==")
    parts = [{"alg": "HS256", "kid": "one"}, claims]
    signed = ".".join(encoded(json.dumps(part).encode()) for part in parts)
    return f"{signed}.{encoded(hmac.digest(key, signed.encode(), hashlib.sha256))}"


def _changed(claims: dict[str, Any]) -> str:
    head, _, signature = id_token(claims).split(".")
    other = encoded(json.dumps(claims | {"actor": "mallory"}).encode())
    return f"{head}.{other}.{signature}"


def _other(**claims: Any) -> Callable[[dict[str, Any]], str]:
    return lambda genuine: id_token({k: v for k, v in (genuine | claims).items() if v is not None})


now = time.time()
BAD_TOKENS: dict[str, Callable[[dict[str, Any]], str]] = {
    "another repository": _other(repository="acme/models-fork"),
    "another branch": _other(ref="refs/heads/main-backup"),
    "another environment": _other(environment="staging"),
    "no environment": _other(environment=None),
    "a claim that is a list": _other(ref=["refs/heads/main"]),
    "another issuer": _other(iss="https://gitlab.com"),
    "another audience": _other(aud="https://pypi.org"),
    "no audience": _other(aud=None),
    "expired": _other(exp=int(now) - 3600),
    "not yet": _other(nbf=int(now) + 3600),
    "without an end": _other(exp=None),
    "an end that is a text": _other(exp="2099"),
    "no subject": _other(sub=None),
    "signed by another key": _forged,
    "unknown key": lambda claims: id_token(claims, "two"),
    "alg none": _without_signature,
    "alg HS256": _keyed_by_the_public_key,
    "another algorithm's name": lambda claims: id_token(claims, alg="RS512"),
    "critical extension": lambda claims: id_token(claims, crit=["b64"]),
    "changed claims": _changed,
    "cut": lambda claims: id_token(claims)[:-3],
    "two parts": lambda claims: id_token(claims).rpartition(".")[0],
    "no token": lambda _: "x",
    "no base64": lambda _: "é.é.é",
    "huge": lambda claims: id_token(claims | {"x": "x" * 20_000}),
    "not an object": lambda _: f"{encoded(b'[]')}.{encoded(b'[]')}.{encoded(b'x')}",
}


@pytest.mark.parametrize("case", BAD_TOKENS)
def test_whoever_is_not_that_job_gets_none(trusting: HubProcess, repo_id: str, case: str) -> None:
    got = exchange(trusting, body(BAD_TOKENS[case](claims_for(trusting.endpoint)), repo_id))
    assert (got.status, got.json["error"]) == (400, "invalid_grant")
    assert got.json["error_description"] == "the token could not be exchanged", "and not why"


@pytest.mark.parametrize(
    ("sent", "error"),
    [
        ({"grant_type": None}, "invalid_request"),
        ({"grant_type": "client_credentials"}, "invalid_request"),
        ({"subject_token_type": "urn:ietf:params:oauth:token-type:jwt"}, "invalid_request"),
        ({"subject_token": ""}, "invalid_request"),
        ({"subject_token": ["x"]}, "invalid_request"),
        ({"scope": "write"}, "invalid_request"),
        ({"resource": "acme"}, "invalid_request"),
        ({"resource": "acme/"}, "invalid_request"),
        ({"resource": "acme/../x"}, "invalid_request"),
        ({"resource": "https://hub.example/acme/m"}, "invalid_request"),
        ({"resource": "acme/not-there"}, "invalid_grant"),
        ({"resource": "datasets/acme/m"}, "invalid_grant"),
    ],
)
def test_requests_that_are_not_as_documented(
    trusting: HubProcess, repo_id: str, sent: dict[str, Any], error: str
) -> None:
    whole = body(id_token(claims_for(trusting.endpoint)), repo_id) | sent
    got = exchange(trusting, {k: v for k, v in whole.items() if v is not None})
    assert (got.status, got.json["error"]) == (400, error)


def test_a_form_is_not_json(trusting: HubProcess, repo_id: str) -> None:
    whole = body(id_token(claims_for(trusting.endpoint)), repo_id)
    got = exchange(trusting, whole, "application/x-www-form-urlencoded")
    assert (got.status, got.json["error"]) == (400, "invalid_request")
    assert exchange(trusting, b"[]").status == 400
    assert ask(f"{trusting.endpoint}/oauth/token").status == 405


def test_a_repo_that_is_gone_takes_nobody(trusting: HubProcess, repo_id: str) -> None:
    gone = {"name": repo_id.split("/")[1], "organization": "acme", "type": "model"}
    assert ask(f"{trusting.endpoint}/api/repos/delete", "DELETE", body=gone).status == 200
    got = exchange(trusting, body(id_token(claims_for(trusting.endpoint)), repo_id))
    assert got.json["error"] == "invalid_grant"


def test_a_short_key_vouches_for_nobody(trusting: HubProcess, repo_id: str) -> None:
    weak = publisher(repo_id)
    weak["jwks"]["keys"][0]["n"] = encoded(b"\x7f" * 128)
    trusting.configure({"publishers": [weak]})
    got = exchange(trusting, body(id_token(claims_for(trusting.endpoint)), repo_id))
    assert got.json["error"] == "invalid_grant"
    assert private_key().key_size == 2048


def test_the_issuer_is_the_one_of_github(trusting: HubProcess, repo_id: str) -> None:
    """A list of audiences with ours in it counts (RFC 7519 §4.1.3)."""
    assert ISSUER == "https://token.actions.githubusercontent.com"
    claims = claims_for(trusting.endpoint, aud=["x", trusting.endpoint])
    assert exchange(trusting, body(id_token(claims), repo_id)).status == 200
