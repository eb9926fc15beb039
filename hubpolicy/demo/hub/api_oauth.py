# SPDX-License-Identifier: Apache-2.0
"""``POST /oauth/token``: a CI job's id token for a short-lived token (Trusted Publishers).

RFC 8693 in the form that the Hub documents (huggingface.co/docs/hub/trusted-publishers) and that
the official client speaks (``huggingface_hub/_oidc.py``). Which issuers and claims a repo trusts
stands in the configuration file; an issuer's keys stand there too, where the Hub would fetch them.
"""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING

from hubpolicy.demo.hub.accounts import Account
from hubpolicy.demo.hub.id_tokens import RefusedError, issuer_of, verified_claims
from hubpolicy.demo.hub.store import KINDS, RepoKey, valid_name
from hubpolicy.demo.hub.wire import Reply, json_reply

if TYPE_CHECKING:
    from hubpolicy.demo.hub.calls import Call
    from hubpolicy.demo.hub.settings import Publisher

SECONDS = 3600
GRANT_TYPE = "urn:ietf:params:oauth:grant-type:token-exchange"
SUBJECT_TYPE = "urn:ietf:params:oauth:token-type:id_token"
ISSUED_TYPE = "urn:ietf:params:oauth:token-type:access_token"


def exchange(call: Call) -> Reply:
    """A token that writes to one repo for an hour; 400 in OAuth's form, without the reason."""
    if call.request.headers.get("content-type", "").partition(";")[0] != "application/json":
        return _refused("invalid_request", "expected application/json")
    body = call.request.json()
    if set(body) != {"grant_type", "subject_token_type", "subject_token", "resource"} or not all(
        isinstance(value, str) and value for value in body.values()
    ):
        return _refused("invalid_request", "a parameter is missing, or malformed")
    if body["grant_type"] != GRANT_TYPE or body["subject_token_type"] != SUBJECT_TYPE:
        return _refused("invalid_request", "expected a token exchange of an id token")
    key = _parse_resource(body["resource"])
    if key is None:
        return _refused("invalid_request", "bad resource")
    account = _account(call, key, body["subject_token"])
    if account is None or call.hub.store.record(key) is None:
        return _refused("invalid_grant", "the token could not be exchanged")
    token = f"hf_jwt_{secrets.token_urlsafe(48)}"
    call.hub.accounts.issue(token, account, time.monotonic() + SECONDS)
    return json_reply(
        {
            "access_token": token,
            "token_type": "bearer",
            "expires_in": SECONDS,
            "issued_token_type": ISSUED_TYPE,
        },
        headers=(("Cache-Control", "no-store"),),
    )


def _parse_resource(text: str) -> RepoKey | None:
    """``namespace/name`` or ``datasets/namespace/name``; accounts of people have none here."""
    kind, _, rest = text.partition("/")
    named = rest if kind in KINDS and kind != "models" else text
    namespace, slash, name = named.partition("/")
    if not slash or not valid_name(namespace) or not valid_name(name):
        return None
    return RepoKey(kind if named == rest else "models", namespace, name)


def _account(call: Call, key: RepoKey, token: str) -> Account | None:
    for publisher in call.settings.publishers:
        if publisher.resource == key.url_path and _trusts(publisher, token, call.hub.endpoint):
            return Account("[OIDC]", (), "write", key.url_path)
    return None


def _trusts(publisher: Publisher, token: str, endpoint: str) -> bool:
    """All claims match exactly: no prefix, no pattern."""
    try:
        if issuer_of(token) != publisher.issuer:
            return False
        claims = verified_claims(
            token, publisher.jwks, issuer=publisher.issuer, audience=endpoint, now=time.time()
        )
    except RefusedError:
        return False
    return all(claims.get(name) == value for name, value in publisher.claims.items())


def _refused(error: str, description: str) -> Reply:
    return json_reply({"error": error, "error_description": description}, 400)
