# SPDX-License-Identifier: Apache-2.0
"""Plain requests as a client of another make would send them."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from tests.hub.world import Answer, ask

HEADER = {"key": "header", "value": {"summary": "s", "description": ""}}
SHA = "a" * 64


def lfs_address(api: str, rest: str) -> str:
    return api.replace("/api/models", "") + f".git/info/lfs/{rest}"


def commit(
    api: str,
    *lines: object,
    raw: bytes | None = None,
    query: str = "",
    token: str | None = "hf_alice",
) -> Answer:
    body = b"\n".join(json.dumps(line).encode() for line in lines) if raw is None else raw
    return ask(f"{api}/commit/main{query}", "POST", body=body, token=token)


def add(path: object, content: str = "eA==", encoding: str = "base64") -> dict[str, Any]:
    return {"key": "file", "value": {"path": path, "content": content, "encoding": encoding}}


def large(path: str, oid: str, **more: object) -> dict[str, Any]:
    return {"key": "lfsFile", "value": {"path": path, "algo": "sha256", "oid": oid, **more}}


def head(api: str) -> str:
    return str(ask(api).json["sha"])


def batch(api: str, content: bytes, **more: object) -> Answer:
    objects = [{"oid": hashlib.sha256(content).hexdigest(), "size": len(content)}]
    body = {"operation": "upload", "transfers": ["basic"], "objects": objects} | more
    return ask(lfs_address(api, "objects/batch"), "POST", body=body)


def put_large(api: str, content: bytes) -> str:
    """Upload a large file as a client does; return its digest."""
    actions = batch(api, content).json["objects"][0]["actions"]
    assert ask(actions["upload"]["href"], "PUT", body=content, token=None).status == 200
    sha256 = hashlib.sha256(content).hexdigest()
    body = {"oid": sha256, "size": len(content)}
    assert ask(actions["verify"]["href"], "POST", body=body).status == 200
    return sha256
