# SPDX-License-Identifier: Apache-2.0
"""Files for readers: ``/{id}/resolve/{rev}/{path}`` and ``/raw/``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hubpolicy.demo.hub.repository import (
    TreeEntry,
    blobs,
    entry_not_found,
    lookup,
    pointers,
)
from hubpolicy.demo.hub.wire import FileSlice, Headers, HubError, Reply, Request

if TYPE_CHECKING:
    from pathlib import Path

    from hubpolicy.demo.hub.calls import Call

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")
_BINARY: Headers = (("Content-Type", "application/octet-stream"),)


def resolve_file(call: Call) -> Reply:
    """Send a small file, or redirect to the storage where a large one lies."""
    commit, entry = _find(call)
    headers: Headers = (("X-Repo-Commit", commit), ("Accept-Ranges", "bytes"))
    pointer = pointers(call.bare, [entry]).get(entry.oid)
    if pointer is None:
        return _send_blob(call, entry, headers)
    facts = {"kind": call.key.kind, "repo": call.key.id, "size": str(pointer.size)}
    signed = call.hub.signer.sign("GET", f"/_storage/{pointer.sha256}", commit=commit, **facts)
    linked = (
        ("Location", call.hub.storage + signed),
        ("ETag", f'"{entry.oid}"'),
        ("X-Linked-ETag", f'"{pointer.sha256}"'),
        ("X-Linked-Size", str(pointer.size)),
    )
    return Reply(302, (*headers, *linked))


def raw_file(call: Call) -> Reply:
    """Send what git holds: for a large file the pointer."""
    commit, entry = _find(call)
    return _send_blob(call, entry, (("X-Repo-Commit", commit), ("Accept-Ranges", "bytes")))


def _find(call: Call) -> tuple[str, TreeEntry]:
    call.content_record()
    commit = call.commit_of(call.param("revision"))
    path = call.param("path")
    found = lookup(call.bare, commit, [path])
    if not found or found[0].kind != "blob" or found[0].path != path:
        raise entry_not_found(path, commit)
    return commit, found[0]


def _send_blob(call: Call, entry: TreeEntry, headers: Headers) -> Reply:
    content = blobs(call.bare, [entry.oid])[entry.oid]
    headers = (*headers, ("ETag", f'"{entry.oid}"'), *_BINARY)
    span = requested_range(call.request, len(content))
    if span is None:
        return Reply(200, headers, content)
    start, stop = span
    return Reply(206, (*headers, _content_range(start, stop, len(content))), content[start:stop])


def send_file(request: Request, path: Path, headers: Headers) -> Reply:
    """Return a file on disk as the answer, or the part of it that was asked for.

    Raises:
        HubError: 416 for a range outside the file.
    """
    size = path.stat().st_size
    headers = (*headers, ("Accept-Ranges", "bytes"), *_BINARY)
    span = requested_range(request, size)
    if span is None:
        return Reply(200, headers, FileSlice(str(path), 0, size))
    start, stop = span
    part = FileSlice(str(path), start, stop - start)
    return Reply(206, (*headers, _content_range(start, stop, size)), part)


def requested_range(request: Request, size: int) -> tuple[int, int] | None:
    """Return the half-open byte range that a request asks for, None for the whole (RFC 9110 §14).

    Raises:
        HubError: 416 if no byte of it exists.
    """
    match = _RANGE.fullmatch(request.headers.get("range", "").replace(" ", ""))
    if match is None or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if first == "":
        start, stop = max(0, size - int(last)), size
    else:
        start, stop = int(first), min(size, int(last) + 1 if last else size)
    if start >= stop:
        raise HubError(
            416, "Range not satisfiable", headers=(("Content-Range", f"bytes */{size}"),)
        )
    return start, stop


def _content_range(start: int, stop: int, size: int) -> tuple[str, str]:
    return "Content-Range", f"bytes {start}-{stop - 1}/{size}"
