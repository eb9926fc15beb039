# SPDX-License-Identifier: Apache-2.0
"""Buckets, to be read: files without commits. Nothing can be sent to one here, that takes Xet.

A bucket is one JSON file, ``buckets/<namespace>/<name>.json`` below the hub's folder:
``{"private": bool, "files": [{"path": str, "size": int, "xetHash": str}]}``.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from hubpolicy.demo.hub.accounts import NO_CREDENTIALS, basic_challenge
from hubpolicy.demo.hub.api_files import next_link
from hubpolicy.demo.hub.api_storage import page_of
from hubpolicy.demo.hub.calls import timestamp
from hubpolicy.demo.hub.wire import HubError, Reply, json_reply

if TYPE_CHECKING:
    from pathlib import Path

    from hubpolicy.demo.hub.calls import Call


class Bucket(NamedTuple):
    """A bucket and its files, each with path, size and xetHash."""

    id: str
    private: bool
    files: tuple[dict[str, Any], ...]


def listing(call: Call) -> Reply:
    """``GET /api/buckets/{namespace}``: those that this account may see."""
    namespace = call.params["namespace"]
    paths = sorted((_root(call) / namespace).glob("*.json"))
    shown = [b for b in map(_parse, paths) if not b.private or _is_member(call, namespace)]
    return _page(call, [_facts(bucket) for bucket in shown])


def facts(call: Call) -> Reply:
    """``GET /api/buckets/{namespace}/{name}``."""
    return json_reply(_facts(_bucket(call)))


def tree(call: Call) -> Reply:
    """``GET /api/buckets/{namespace}/{name}/tree``: its files; folders only without recursion."""
    files = [{"type": "file", "uploadedAt": timestamp(0), **f} for f in _bucket(call).files]
    if call.request.flag("recursive"):
        return _page(call, files)
    here = [file for file in files if "/" not in file["path"]]
    folders = sorted({file["path"].partition("/")[0] for file in files} - {f["path"] for f in here})
    return _page(call, [*({"type": "directory", "path": name} for name in folders), *here])


def _page(call: Call, items: list[dict[str, Any]]) -> Reply:
    start, size = page_of(call)
    more = start + size < len(items)
    headers = (next_link(call, {"cursor": str(start + size)}),) if more else ()
    return json_reply(items[start : start + size], headers=headers)


def _facts(bucket: Bucket) -> dict[str, Any]:
    return {
        "id": bucket.id,
        "private": bucket.private,
        "createdAt": timestamp(0),
        "size": sum(file["size"] for file in bucket.files),
        "totalFiles": len(bucket.files),
    }


def _bucket(call: Call) -> Bucket:
    namespace, name = call.params["namespace"], call.params["name"]
    path = _root(call) / namespace / f"{name}.json"
    if path.exists():
        bucket = _parse(path)
        if not bucket.private or _is_member(call, namespace):
            return bucket
    if call.account is None:
        raise HubError(401, NO_CREDENTIALS, headers=basic_challenge())
    raise HubError(404, f"Bucket not found: {namespace}/{name}")


def _parse(path: Path) -> Bucket:
    document = json.loads(path.read_bytes())
    name = f"{path.parent.name}/{path.name.removesuffix('.json')}"
    return Bucket(name, bool(document["private"]), tuple(document["files"]))


def _root(call: Call) -> Path:
    return call.hub.root / "buckets"


def _is_member(call: Call, namespace: str) -> bool:
    return call.account is not None and call.account.may_read(namespace)
