# SPDX-License-Identifier: Apache-2.0
"""Makes a repository public or private, and sees that everything stands where it stood.

Nothing is judged here: what may be shown, says ``publishing``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.domain.finding import Finding, Severity
from hubpolicy.errors import HubpolicyError

if TYPE_CHECKING:
    from hubpolicy.domain.release import RepoId
    from hubpolicy.ports import Hub, RemoteRef

CHANGED = "HP503"
MAIN = "refs/heads/main"
PULL_REQUESTS = "refs/pr/"
LOOK = "hubpolicy audit"


def flip(repo: RepoId, hub: Hub, refs: tuple[RemoteRef, ...]) -> tuple[tuple[Finding, ...], bool]:
    """(findings, is it public): make it public, and see that everything stands where it stood.

    What moved since it was judged was judged by nobody, and neither was a pull request that came
    since: then it stays private, or is private again. ``refs`` are those judged.

    Raises:
        AccessError, ServiceError: it could not be made public, or could not be looked at before or
            after.

    """
    moved = moved_between(refs, hub.refs(repo), pull_requests=True)
    if moved:
        return (changed(repo, f"{moved} while it was being judged; nothing was changed"),), False
    try:
        _show(repo, hub)
        return confirm(repo, hub, refs)
    except KeyboardInterrupt as stop:
        stop.add_note(
            f"{repo.text} may be public by now, and was not looked at since: {LOOK} {repo.text}"
        )
        raise


def confirm(
    repo: RepoId, hub: Hub, refs: tuple[RemoteRef, ...]
) -> tuple[tuple[Finding, ...], bool]:
    """The same for what was just made public, by whomever; ``refs`` are those judged.

    Raises as :func:`flip` does.
    """
    try:
        moved = moved_between(refs, hub.refs(repo))
    except HubpolicyError as error:
        error.message = (
            f"{error.message}; {repo.text} was made public at {head_of(refs)[:12]} and not "
            "confirmed"
        )
        raise
    if not moved:
        return (), True
    note, hidden = hide(repo, hub, f"{repo.text} is private again")
    return (changed(repo, f"{moved} while it was being published; {note}"),), not hidden


def _show(repo: RepoId, hub: Hub) -> None:
    """Make it public. If no answer says so, the repository does."""
    try:
        hub.set_private(repo, private=False)
    except HubpolicyError as error:
        try:
            now = hub.repo(repo)
        except HubpolicyError:
            error.message = f"{error.message}; whether {repo.text} is public now is unknown"
            raise error from None
        if not now.exists or now.private:
            raise


def hide(repo: RepoId, hub: Hub, done: str) -> tuple[str, bool]:
    """Make it private. What cannot be done is said instead of ``done``: it outweighs all else."""
    try:
        hub.set_private(repo, private=True)
    except HubpolicyError as error:
        return f"{repo.text} could NOT be made private, do it by hand: {error.message}", False
    return done, True


def head_of(refs: tuple[RemoteRef, ...], name: str = MAIN) -> str:
    """Where a ref stands; empty if there is none."""
    return next((ref.oid for ref in refs if ref.name == name), "")


def changed(repo: RepoId, text: str) -> Finding:
    """HP503, an incident."""
    return Finding(CHANGED, Severity.ERROR, text, None, f"{LOOK} {repo.text}")


def moved_between(
    before: tuple[RemoteRef, ...], after: tuple[RemoteRef, ...], *, pull_requests: bool = False
) -> str:
    """What became public without a look: branches and tags that are not where they were.

    Anybody may open a pull request as soon as the repository is public.
    """
    known, now = (
        {name: oid for name, oid in refs if pull_requests or not name.startswith(PULL_REQUESTS)}
        for refs in (before, after)
    )
    moved = sorted(name for name in known | now if known.get(name) != now.get(name))
    return f"{', '.join(moved)} moved" if moved else ""
