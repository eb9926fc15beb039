# SPDX-License-Identifier: Apache-2.0
"""The body of a commit request, line by line, and the tree that it would leave.

NDJSON: a header line, then one operation per line (hub protocol; ``_commit_api.py`` of
huggingface_hub writes it). Whatever could be carried out in two ways is refused.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import io
from bisect import bisect_left
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from hubpolicy.core import strictjson
from hubpolicy.core.fields import Fields
from hubpolicy.core.lfs_pointer import looks_like_pointer
from hubpolicy.core.magic import HEAD_SIZE
from hubpolicy.core.paths import refuse_path
from hubpolicy.domain.hub_request import (
    AddLarge,
    AddRegular,
    DeleteFile,
    DeleteFolder,
)
from hubpolicy.domain.manifest import ListedFile, Listing, git_blob_id, is_evidence_path
from hubpolicy.domain.policy import CHILD_FILE, CHILD_LIMIT
from hubpolicy.errors import MalformedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from hubpolicy.domain.hub_request import Operation

LINE_LIMIT = 32 * 1024 * 1024
"""Bytes. The Hub takes 10 MiB of a regular file, which base64 makes a third longer."""

MOST_OPERATIONS = 100_000
_KEPT_LIMIT = 64 * 1024 * 1024
"""Bytes of evidence in one commit that are kept to be judged."""


class CommitBody(NamedTuple):
    """What a commit asks for; ``parent`` is empty where none is named."""

    parent: str
    operations: tuple[Operation, ...]


def parse_commit(body: bytes | BinaryIO) -> CommitBody:
    """Read a commit's body to its end.

    Raises:
        MalformedError: it is not as the protocol says, is too large, or could mean two things.

    """
    lines = _lines(io.BytesIO(body) if isinstance(body, bytes) else body)
    number, first = next(lines, (0, b""))
    key, header = _line(first, number)
    if key != "header":
        message = f"got {key!r}, expected a header in the first line, in the commit"
        raise MalformedError(message)
    parent = _parent(header)
    operations: list[Operation] = []
    kept = 0
    for number, line in lines:
        operation = _operation(*_line(line, number))
        kept += len(operation.content) if isinstance(operation, AddRegular) else 0
        if len(operations) == MOST_OPERATIONS or kept > _KEPT_LIMIT:
            message = (
                f"got more than {MOST_OPERATIONS} operations or {_KEPT_LIMIT} bytes of evidence"
            )
            raise MalformedError(message)
        operations.append(operation)
    _refuse_ambiguous(operations)
    return CommitBody(parent, tuple(operations))


def with_parent(line: bytes, parent: str) -> bytes:
    """A commit's header line that names its parent; everything else in it stays.

    Raises:
        MalformedError: it is no header line.

    """
    key, header = _line(line.rstrip(b"\r\n"), 1)
    if key != "header":
        message = "got no header line, expected one, in the commit"
        raise MalformedError(message)
    _parent(header)
    return strictjson.canonical({"key": key, "value": {**header, "parentCommit": parent}}) + b"\n"


def _lines(body: BinaryIO) -> Iterator[tuple[int, bytes]]:
    number = 0
    while line := body.readline(LINE_LIMIT + 1):
        number += 1
        if len(line) > LINE_LIMIT:
            message = f"got more than {LINE_LIMIT} bytes, in line {number} of the commit"
            raise MalformedError(message)
        yield number, line.rstrip(b"\r\n")


def _line(line: bytes, number: int) -> tuple[str, dict[str, object]]:
    where = f"line {number} of the commit"
    fields = Fields(strictjson.parse(line, what=where), where)
    key, value = fields.text("key"), fields.raw("value")
    fields.done()
    if not isinstance(value, dict):
        message = f"got {type(value).__name__}, expected an object, in value of {where}"
        raise MalformedError(message)
    return key, value


def _parent(header: dict[str, object]) -> str:
    fields = Fields(header, "header of the commit")
    if not isinstance(fields.raw("summary"), str):
        fields.refuse("summary", "text")
    for name in ("description", "parentCommit"):
        value = fields.raw(name)
        if value is not None and not isinstance(value, str):
            fields.refuse(name, "text")
    fields.done()
    parent = str(header.get("parentCommit") or "").lower()
    if parent and (not 5 <= len(parent) <= 40 or set(parent) - set("0123456789abcdef")):
        fields.refuse("parentCommit", "a commit id")
    return parent


def _operation(key: str, value: dict[str, object]) -> Operation:
    fields = Fields(value, f"{key[:40]} of the commit")
    if key in {"deletedFile", "deletedFolder"}:
        path = fields.text("path")
        fields.done()
        if key == "deletedFile":
            return DeleteFile(_plain(path))
        return DeleteFolder(_plain(path.removesuffix("/")))
    path = _plain(fields.text("path"))
    if key == "lfsFile":
        return _large(path, fields)
    if key == "file":
        return _regular(path, fields)
    message = f"got {key[:40]!r}, expected file, lfsFile or deleted…, in the commit"
    raise MalformedError(message)


def _plain(path: str) -> str:
    """Only what cannot mean another place; HP401 judges the rest of the tree's paths."""
    reason = refuse_path(path.encode("utf-8", "surrogatepass"))
    if reason:
        message = f"got path {path[:200]!r}, which {reason}, in the commit"
        raise MalformedError(message)
    return path


