# SPDX-License-Identifier: Apache-2.0
"""The body of a commit: a header line, then one operation per line."""

from __future__ import annotations

import base64
import binascii
import json
import re
from typing import Any, NamedTuple

from hubpolicy.demo.hub.paths import checked_path
from hubpolicy.demo.hub.wire import bad_request, known_keys, text

MAX_COMMIT_BYTES = 512 * 1024 * 1024
_SHA256 = re.compile(r"[0-9a-f]{64}")
_COMMIT = re.compile(r"[0-9a-f]{5,40}")


class AddFile(NamedTuple):
    """A file whose content is in the request."""

    path: str
    content: bytes


class AddLargeFile(NamedTuple):
    """A file that was uploaded before; `size` is None in server-side copies."""

    path: str
    sha256: str
    size: int | None


class Delete(NamedTuple):
    """The removal of a file, or of all files of a folder."""

    path: str
    folder: bool


Operation = AddFile | AddLargeFile | Delete


class CommitBody(NamedTuple):
    """A parsed commit request."""

    summary: str
    description: str
    parent: str | None
    operations: tuple[Operation, ...]

    @property
    def message(self) -> str:
        """The git commit message."""
        return f"{self.summary}\n\n{self.description}".rstrip() + "\n"


def parse_commit(raw: bytes) -> CommitBody:
    """Return the commit that a request asks for.

    Raises:
        HubError: 400 for anything that the protocol does not have.
    """
    lines = [_line(line) for line in raw.split(b"\n") if line.strip()]
    if not lines or lines[0][0] != "header":
        msg = "got no header, expected it in the first line, in commit"
        raise bad_request(msg)
    header = lines[0][1]
    known_keys(header, frozenset({"summary", "description", "parentCommit"}), "header")
    parent = header.get("parentCommit")
    if parent is not None and not (isinstance(parent, str) and _COMMIT.fullmatch(parent.lower())):
        msg = f"got {parent!r}, expected a commit id, in header.parentCommit"
        raise bad_request(msg)
    return CommitBody(
        text(header, "summary", "header"),
        str(header.get("description") or ""),
        parent.lower() if parent else None,
        tuple(_operation(key, value) for key, value in lines[1:]),
    )


def _line(raw: bytes) -> tuple[str, dict[str, Any]]:
    try:
        line = json.loads(raw)
    except (ValueError, RecursionError) as error:
        msg = "a line is not valid JSON, in commit"
        raise bad_request(msg) from error
    if not isinstance(line, dict) or set(line) != {"key", "value"}:
        msg = "got another shape, expected key and value, in a line of commit"
        raise bad_request(msg)
    if not isinstance(line["value"], dict):
        msg = "got another type, expected an object, in value of a line of commit"
        raise bad_request(msg)
    return line["key"], line["value"]


def _operation(key: str, value: dict[str, Any]) -> Operation:
    if key == "file":
        return _file(value)
    if key == "lfsFile":
        return _large_file(value)
    if key in ("deletedFile", "deletedFolder"):
        known_keys(value, frozenset({"path"}), key)
        raw = value.get("path")
        path = raw.removesuffix("/") if isinstance(raw, str) and key == "deletedFolder" else raw
        return Delete(checked_path(path), key == "deletedFolder")
    msg = f"got unknown key {key!r}, expected file, lfsFile or deleted…, in commit"
    raise bad_request(msg)


def _file(value: dict[str, Any]) -> AddFile:
    known_keys(value, frozenset({"path", "content", "encoding"}), "file")
    content, encoding = value.get("content"), value.get("encoding", "utf-8")
    if not isinstance(content, str) or encoding not in ("base64", "utf-8"):
        msg = "got no content or another encoding, expected base64, in file"
        raise bad_request(msg)
    path = checked_path(value.get("path"))
    if encoding == "utf-8":
        return AddFile(path, content.encode())
    try:
        return AddFile(path, base64.b64decode(content, validate=True))
    except binascii.Error as error:
        msg = f"the content of {path!r} is not base64, in file"
        raise bad_request(msg) from error


def _large_file(value: dict[str, Any]) -> AddLargeFile:
    known_keys(value, frozenset({"path", "algo", "oid", "size"}), "lfsFile")
    oid, size = value.get("oid"), value.get("size")
    if value.get("algo") != "sha256" or not isinstance(oid, str) or not _SHA256.fullmatch(oid):
        msg = "got another algo or oid, expected a sha256, in lfsFile"
        raise bad_request(msg)
    if size is not None and (not isinstance(size, int) or isinstance(size, bool) or size < 0):
        msg = f"got {size!r}, expected a size in bytes, in lfsFile.size"
        raise bad_request(msg)
    return AddLargeFile(checked_path(value.get("path")), oid, size)
