# SPDX-License-Identifier: Apache-2.0
"""Reading a repo through the API: its facts, its tree, its history."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode

from hubpolicy.demo.hub.calls import Call, timestamp
from hubpolicy.demo.hub.repository import (
    Commit,
    Pointer,
    TreeEntry,
    entries,
    entry_not_found,
    last_changes,
    log,
    lookup,
    pointers,
)
from hubpolicy.demo.hub.wire import Headers, HubError, Reply, bad_request, json_reply

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from hubpolicy.demo.hub.records import Record
    from hubpolicy.demo.hub.store import RepoKey

MAX_PATHS = 1000


def repo_facts(call: Call) -> Reply:
    """``GET /api/{kind}/{id}[/revision/{rev}]``: what the client calls model info."""
    record = call.record()
    commit = call.commit_of(call.param("revision", "main"))
    facts = summary(call.key, record, log(call.bare, commit, 0, 1)[0])
    listed = [e for e in entries(call.bare, commit, recursive=True) if e.kind == "blob"]
    facts["siblings"] = _siblings(call, listed, detailed=call.request.flag("blobs"))
    found = pointers(call.bare, listed)
    facts["usedStorage"] = sum(pointer.size for pointer in found.values())
    wanted = [value for key, value in call.request.query if key in ("expand", "expand[]")]
    if wanted:
        facts = {key: facts[key] for key in ("_id", "id", *wanted) if key in facts}
    return json_reply(facts, headers=(("X-Repo-Commit", commit),))


def summary(key: RepoKey, record: Record, newest: Commit) -> dict[str, Any]:
    """Return the facts about a repo that also stand in listings."""
    facts: dict[str, Any] = {
        "_id": hashlib.sha256(f"{key.kind}/{record.id}".encode()).hexdigest()[:24],
        "id": record.id,
        "author": key.namespace,
        "sha": newest.oid,
        "lastModified": timestamp(newest.when),
        "createdAt": record.created,
        "private": record.private,
        "gated": record.gated,
        "disabled": False,
        "tags": [],
        "downloads": 0,
        "likes": 0,
    }
    if key.kind == "models":
        facts["modelId"] = record.id
    return facts


def _siblings(call: Call, listed: Sequence[TreeEntry], *, detailed: bool) -> list[dict[str, Any]]:
    if not detailed:
        return [{"rfilename": entry.path} for entry in listed]
    found = pointers(call.bare, listed)
    siblings = []
    for entry in listed:
        pointer = found.get(entry.oid)
        sibling: dict[str, Any] = {
            "rfilename": entry.path,
            "blobId": entry.oid,
            "size": entry.size if pointer is None else pointer.size,
        }
        if pointer is not None:
            sibling["lfs"] = {
                "sha256": pointer.sha256,
                "size": pointer.size,
                "pointerSize": entry.size,
            }
        siblings.append(sibling)
    return siblings


def tree(call: Call) -> Reply:
    """``GET …/tree/{rev}[/{path}]``: one page of a folder; the cursor holds on to the commit."""
    call.record()
    expand = call.request.flag("expand")
    size = call.settings.expand_page_size if expand else call.settings.page_size
    commit, start = _cursor(call)
    folder = call.param("path").strip("/")
    if folder:
        found = lookup(call.bare, commit, [folder])
        if not found or found[0].kind != "tree":
            raise entry_not_found(folder, commit)
    listed = entries(call.bare, commit, folder, recursive=call.request.flag("recursive"))
    page = listed[start : start + size]
    more = start + size < len(listed)
    headers: Headers = (("X-Repo-Commit", commit),)
    if more:
        headers += (next_link(call, {"cursor": _pack(commit, start + size)}),)
    return json_reply(_described(call, commit, page, expand=expand), headers=headers)


def paths_info(call: Call) -> Reply:
    """``POST …/paths-info/{rev}``: the entries at given paths; those not there are left out."""
    call.record()
    commit = call.commit_of(call.param("revision"))
    paths, expand = _paths(call)
    found = lookup(call.bare, commit, paths)
    return json_reply(
        _described(call, commit, found, expand=expand), headers=(("X-Repo-Commit", commit),)
    )


def commits(call: Call) -> Reply:
    """``GET …/commits/{rev}``: the history, newest first."""
    call.record()
    commit = call.commit_of(call.param("revision"))
    limit = min(_count(call, "limit", 50), call.settings.page_size)
    page = _count(call, "p", 0)
    found = log(call.bare, commit, page * limit, limit + 1)
    headers: Headers = ()
    if len(found) > limit:
        headers = (next_link(call, {"p": str(page + 1), "limit": str(limit)}),)
    return json_reply([_commit_json(item) for item in found[:limit]], headers=headers)


def next_link(call: Call, changed: dict[str, str]) -> tuple[str, str]:
    """Return the header that leads to the next page: this request with some values changed."""
    kept = [(key, value) for key, value in call.request.query if key not in changed]
    query = urlencode([*kept, *changed.items()])
    return "Link", f'<{call.hub.endpoint}{call.request.path}?{query}>; rel="next"'


def _count(call: Call, name: str, default: int) -> int:
    value = call.request.first(name, str(default))
    if not value.isdecimal() or len(value) > 9 or (name == "limit" and int(value) == 0):
        msg = f"got {value!r}, expected a number, in {name}"
        raise bad_request(msg)
    return int(value)


def _cursor(call: Call) -> tuple[str, int]:
    packed = call.request.first("cursor")
    if not packed:
        return call.commit_of(call.param("revision")), 0
    try:
        commit, start = json.loads(base64.urlsafe_b64decode(packed))
        return call.commit_of(str(commit)), int(start)
    except (binascii.Error, ValueError, TypeError) as error:
        msg = "the cursor was not made by this hub"
        raise bad_request(msg) from error


def _pack(commit: str, start: int) -> str:
    return base64.urlsafe_b64encode(json.dumps([commit, start]).encode()).decode()


def _paths(call: Call) -> tuple[list[str], bool]:
    if "json" in call.request.headers.get("content-type", ""):
        body = call.request.json()
        paths, expand = body.get("paths", []), body.get("expand", False) is True
    else:
        form = parse_qs(call.request.content().decode("utf-8", "replace"))
        paths = form.get("paths", [])
        expand = form.get("expand", ["false"])[0].lower() in ("1", "true")
    if not isinstance(paths, list) or not all(isinstance(path, str) for path in paths):
        msg = "got another type, expected a list of strings, in paths"
        raise bad_request(msg)
    if len(paths) > MAX_PATHS:
        raise HubError(413, "too many parameters")
    return paths, expand


def _described(
    call: Call, commit: str, listed: Sequence[TreeEntry], *, expand: bool
) -> list[dict[str, Any]]:
    found = pointers(call.bare, listed)
    described = [_entry_json(entry, found.get(entry.oid)) for entry in listed]
    if expand:
        _expand(described, last_changes(call.bare, commit, _names(listed)))
    return described


def _names(listed: Iterable[TreeEntry]) -> list[str]:
    return [entry.path for entry in listed]


def _entry_json(entry: TreeEntry, pointer: Pointer | None) -> dict[str, Any]:
    kind = {"tree": "directory", "blob": "file"}.get(entry.kind, "unknown")
    described: dict[str, Any] = {
        "type": kind,
        "oid": entry.oid,
        "size": entry.size if pointer is None else pointer.size,
        "path": entry.path,
    }
    if pointer is not None:
        described["lfs"] = {
            "oid": pointer.sha256,
            "size": pointer.size,
            "pointerSize": entry.size,
        }
    return described


def _expand(described: list[dict[str, Any]], changes: dict[str, Commit]) -> None:
    for entry in described:
        change = changes.get(entry["path"])
        if change is not None:
            entry["lastCommit"] = {
                "id": change.oid,
                "title": change.title,
                "date": timestamp(change.when),
            }
        if entry["type"] == "file":
            entry["securityFileStatus"] = {
                "status": "unscanned",
                "avScan": None,
                "pickleImportScan": None,
            }


def _commit_json(commit: Commit) -> dict[str, Any]:
    return {
        "id": commit.oid,
        "title": commit.title,
        "message": commit.message,
        "authors": [{"user": commit.author, "avatar": ""}],
        "date": timestamp(commit.when),
    }
