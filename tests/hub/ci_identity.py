# SPDX-License-Identifier: Apache-2.0
"""A CI provider that vouches for its jobs: a key, its JWKS, id tokens, and GitHub's endpoint."""

from __future__ import annotations

import base64
import json
import threading
import time
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qs, urlsplit

from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

if TYPE_CHECKING:
    from collections.abc import Mapping

ISSUER = "https://token.actions.githubusercontent.com"
CLAIMS = {
    "repository": "acme/models",
    "ref": "refs/heads/main",
    "environment": "hub-release",
    "workflow_ref": "acme/models/.github/workflows/release.yml@refs/heads/main",
}
"""What GitHub says about a job, as far as a publisher asks."""

REQUEST_TOKEN = "of-this-job"


@cache
def private_key(kid: str = "one") -> rsa.RSAPrivateKey:
    del kid
    return rsa.generate_private_key(65537, 2048)


def encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def jwks(kid: str = "one") -> dict[str, Any]:
    numbers = private_key(kid).public_key().public_numbers()
    n, e = (encoded(v.to_bytes((v.bit_length() + 7) // 8)) for v in (numbers.n, numbers.e))
    return {"keys": [{"kty": "RSA", "kid": kid, "use": "sig", "alg": "RS256", "n": n, "e": e}]}


def publisher(resource: str, **claims: str) -> dict[str, Any]:
    """An entry of the local hub's configuration."""
    wanted = claims or CLAIMS
    return {"resource": resource, "issuer": ISSUER, "jwks": jwks(), "claims": wanted}


def claims_for(audience: str, **more: Any) -> dict[str, Any]:
    now = int(time.time())
    times = {"iat": now, "nbf": now, "exp": now + 300}
    subject = "repo:acme/models:environment:hub-release"
    return {"iss": ISSUER, "aud": audience, "sub": subject} | times | CLAIMS | more


def id_token(claims: Mapping[str, Any], kid: str = "one", **header: Any) -> str:
    head = {"typ": "JWT", "alg": "RS256", "kid": kid} | header
    signed = ".".join(encoded(json.dumps(part).encode()) for part in (head, dict(claims)))
    signature = private_key(kid).sign(signed.encode(), padding.PKCS1v15(), SHA256())
    return f"{signed}.{encoded(signature)}"


class GitHubRunner:
    """``ACTIONS_ID_TOKEN_REQUEST_URL`` of a job that may ask for id tokens."""

    def __init__(self, **claims: Any) -> None:
        self.claims = claims
        self.audiences: list[str] = []
        world = self

        class Endpoint(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                audience = parse_qs(urlsplit(self.path).query)["audience"][0]
                allowed = self.headers["Authorization"] == f"Bearer {REQUEST_TOKEN}"
                world.audiences.append(audience)
                value = id_token(claims_for(audience, **world.claims))
                body = json.dumps({"count": len(value), "value": value}).encode()
                self.send_response(200 if allowed else 401)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
        self.environment = {
            "GITHUB_ACTIONS": "true",
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"http://127.0.0.1:{self._server.server_port}/token",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": REQUEST_TOKEN,
        }

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