def _large(path: str, fields: Fields) -> AddLarge:
    fields.one_of("algo", ("sha256",))
    oid = fields.hexdigest("oid")
    size = fields.count("size") if fields.raw("size") is not None else -1
    fields.done()
    return AddLarge(path, oid, size)


def _regular(path: str, fields: Fields) -> AddRegular:
    text, encoding = fields.raw("content"), fields.raw("encoding")
    fields.done()
    if not isinstance(text, str) or encoding not in {None, "utf-8", "base64"}:
        fields.refuse("content", "text in base64 or utf-8")
    content = _unpacked(text, path) if encoding == "base64" else text.encode()
    if looks_like_pointer(content):
        message = f"got a Git LFS pointer as the content of {path[:200]!r}, expected lfsFile"
        raise MalformedError(message)
    judged = is_evidence_path(path) or (path == CHILD_FILE and len(content) <= CHILD_LIMIT)
    return AddRegular(
        path,
        len(content),
        hashlib.sha256(content).hexdigest(),
        git_blob_id(content),
        content[:HEAD_SIZE],
        content if judged else b"",
    )


def _unpacked(text: str, path: str) -> bytes:
    try:
        raw = text.encode("ascii")
        content = base64.b64decode(raw, validate=True)
    except (binascii.Error, UnicodeEncodeError):
        content, raw = b"", b"-"
    if base64.b64encode(content) != raw:
        message = f"the content of {path[:200]!r} is not canonical base64, in the commit"
        raise MalformedError(message)
    return content


def _refuse_ambiguous(operations: Iterable[Operation]) -> None:
    """Which of two operations on one path holds is nobody's guess to make."""
    added: set[str] = set()
    gone: set[str] = set()
    folders: set[str] = set()
    for operation in operations:
        path = operation.path
        target = folders if isinstance(operation, DeleteFolder) else gone
        target = added if isinstance(operation, AddRegular | AddLarge) else target
        if path in target:
            message = f"got {path[:200]!r} twice, in the commit"
            raise MalformedError(message)
        target.add(path)
    for path in added:
        if path in gone or folders & set(_parents(path)) or path in folders:
            message = f"got {path[:200]!r} both added and removed, in the commit"
            raise MalformedError(message)


def _parents(path: str) -> Iterator[str]:
    at = path.find("/")
    while at > 0:
        yield path[:at]
        at = path.find("/", at + 1)


def resulting(
    parent: Listing, operations: tuple[Operation, ...], sources: tuple[Listing, ...] = ()
) -> Listing:
    """The tree after a commit. ``sources`` are trees in which copied contents stand.

    Raises:
        MalformedError: a copied content's size stands nowhere, or a path would be file and folder,
            or what is to be removed as the one is the other.

    """
    files = {file.path: file for file in parent.files}
    listed = sorted(files)
    sizes = {f.sha256: f.size for tree in (parent, *sources) for f in tree.files if f.sha256}
    _refuse_other_kind(files, listed, operations)
    for operation in operations:
        if isinstance(operation, DeleteFolder):
            for path in _below(listed, operation.path):
                files.pop(path, None)
    for operation in operations:
        if isinstance(operation, DeleteFile):
            files.pop(operation.path, None)
        elif isinstance(operation, AddRegular):
            path, size, sha256, git_blob, *_ = operation
            files[path] = ListedFile(path, size, sha256, git_blob)
        elif isinstance(operation, AddLarge):
            size = operation.size if operation.size >= 0 else sizes.get(operation.sha256, -1)
            if size < 0:
                message = f"{operation.path} copies {operation.sha256[:12]}, which stands nowhere"
                raise MalformedError(message)
            files[operation.path] = ListedFile(operation.path, size, operation.sha256, None)
    _refuse_both(files, operations)
    ordered = sorted(files.values(), key=lambda file: file.path.encode("utf-8", "surrogatepass"))
    return Listing(tuple(ordered))


def _refuse_both(files: dict[str, ListedFile], operations: tuple[Operation, ...]) -> None:
    """Of what stood there before none was both: what is added is looked at."""
    listed = sorted(files)
    for operation in operations:
        if not isinstance(operation, AddRegular | AddLarge):
            continue
        path = operation.path
        inside: str | None = next(_below(listed, path), None)
        both = [folder for folder in _parents(path) if folder in files]
        if both or inside is not None:
            message = f"got {(both or [path])[0]!r} as a file and as a folder, in the commit"
            raise MalformedError(message)


def _below(listed: list[str], folder: str) -> Iterator[str]:
    """What lies in a folder, of sorted paths. Other folders' names are never made for it."""
    start = f"{folder}/"
    for at in range(bisect_left(listed, start), len(listed)):
        if not listed[at].startswith(start):
            return
        yield listed[at]


def _refuse_other_kind(
    files: dict[str, ListedFile], listed: list[str], operations: tuple[Operation, ...]
) -> None:
    """A folder that is a file there, or a file that is a folder: hubs need not do the same then."""
    for operation in operations:
        if not isinstance(operation, DeleteFile | DeleteFolder):
            continue
        path, folder = operation.path, isinstance(operation, DeleteFolder)
        if path in files if folder else next(_below(listed, path), None) is not None:
            kind, is_kind = ("folder", "file") if folder else ("file", "folder")
            message = f"got {operation.path!r} removed as a {kind}, which is a {is_kind} there"
            raise MalformedError(message)
