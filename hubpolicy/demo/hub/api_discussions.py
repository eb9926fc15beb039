# SPDX-License-Identifier: Apache-2.0
"""``…/discussions``: pull requests and talk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hubpolicy.demo.hub.calls import Call, timestamp
from hubpolicy.demo.hub.commits import ZERO, commit_tree, merged_tree, update_ref
from hubpolicy.demo.hub.discussions import (
    comment,
    discussion_json,
    edited,
    event_json,
    opened,
    with_comment,
    with_event,
    with_status,
    with_title,
)
from hubpolicy.demo.hub.git import git
from hubpolicy.demo.hub.repository import Commit, find_ref, log
from hubpolicy.demo.hub.rights import WRITABLE_STATES
from hubpolicy.demo.hub.wire import HubError, Reply, bad_request, json_reply, known_keys, text

if TYPE_CHECKING:
    from collections.abc import Callable

    from hubpolicy.demo.hub.records import Discussion, Event

PAGE = 50
MAX_COMMITS = 1000


def listing(call: Call) -> Reply:
    """``GET …/discussions``: newest first, filtered by type, status and author."""
    record = call.record()
    kind, status, author = (call.request.first(name) for name in ("type", "status", "author"))
    found = [
        item
        for item in reversed(record.discussions)
        if (kind in ("", "all") or item.pull_request == (kind == "pull_request"))
        and (status in ("", "all") or (item.status in WRITABLE_STATES) == (status == "open"))
        and author in ("", item.author)
    ]
    page = call.request.first("p", "0")
    start = int(page) * PAGE if page.isdecimal() else 0
    shown = [
        discussion_json(item, call.key.id, _repo_type(call)) for item in found[start : start + PAGE]
    ]
    return json_reply({"discussions": shown, "count": len(found), "start": start})


def create(call: Call) -> Reply:
    """``POST …/discussions``: with ``pullRequest`` a draft whose ref starts at main."""
    account = call.contributor()
    body = call.request.json()
    known_keys(body, frozenset({"title", "description", "pullRequest"}), "discussions")
    title, description = text(body, "title", "discussions"), str(body.get("description") or "")
    with call.hub.store.lock(call.key):
        base = "refs/heads/main" if body.get("pullRequest") is True else None
        record, discussion = opened(
            call.record(),
            author=account.name,
            title=title,
            description=description,
            base=base,
            status="open" if base is None else "draft",
            now=timestamp(),
        )
        if base is not None:
            update_ref(call.bare, discussion.ref, _head(call, base), ZERO)
        call.hub.store.change(call.key, lambda _: record)
    return json_reply({"num": discussion.num, "pullRequest": base is not None})


def details(call: Call) -> Reply:
    """``GET …/discussions/{n}``: with ``diff`` the unified diff of a pull request too."""
    call.record()
    discussion = _discussion(call)
    answer = discussion_json(discussion, call.key.id, _repo_type(call))
    answer["events"] = [event_json(event) for event in discussion.events]
    if discussion.pull_request:
        answer["changes"] = {"base": discussion.base}
        if discussion.merge_commit is not None:
            answer["changes"]["mergeCommitId"] = discussion.merge_commit
        base, head = _head(call, discussion.base), _head(call, discussion.ref)
        waiting = discussion.status in WRITABLE_STATES
        conflict = waiting and merged_tree(call.bare, base, head) is None
        answer["filesWithConflicts"] = conflict
        if call.request.flag("diff"):
            raw = git(call.bare, "diff", "--no-ext-diff", "--no-textconv", f"{base}...{head}", "--")
            answer["diff"] = raw.decode("utf-8", "replace")
    return json_reply(answer)


def post_comment(call: Call) -> Reply:
    """``POST …/discussions/{n}/comment``."""
    account = call.contributor()
    words = text(_body(call, "comment"), "comment", "comment")

    def change(discussion: Discussion) -> Discussion:
        return with_event(discussion, "comment", account.name, comment(words), timestamp())

    return json_reply({"newMessage": _changed(call, change)})


def edit_comment(call: Call) -> Reply:
    """``POST …/comment/{id}/edit``: by whoever wrote it."""
    words = text(_body(call, "content"), "content", "comment")
    return _recommented(call, lambda event: edited(event, words), own=True)


def hide_comment(call: Call) -> Reply:
    """``POST …/comment/{id}/hide``: by its author or a writer of the repo; for good."""
    return _recommented(call, lambda _: {"hidden": True, "latest": {"raw": "", "html": ""}})


def _recommented(
    call: Call, content: Callable[[Event], dict[str, Any]], *, own: bool = False
) -> Reply:
    account = call.contributor()
    with call.hub.store.lock(call.key):
        discussion = _discussion(call)
        named = (each for each in discussion.events if each.id == call.param("comment"))
        event = next((each for each in named if each.kind == "comment"), None)
        if event is None:
            raise HubError(404, f"Comment not found: {call.param('comment')}")
        if account.name != event.author:
            if own:
                raise HubError(403, f"Forbidden: this comment is {event.author}'s")
            call.writer()
        changed, shown = with_comment(discussion, event, content(event))
        call.hub.store.change(call.key, lambda record: record.with_discussion(changed))
    return json_reply({"updatedComment": event_json(shown)})


def post_title(call: Call) -> Reply:
    """``POST …/discussions/{n}/title``."""
    account = call.pull_request_writer(_discussion(call))
    title = text(_body(call, "title"), "title", "title")

    def change(discussion: Discussion) -> Discussion:
        return with_title(discussion, account.name, title, timestamp())

    return json_reply({"newTitle": _changed(call, change)})


def post_status(call: Call) -> Reply:
    """``POST …/discussions/{n}/status``: open or closed; what is merged stays so."""
    account = call.pull_request_writer(_discussion(call))
    status = _body(call, "status", "comment").get("status")
    if status not in ("open", "closed"):
        msg = f"got {status!r}, expected open or closed, in status"
        raise bad_request(msg)

    def change(discussion: Discussion) -> Discussion:
        if discussion.status == "merged":
            msg = "the pull request is merged already"
            raise bad_request(msg)
        return with_status(discussion, account.name, str(status), timestamp())

    return json_reply({"newStatus": _changed(call, change)})


def merge(call: Call) -> Reply:
    """``POST …/discussions/{n}/merge``: squash the pull request onto its base."""
    account = call.writer()
    _body(call, "comment")
    with call.hub.store.lock(call.key):
        discussion = _discussion(call)
        if not discussion.pull_request or discussion.status != "open":
            state = discussion.status if discussion.pull_request else "no pull request"
            msg = f"got {state}, expected an open pull request, in merge"
            raise bad_request(msg)
        base, head = _head(call, discussion.base), _head(call, discussion.ref)
        tree = merged_tree(call.bare, base, head)
        if tree is None:
            raise HubError(409, "the pull request conflicts with its base branch")
        listed = log(call.bare, f"{base}..{head}", 0, MAX_COMMITS)
        message = _squash_message(discussion, listed)
        oid = commit_tree(call.bare, tree, (base,), message, call.author(account))
        update_ref(call.bare, discussion.base, oid, base)

        def change(item: Discussion) -> Discussion:
            merged = item._replace(merge_commit=oid)
            return with_status(merged, account.name, "merged", timestamp())

        _changed(call, change)
    return json_reply({"status": "merged", "mergeCommitId": oid})


def _squash_message(discussion: Discussion, commits: tuple[Commit, ...]) -> str:
    lines = "".join(f"- {item.title} ({item.oid})\n" for item in reversed(commits))
    return f"{discussion.title} (#{discussion.num})\n\n{lines}"


def _changed(call: Call, change: Callable[[Discussion], Discussion]) -> dict[str, Any]:
    """Replace the discussion and return its newest event as JSON."""
    with call.hub.store.lock(call.key):
        changed = change(_discussion(call))
        call.hub.store.change(call.key, lambda record: record.with_discussion(changed))
    return event_json(changed.events[-1])


def _discussion(call: Call) -> Discussion:
    found = call.record().discussion(int(call.param("num")))
    if found is None:
        raise HubError(404, f"Discussion not found: {call.param('num')}")
    return found


def _body(call: Call, *allowed: str) -> dict[str, Any]:
    body = call.request.json() if call.request.length else {}
    known_keys(body, frozenset(allowed), "discussions")
    return body


def _head(call: Call, ref: str) -> str:
    found = find_ref(call.bare, ref)
    if found is None:
        raise HubError(404, f"Invalid rev id: {ref}", code="RevisionNotFound")
    return found.commit


def _repo_type(call: Call) -> str:
    return call.key.kind.removesuffix("s")
