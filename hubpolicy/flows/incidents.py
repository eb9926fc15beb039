# SPDX-License-Identifier: Apache-2.0
"""What stands on a hub is not what was judged, and a push of ours put it there: take it back.

Where nobody could see it, nobody will. Where people download from, they get by a commit on top what
they had before. Nothing is rewritten, so nothing of anybody's is lost.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from hubpolicy.errors import HubpolicyError
from hubpolicy.flows.flipping import MAIN, head_of, hide

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hubpolicy.domain.release import RepoId
    from hubpolicy.ports import Hub


class Bad(NamedTuple):
    """Where it stands: commit ``bad`` at ``ref``, and ``good`` was there before this push."""

    repo: RepoId
    good: str
    bad: str
    ref: str


def take_back(what: Bad, hub: Hub, *, was_public: bool) -> tuple[str, bool]:
    """(what was done, or could not be; is the repository public). A live model is never hidden."""
    repo = what.repo
    if was_public or _is_public_now(repo, hub):
        return _restore(what, hub), True
    done = f"{repo.text} stays private; commit {what.bad[:12]} is left to look at"
    note, hidden = hide(repo, hub, done)
    return note, not hidden and not _is_private_now(repo, hub)


def _is_public_now(repo: RepoId, hub: Hub) -> bool:
    """Somebody else may have published it meanwhile, and theirs is not ours to hide."""
    try:
        now = hub.repo(repo)
    except HubpolicyError:
        return False
    return now.exists and not now.private


def _is_private_now(repo: RepoId, hub: Hub) -> bool:
    """What could not be hidden, and does not answer, is not called private."""
    try:
        return hub.repo(repo).private
    except HubpolicyError:
        return False


def _restore(what: Bad, hub: Hub) -> str:
    repo, good, bad, ref = what
    name = repo.text if ref == MAIN else f"{repo.text} at {ref}"
    try:
        message = f"Restore {good[:12]}: {bad[:12]} is not what was judged"
        restored = hub.restore(repo, good, bad, message, ref=ref)
        outdated = bad if restored != bad else ""
        head = head_of(hub.refs(repo, outdated=outdated, ref=ref), ref)
        same = hub.listing(repo, head) == hub.listing(repo, good)
    except HubpolicyError as error:
        return f"{name} is public and could not be restored to {good[:12]}: {error.message}"
    if not same:
        return f"{name} is public, and commit {restored[:12]} does not restore {good[:12]}"
    return f"{name} was restored to {good[:12]} by commit {restored[:12]}"


@contextmanager
def standing(how: str) -> Iterator[None]:
    """An error in the middle of it says how the repository stands now."""
    try:
        yield
    except HubpolicyError as error:
        error.message = f"{error.message}; {how}"
        raise
