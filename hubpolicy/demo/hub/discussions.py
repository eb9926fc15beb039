# SPDX-License-Identifier: Apache-2.0
"""Discussions and pull requests as changes of a repo's record, and their JSON."""

from __future__ import annotations

import hashlib
from typing import Any

from hubpolicy.demo.hub.records import Discussion, Event, Record


def opened(
    record: Record,
    *,
    author: str,
    title: str,
    description: str,
    base: str | None,
    status: str,
    now: str,
) -> tuple[Record, Discussion]:
    """Return the record with a new discussion, or pull request against the ref `base`, and it."""
    num = max((item.num for item in record.discussions), default=0) + 1
    discussion = Discussion(
        num=num,
        title=title,
        author=author,
        pull_request=base is not None,
        status=status,
        created=now,
        base=base or "",
        merge_commit=None,
        events=(),
    )
    discussion = with_event(discussion, "comment", author, comment(description), now)
    return record.with_discussion(discussion), discussion


def comment(words: str) -> dict[str, Any]:
    """Return the content of a comment."""
    return {
        "edited": False,
        "hidden": False,
        "latest": {"raw": words, "html": ""},
        "numEdits": 0,
        "reactions": [],
    }


def with_event(
    discussion: Discussion, kind: str, author: str, content: dict[str, Any], now: str
) -> Discussion:
    """Return the discussion with one more event at its end."""
    seed = f"{discussion.num}/{len(discussion.events)}/{discussion.created}"
    name = hashlib.sha256(seed.encode()).hexdigest()[:24]
    event = Event(name, kind, now, author, content)
    return discussion._replace(events=(*discussion.events, event))


def with_comment(
    discussion: Discussion, event: Event, content: dict[str, Any]
) -> tuple[Discussion, Event]:
    """Return the discussion with another content of one of its comments, and that comment."""
    changed = event._replace(content={**event.content, **content})
    events = tuple(changed if each.id == event.id else each for each in discussion.events)
    return discussion._replace(events=events), changed


def edited(event: Event, words: str) -> dict[str, Any]:
    """Return what is new in a comment that says something else."""
    latest = {"raw": words, "html": ""}
    return {"edited": True, "numEdits": event.content["numEdits"] + 1, "latest": latest}


def with_commit(
    discussion: Discussion, author: str, subject: str, oid: str, now: str
) -> Discussion:
    """Return the pull request after a commit to it."""
    return with_event(discussion, "commit", author, {"subject": subject, "oid": oid}, now)


def with_status(discussion: Discussion, author: str, status: str, now: str) -> Discussion:
    """Return the discussion in another state."""
    changed = discussion._replace(status=status)
    return with_event(changed, "status-change", author, {"status": status}, now)


def with_title(discussion: Discussion, author: str, title: str, now: str) -> Discussion:
    """Return the discussion under another title."""
    content = {"from": discussion.title, "to": title}
    return with_event(discussion._replace(title=title), "title-change", author, content, now)


def event_json(event: Event) -> dict[str, Any]:
    """Return an event as the API shows it."""
    return {
        "id": event.id,
        "type": event.kind,
        "createdAt": event.created,
        "author": _user(event.author),
        "data": event.content,
    }


def discussion_json(discussion: Discussion, repo_id: str, repo_type: str) -> dict[str, Any]:
    """Return a discussion as the API lists it."""
    return {
        "num": discussion.num,
        "title": discussion.title,
        "author": _user(discussion.author),
        "status": discussion.status,
        "createdAt": discussion.created,
        "isPullRequest": discussion.pull_request,
        "numComments": sum(event.kind == "comment" for event in discussion.events),
        "pinned": False,
        "repo": {"name": repo_id, "type": repo_type},
    }


def _user(name: str) -> dict[str, Any]:
    return {"name": name, "fullname": name, "type": "user", "avatarUrl": "", "isHf": False}
