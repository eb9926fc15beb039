# SPDX-License-Identifier: Apache-2.0
"""Which ref a commit goes to, and who may move it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from hubpolicy.demo.hub.accounts import Account, require_account
from hubpolicy.demo.hub.repository import find_ref
from hubpolicy.demo.hub.wire import HubError

if TYPE_CHECKING:
    from hubpolicy.demo.hub.calls import Call
    from hubpolicy.demo.hub.records import Discussion, Record

_PULL_REQUEST = re.compile(r"refs/pr/([1-9][0-9]{0,8})")
WRITABLE_STATES = ("open", "draft")


class Target(NamedTuple):
    """The ref that a commit moves, where it stands, and whose it is."""

    ref: str
    commit: str
    account: Account
    discussion: Discussion | None


def may_change(call: Call, revision: str, *, create_pr: bool) -> Target:
    """Return the branch or pull request that this account may commit to.

    With `create_pr` any contributor may, since the commit goes to a new pull request.

    Raises:
        HubError: 401, 403 or 404 as the account and repo have it; 404 RevisionNotFound for an
            unknown revision, 400 for one that cannot move and for a closed pull request.
    """
    require_account(call.account)
    record = call.record()
    found = find_ref(call.bare, revision)
    if found is None:
        raise HubError(404, f"Invalid rev id: {revision}", code="RevisionNotFound")
    discussion = pull_request_of(record, found.ref)
    if discussion is not None:
        if discussion.status not in WRITABLE_STATES:
            raise HubError(400, f"got a commit to {found.ref}, which is {discussion.status}")
        return Target(found.ref, found.commit, call.pull_request_writer(discussion), discussion)
    if not found.ref.startswith("refs/heads/"):
        raise HubError(400, f"got {revision!r}, expected a branch or pull request")
    account = call.contributor() if create_pr else call.writer()
    return Target(found.ref, found.commit, account, None)


def pull_request_of(record: Record, ref: str) -> Discussion | None:
    """Return the pull request whose ref this is."""
    match = _PULL_REQUEST.fullmatch(ref)
    discussion = record.discussion(int(match[1])) if match else None
    return discussion if discussion is not None and discussion.pull_request else None
