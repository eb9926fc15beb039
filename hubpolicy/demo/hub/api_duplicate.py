# SPDX-License-Identifier: Apache-2.0
"""A copy of a whole repo on the hub: history and large files, not discussions and their refs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.demo.hub.accounts import require_account, require_writer
from hubpolicy.demo.hub.api_repos import wants_private
from hubpolicy.demo.hub.calls import timestamp
from hubpolicy.demo.hub.git import git
from hubpolicy.demo.hub.records import Record
from hubpolicy.demo.hub.store import RepoKey, valid_name
from hubpolicy.demo.hub.wire import bad_request, json_reply, known_keys, text

if TYPE_CHECKING:
    from pathlib import Path

    from hubpolicy.demo.hub.calls import Call
    from hubpolicy.demo.hub.wire import Reply

_ANY = frozenset({"repository", "visibility", "private", "resourceGroupId"})
_SPACE = frozenset({"hardware", "sleepTimeSeconds", "secrets", "variables", "volumes"})


def duplicate(call: Call) -> Reply:
    """``POST …/duplicate``: the path names the source; as visible as that, unless it is said."""
    account = require_account(call.account)
    source = call.content_record()
    body = call.request.json()
    known_keys(body, _ANY | (_SPACE if call.key.kind == "spaces" else frozenset()), "duplicate")
    target = _target(text(body, "repository", "duplicate"), call.key.kind)
    require_writer(account, target.namespace)
    private = wants_private(body)
    record = Record(
        target.id, account.name, timestamp(), source.private if private is None else private,
        gated=False, lfs=source.lfs, discussions=(),
    )  # fmt: skip
    where = {"url": f"{call.hub.endpoint}/{target.url_path}", "name": target.id}
    try:
        call.hub.store.create(target, record, lambda bare: _copy(call.bare, bare))
    except FileExistsError:
        message = f"You already created this {target.kind.removesuffix('s')} repo"
        headers = (("X-Error-Message", message),)
        return json_reply({"error": message, **where}, 409, headers)
    return json_reply({**where, "filesCopyPending": False})


def _copy(source: Path, target: Path) -> None:
    """Branches and tags, and what they lead to: nothing that only a pull request brought."""
    git(target, "init", "--quiet", "--bare", "--initial-branch=main")
    span = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
    git(target, "fetch", "--quiet", "--no-write-fetch-head", str(source), *span)


def _target(name: str, kind: str) -> RepoKey:
    namespace, _, rest = name.partition("/")
    if not valid_name(namespace) or not valid_name(rest):
        msg = f"got {name!r}, expected namespace/name, in duplicate.repository"
        raise bad_request(msg)
    return RepoKey(kind, namespace, rest)
