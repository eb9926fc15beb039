# SPDX-License-Identifier: Apache-2.0
"""Before an upload: does the card parse, and how is each file to be sent."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any, NamedTuple

from hubpolicy.demo.hub.attributes import ignored, lfs_tracked
from hubpolicy.demo.hub.front_matter import examine
from hubpolicy.demo.hub.paths import checked_path
from hubpolicy.demo.hub.repository import MAX_REGULAR_BYTES, lookup, pointers
from hubpolicy.demo.hub.rights import may_change
from hubpolicy.demo.hub.wire import HubError, Reply, bad_request, json_reply, known_keys

if TYPE_CHECKING:
    from hubpolicy.demo.hub.calls import Call

MAX_FILES = 1000


class Announced(NamedTuple):
    """A file that a client wants to upload: its size in bytes and its first (up to) 512 bytes."""

    path: str
    size: int
    sample: bytes


def validate_yaml(call: Call) -> Reply:
    """``POST /api/validate-yaml``: 200 or 400, both with the lists of errors and warnings."""
    body = call.request.json()
    known_keys(body, frozenset({"content", "repoType"}), "validate-yaml")
    content = body.get("content")
    if not isinstance(content, str):
        msg = "got no content, expected the text of README.md, in validate-yaml"
        raise bad_request(msg)
    errors, warnings = examine(content)
    document = {
        "errors": [{"message": message} for message in errors],
        "warnings": [{"message": message} for message in warnings],
    }
    return json_reply(document, 400 if errors else 200)


def preupload(call: Call) -> Reply:
    """``POST …/preupload/{rev}``: say for each file whether it goes to LFS or into the commit."""
    create_pr = call.request.flag("create_pr")
    target = may_change(call, call.param("revision"), create_pr=create_pr)
    body = call.request.json()
    known_keys(body, frozenset({"files", "gitIgnore"}), "preupload")
    files = _announced(body.get("files"))
    paths = [file.path for file in files]
    tracked = lfs_tracked(call.bare, target.commit, paths)
    left_out = ignored(call.bare, target.commit, body.get("gitIgnore"), paths)
    present = {entry.path: entry for entry in lookup(call.bare, target.commit, paths)}
    known = pointers(call.bare, present.values())
    answers = []
    for file in files:
        answer: dict[str, Any] = {
            "path": file.path,
            "uploadMode": _mode(file, tracked=file.path in tracked),
            "shouldIgnore": file.path in left_out,
        }
        entry = present.get(file.path)
        if entry is not None and entry.kind == "blob":
            pointer = known.get(entry.oid)
            answer["oid"] = entry.oid if pointer is None else pointer.sha256
        answers.append(answer)
    return json_reply({"files": answers, "commitOid": target.commit})


def _announced(files: object) -> list[Announced]:
    if not isinstance(files, list) or not files:
        msg = "got no files, expected a non-empty list, in preupload"
        raise bad_request(msg)
    if len(files) > MAX_FILES:
        raise HubError(413, f"got {len(files)} files, expected at most {MAX_FILES}, in preupload")
    return [_one(file) for file in files]


def _one(file: object) -> Announced:
    if not isinstance(file, dict):
        msg = "got no object, expected path, size and sample, in preupload.files"
        raise bad_request(msg)
    known_keys(file, frozenset({"path", "size", "sample", "sha"}), "preupload.files")
    size, sample = file.get("size"), file.get("sample", "")
    if not isinstance(size, int) or size < 0 or not isinstance(sample, str):
        msg = "got no size or sample, expected both, in preupload.files"
        raise bad_request(msg)
    try:
        head = base64.b64decode(sample, validate=True)
    except binascii.Error as error:
        msg = "the sample is not base64, in preupload.files"
        raise bad_request(msg) from error
    return Announced(checked_path(file.get("path")), size, head)


def _mode(file: Announced, *, tracked: bool) -> str:
    if file.size == 0:
        return "regular"
    large = tracked or file.size > MAX_REGULAR_BYTES or is_binary(file.sample)
    return "lfs" if large else "regular"


def is_binary(sample: bytes) -> bool:
    """Return whether the beginning of a file is not text (a last character may be cut)."""
    if b"\0" in sample:
        return True
    for cut in range(4):
        try:
            sample[: len(sample) - cut].decode()
        except UnicodeDecodeError:
            continue
        return False
    return True
