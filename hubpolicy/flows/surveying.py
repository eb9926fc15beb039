# SPDX-License-Identifier: Apache-2.0
"""The ``audit`` trip over many repositories: several at a time, each answered for by itself.

One that cannot be read is UNREADABLE and hinders no other. The order of what comes out is that of
what was asked, however long each took.
"""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

from hubpolicy.core.baseline import Baseline
from hubpolicy.errors import ServiceError
from hubpolicy.flows.auditing import RefVerdict, audit
from hubpolicy.flows.bucketing import audit_bucket
from hubpolicy.flows.crew import in_parallel
from hubpolicy.flows.historic import audit_history
from hubpolicy.flows.quiet import Quiet
from hubpolicy.flows.storing import Looked, audit_storage

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Sequence
    from contextlib import AbstractContextManager

    from hubpolicy.domain.release import RepoId
    from hubpolicy.flows.auditing import Court
    from hubpolicy.flows.seen import Opened
    from hubpolicy.flows.storing import Storage
    from hubpolicy.ports import Progress

    Opening = Callable[[RepoId], AbstractContextManager[Opened]]

JOBS = 8
"""Repositories at a time. A hub's quota counts requests, not connections."""


class Surveyed(NamedTuple):
    """One repository: its refs, or why they could not be listed.

    ``storage_not_looked``: why nobody looked into its LFS storage, where somebody was to.
    ``weights``: the sha256 of all large files like weights that it showed, and a path of each.
    ``unnamed``: refs that its clone has and its hub did not name, and that were not judged.
    """

    repo: RepoId
    refs: tuple[RefVerdict, ...]
    error: ServiceError | None = None
    storage_not_looked: str = ""
    weights: tuple[tuple[str, str], ...] = ()
    unnamed: tuple[str, ...] = ()


class Look(NamedTuple):
    """How far: at commits before a tip, and into the storage; and whose ids prove nothing."""

    history: bool
    storage: Storage | None
    strange: Container[RepoId]


def survey(
    repos: Sequence[RepoId],
    hub_of: Opening,
    court: Court,
    progress: Progress,
    *,
    history: bool = False,
    storage: Storage | None = None,
    strange: Container[RepoId] = (),
    jobs: int = JOBS,
    quota: Callable[[], str] = str,
) -> tuple[Surveyed, ...]:
    """A verdict per ref of each repository. Twice asked is once answered.

    ``hub_of`` opens what a repository is read from, for as long as it is looked at. ``history``:
    every commit that a ref shows, not its tip alone, and then what ``storage`` lists besides: of a
    tip alone nobody could say that no commit has it. ``strange``: repositories whose commit ids
    are somebody's word, so that what was adopted by its id is not known there. ``quota`` says in a
    few words what the hub still allows.
    """
    wanted = tuple(dict.fromkeys(repos))
    look = Look(history, storage if history else None, strange)
    if len(wanted) == 1:
        return (_survey(wanted[0], hub_of, court, progress, look),)
    advance = progress.start("auditing", len(wanted), "repositories")

    def one(repo: RepoId) -> Surveyed:
        return _survey(repo, hub_of, court, Quiet(), look)

    found = {}
    with closing(in_parallel(one, wanted, jobs)) as answers:
        for repo, answer in answers:
            found[repo] = answer
            advance(1)
            progress.tell(quota())
    return tuple(found[repo] for repo in wanted)


def _survey(
    repo: RepoId, hub_of: Opening, court: Court, progress: Progress, look: Look
) -> Surveyed:
    trip = audit_history if look.history else audit
    if repo.repo_type == "bucket":
        trip = audit_bucket
    if repo in look.strange:
        court = court._replace(baseline=Baseline())
    try:
        with hub_of(repo) as whole:
            seen = whole.seen
            refs = trip(repo, whole.hub, court, progress)
            stored = Looked()
            if look.storage is not None:
                known, revoked = frozenset(seen.shown), court.trust.state.revoked_files
                stored = audit_storage(repo, known, refs, look.storage, revoked)
            weights = tuple(seen.weights.items())
            rows = (*refs, *stored.rows)
            return Surveyed(repo, rows, None, stored.not_looked, weights, whole.unnamed())
    except ServiceError as error:
        said = f"{error.message} ({error.hint})" if error.hint else error.message
        unreadable = RefVerdict(repo, "(all refs)", "", "UNREADABLE", said)
        return Surveyed(repo, (unreadable,), error)
