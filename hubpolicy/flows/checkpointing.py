# SPDX-License-Identifier: Apache-2.0
"""Checkpoints into a private workspace: nothing is judged, nothing is released, nothing removed.

The workspace is named by the policy; that the repository is private is asked before each commit and
again after the last. What was withdrawn stays out even there (HP703). Leaving the workspace is a
release, and takes evidence then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from hubpolicy.core.rules import hp501, hp703
from hubpolicy.domain.finding import Decision
from hubpolicy.errors import ServiceError
from hubpolicy.flows.differing import Difference, Wanted, difference, parts
from hubpolicy.flows.flipping import MAIN, changed, hide
from hubpolicy.flows.incidents import standing
from hubpolicy.flows.pushing import branch_head

if TYPE_CHECKING:
    from hubpolicy.domain.release import RepoId
    from hubpolicy.ports import Hub, Progress, RemoteRepo


class Checkpoint(NamedTuple):
    """What shall go there. ``revoked`` are the digests of withdrawn files."""

    wanted: Wanted
    revoked: frozenset[str]
    embargoed: bool
    message: str
    ref: str = MAIN


class Stored(NamedTuple):
    """What came of it: ``inconclusive`` if all went well, since nobody judged anything."""

    decision: Decision
    oid: str
    uploaded: int
    public: bool = False


def require_private(repo: RepoId, hub: Hub) -> RemoteRepo:
    """A public repository in a workspace takes nothing unjudged.

    Raises:
        ServiceError: it is public.

    """
    found = hub.repo(repo)
    if found.exists and not found.private:
        message = f"{repo.text} is in a workspace of the policy, but it is public"
        hint = (
            f'hubpolicy withdraw {repo.text} --reason "..."; '
            "or push to another repository; releases go elsewhere"
        )
        raise ServiceError(message, hint=hint)
    return found


def store(what: Checkpoint, repo: RepoId, hub: Hub, progress: Progress) -> Stored:
    """Put the files there, in as many commits as it takes. What stands there already stays.

    Raises:
        AccessError: the hub does not know or does not allow this login.
        ServiceError: it is public, or the hub, the network or the disk failed.

    """
    gone = tuple(
        finding
        for entry in what.wanted.manifest.entries
        if entry.sha256 in what.revoked
        for finding in hp703.check_listed(entry.path, "here")
    )
    if gone:
        return Stored(Decision("failed", gone), "", 0)
    before = require_private(repo, hub)
    if not before.exists:
        before = hub.create_private(repo)
        progress.note(f"created {repo.text} (private)")
    with standing(f"{repo.text} was private before this push"):
        head = branch_head(repo, hub, what.ref, before.head)
        head, sent, private = _send(what, repo, hub, head)
    if not private:
        note, hidden = hide(repo, hub, f"{repo.text} is private again")
        found = changed(repo, f"somebody made it public while checkpoints went there; {note}")
        return Stored(Decision("failed", (found,)), head, sent, not hidden)
    remark = hp501.check(repo.text, what.ref, embargoed=what.embargoed)
    return Stored(Decision("inconclusive", remark), head, sent)


def _send(what: Checkpoint, repo: RepoId, hub: Hub, head: str) -> tuple[str, int, bool]:
    """(head, files that went, is it private still). Nothing more goes to what is public by now."""
    sent = 0
    for part in parts(additions(what, repo, hub, head)):
        if not sent:
            require_private(repo, hub)  # with nothing of ours in it, it is not ours to hide
        elif not hub.repo(repo).private:
            return head, sent, False
        made = hub.upload(repo, part.files, part.removed, head, what.message, ref=what.ref)
        head, sent = made.oid, sent + len(part.files)
    now = hub.repo(repo) if sent else require_private(repo, hub)
    return head, sent, now.private


def additions(what: Checkpoint, repo: RepoId, hub: Hub, head: str) -> Difference:
    """What would be sent on top of a commit. What stands there besides stays."""
    change = difference(what.wanted, hub.listing(repo, head) if head else None)
    return change._replace(removed=())
