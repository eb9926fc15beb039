# SPDX-License-Identifier: Apache-2.0
"""Branches and tags."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hubpolicy.demo.hub.commits import (
    ZERO,
    commit_tree,
    create_branch,
    create_tag,
    update_ref,
)
from hubpolicy.demo.hub.git import git
from hubpolicy.demo.hub.repository import Ref, find_ref, refs, resolve
from hubpolicy.demo.hub.wire import HubError, Reply, bad_request, json_reply, known_keys, text

if TYPE_CHECKING:
    from hubpolicy.demo.hub.calls import Call


def list_refs(call: Call) -> Reply:
    """``GET …/refs``: branches, tags, conversions, and pull requests if asked for."""
    call.record()
    found = refs(call.bare)
    answer = {
        "branches": _under(found, "refs/heads/"),
        "converts": _under(found, "refs/convert/"),
        "tags": _under(found, "refs/tags/"),
    }
    if call.request.flag("include_prs"):
        answer["pullRequests"] = _under(found, "refs/pr/")
    if call.stale:
        for branch in answer["branches"]:
            branch["targetCommit"] = call.commit_of(branch["ref"])
    return json_reply(answer)


def _under(found: tuple[Ref, ...], prefix: str) -> list[dict[str, Any]]:
    return [
        {"name": ref.ref.removeprefix(prefix), "ref": ref.ref, "targetCommit": ref.commit}
        for ref in found
        if ref.ref.startswith(prefix)
    ]


def post_branch(call: Call) -> Reply:
    """``POST …/branch/{name}``: a new branch at ``startingPoint``, by default at main."""
    call.writer()
    body = call.request.json()
    known_keys(body, frozenset({"startingPoint"}), "branch")
    start = body.get("startingPoint", "main")
    if not isinstance(start, str):
        msg = "got another type, expected a revision, in branch.startingPoint"
        raise bad_request(msg)
    with call.hub.store.lock(call.key):
        create_branch(call.bare, call.param("branch"), resolve(call.bare, start))
    return json_reply({})


def delete_branch(call: Call) -> Reply:
    """``DELETE …/branch/{name}``; never main."""
    call.writer()
    name = call.param("branch")
    if name == "main":
        raise HubError(403, "Cannot delete the default branch")
    return _delete(call, f"refs/heads/{name}")


def post_tag(call: Call) -> Reply:
    """``POST …/tag/{rev}``: a tag at that revision, annotated if there is a message."""
    account = call.writer()
    body = call.request.json()
    known_keys(body, frozenset({"tag", "message"}), "tag")
    name = text(body, "tag", "tag")
    message = body.get("message")
    if message is not None and not isinstance(message, str):
        msg = "got another type, expected text, in tag.message"
        raise bad_request(msg)
    with call.hub.store.lock(call.key):
        commit = resolve(call.bare, call.param("revision"))
        create_tag(call.bare, name, commit, message, call.author(account))
    return json_reply({})


def delete_tag(call: Call) -> Reply:
    """``DELETE …/tag/{name}``."""
    call.writer()
    return _delete(call, f"refs/tags/{call.param('revision')}")


def _delete(call: Call, ref: str) -> Reply:
    with call.hub.store.lock(call.key):
        found = find_ref(call.bare, ref)
        if found is None or found.ref != ref:
            raise HubError(404, f"Invalid rev id: {ref}", code="RevisionNotFound")
        stands_at = git(call.bare, "rev-parse", "--verify", ref).decode().strip()
        update_ref(call.bare, ref, ZERO, stands_at)
    return json_reply({})


def super_squash(call: Call) -> Reply:
    """``POST …/super-squash/{branch}``: the branch's tree as its only commit."""
    account = call.writer()
    body = call.request.json()
    known_keys(body, frozenset({"message"}), "super-squash")
    message = text(body, "message", "super-squash")
    with call.hub.store.lock(call.key):
        found = find_ref(call.bare, f"refs/heads/{call.param('branch')}")
        if found is None:
            raise HubError(404, "Invalid rev id", code="RevisionNotFound")
        tree = git(call.bare, "rev-parse", "--verify", f"{found.commit}^{{tree}}").decode().strip()
        commit = commit_tree(call.bare, tree, (), message, call.author(account))
        update_ref(call.bare, found.ref, commit, found.commit)
    return json_reply({})
