# SPDX-License-Identifier: Apache-2.0
"""Who we are on the hub: whatever a token exchange ends with is one of our errors."""

from __future__ import annotations

from typing import Any

import huggingface_hub.constants
import huggingface_hub.utils._auth
import pytest

from hubpolicy.adapters import login
from hubpolicy.adapters.login import login_token
from hubpolicy.errors import AccessError, HubpolicyError, ServiceError
from tests.adapters.test_hub import answering, free_port

ID_TOKEN = "eyJ.very.secret"


@pytest.fixture
def job(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A job that has an identity; the client has exchanged nothing yet, and nobody sleeps."""
    monkeypatch.setenv("HF_OIDC_RESOURCE", "acme/wizard")
    monkeypatch.setenv("HF_OIDC_ID_TOKEN", ID_TOKEN)
    monkeypatch.setenv("HF_TOKEN", "hf_of_somebody")
    monkeypatch.setattr(huggingface_hub.utils._auth, "_OIDC_TOKEN_CACHE", None)
    monkeypatch.setattr(login.time, "sleep", lambda _: None)  # type: ignore[attr-defined]
    return monkeypatch


def at(job: pytest.MonkeyPatch, endpoint: str) -> None:
    job.setattr(huggingface_hub.constants, "ENDPOINT", endpoint)


def test_a_job_is_known_by_its_identity_and_not_by_a_stored_token(job: pytest.MonkeyPatch) -> None:
    with answering({"access_token": "hf_jwt_x", "expires_in": 3600}) as hub:
        at(job, hub.endpoint)
        assert login_token() == "hf_jwt_x"
        assert login_token() == "hf_jwt_x"
        assert hub.asked == [("POST", "/oauth/token")], "once for the whole process"


def test_nobody_else_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_OIDC_RESOURCE", raising=False)
    monkeypatch.setenv("HF_TOKEN", "hf_of_somebody")
    assert login_token() == "hf_of_somebody"


@pytest.mark.parametrize(
    ("status", "body", "kind", "words"),
    [
        (400, {"error": "invalid_grant"}, AccessError, "does not trust this job for it (HTTP 400)"),
        (401, {"error": "no"}, AccessError, "(HTTP 401)"),
        (403, {"error": "no"}, AccessError, "(HTTP 403)"),
        (404, {"error": "no"}, AccessError, "(HTTP 404)"),
        (503, {"error": "busy"}, ServiceError, "failed (HTTP 503)"),
        (429, {"error": "slow"}, ServiceError, "slow down"),
        (200, {}, ServiceError, "not what its protocol says"),
        (200, [], ServiceError, "not what its protocol says"),
        (200, b"<html>", ServiceError, "exchanging this job's identity"),
        (200, {"access_token": "x", "expires_in": "soon"}, ServiceError, "exchanging"),
    ],
)
def test_an_exchange_that_fails(
    job: pytest.MonkeyPatch, status: int, body: Any, kind: type[HubpolicyError], words: str
) -> None:
    with answering(body, status) as hub:
        at(job, hub.endpoint)
        with pytest.raises(HubpolicyError) as caught:
            login_token()
    assert type(caught.value) is kind
    assert words in caught.value.message
    assert "acme/wizard" in caught.value.message
    assert ID_TOKEN not in caught.value.message + caught.value.hint
    assert ("Trusted Publishers" in caught.value.hint) == (kind is AccessError)


def test_no_identity_and_no_hub(job: pytest.MonkeyPatch) -> None:
    at(job, f"http://127.0.0.1:{free_port()}")
    with pytest.raises(ServiceError, match="did not answer"):
        login_token()
    job.delenv("HF_OIDC_ID_TOKEN")
    job.delenv("GITHUB_ACTIONS", raising=False)
    with pytest.raises(AccessError, match="no OIDC id token is available"):
        login_token()
