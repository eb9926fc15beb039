# SPDX-License-Identifier: Apache-2.0
"""The ``push`` trip. Nothing leaves before the verdict is ``passed``.

1. judge the folder, evidence included, for this target, now;
2. look at the target; create it private if it is not there;
3. one commit with the parent pinned, where anybody can see it; several, where nobody can yet;
4. read the head of the branch back and compare it with what was judged, file by file;
5. make it public, if that is wanted and everything else there may be (``publishing``).

If what stands there is not what was judged: a repository that this push created or made public
goes private; one that was public before gets its parent's content back by a commit. Both are
incidents and block. A hub that is slow, behind or refusing (429, 5xx) never takes a live model
down: that is an error which says what stands there, and the next push goes on from it.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from hubpolicy.core.judge import judge
from hubpolicy.core.rules import hp505
from hubpolicy.domain.finding import Decision, verdict_of
from hubpolicy.errors import AccessError, ConfigError, HubpolicyError, ServiceError
from hubpolicy.flows.assemble import assemble_again
from hubpolicy.flows.differing import (
    Difference,
    Wanted,
    holds,
    notes,
    parts,
    read_back,
    refuse_public,
)
from hubpolicy.flows.differing import difference as difference_from
from hubpolicy.flows.incidents import Bad, standing, take_back
from hubpolicy.flows.publishing import (
    MAIN,
    PULL_REQUESTS,
    blocked,
    changed,
    flip,
    head_of,
    review,
)
from hubpolicy.flows.verifying import Law

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hubpolicy.core.evidence import Evidence
    from hubpolicy.domain.finding import Finding
    from hubpolicy.domain.manifest import EvidenceFile, Manifest
    from hubpolicy.domain.release import RepoId
    from hubpolicy.ports import FileStamp, Hub, Progress, RemoteRef, RemoteRepo

ONE_COMMIT_FILES = 25_000
"""Files that a hub takes in one commit (huggingface.co/docs/hub/storage-limits)."""
ONE_COMMIT_BYTES = 1024 * 1024 * 1024
"""Bytes of small files in one commit, at most, by the same page."""
_LAST_PROPOSALS = 20


class Plan(NamedTuple):
    """What a push would send: folder, judged files, evidence, and how it shall stand there.

    ``ref`` is a full name; only ``main`` is ever made public. ``made``: covered files that are sent
    from memory. ``part``: some files of the folder only, judged with those at commit ``base``, or
    alone where nothing stood there.
    ``embargoed``: the card says that nobody may pass the model on. ``law``: what is trusted when it
    is called, for what becomes public after a long upload; None is as it was judged.
    """

    folder: str
    evidence: Evidence
    files: tuple[EvidenceFile, ...]
    private: bool
    message: str
    stamps: Mapping[str, FileStamp] = MappingProxyType({})
    made: tuple[EvidenceFile, ...] = ()
    ref: str = MAIN
    proposes: bool = False
    base: str = ""
    part: bool = False
    embargoed: bool = False
    law: Callable[[], Law] | None = None


class Pushed(NamedTuple):
    """What came of it. ``oid`` is empty if nothing was uploaded; ``ref`` is where it stands."""

    decision: Decision
    oid: str
    url: str
    public: bool
    uploaded: int
    notes: tuple[str, ...] = ()
    ref: str = MAIN


class _Trip(NamedTuple):
    """One push under way: ``before`` it touched anything, and the commit that it ``starts`` on."""

    plan: Plan
    wanted: Wanted
    repo: RepoId
    hub: Hub
    progress: Progress
    decision: Decision
    before: RemoteRepo
    start: str

    @property
    def was_public(self) -> bool:
        return self.before.exists and not self.before.private


def push(plan: Plan, repo: RepoId, hub: Hub, progress: Progress) -> Pushed:
    """Publish the folder on the repository, or say why not.

    Raises:
        AccessError: the hub does not know or does not allow this login.
        ConfigError: the repository cannot take this: it is public and this shall stay private, or
            there is none to propose anything to.
        ServiceError: the hub, the network or the disk failed; the message says what stands there.

    """
    wanted = _wanted(plan)
    decision = judge(plan.evidence)
    if decision.verdict != "passed":
        return _nothing(decision)
    before = hub.repo(repo)
    _refuse(plan, repo, before)
    embargo = _embargo(plan, before)
    if embargo:
        return _nothing(blocked(decision, embargo))
    if not before.exists:
        start = hub.create_private(repo).head
        progress.note(f"created {repo.text} (private)")
    else:
        start = before.head
    with standing(f"{repo.text} {_stood(before)}"):
        start = branch_head(repo, hub, plan.ref, start)
        trip = _Trip(plan, wanted, repo, hub, progress, decision, before, start)
        _require_base(trip)
        return _propose(trip) if plan.proposes else _send(trip)


def difference(plan: Plan, repo: RepoId, hub: Hub) -> Difference:
    """What :func:`push` would change there. Only reads."""
    standing = hub.repo(repo)
    head = standing.head
    if plan.ref != MAIN and standing.exists:
        head = head_of(hub.refs(repo), plan.ref) or head
    return difference_from(_wanted(plan), hub.listing(repo, head) if head else None)


def foreseen(plan: Plan, repo: RepoId, hub: Hub) -> Decision:
    """What :func:`push` would say before it touches anything. Only reads.

    Raises:
        ConfigError: as there.

    """
    decision = judge(plan.evidence)
    before = hub.repo(repo)
    _refuse(plan, repo, before)
    embargo = _embargo(plan, before)
    return blocked(decision, embargo) if embargo else decision


def _embargo(plan: Plan, before: RemoteRepo) -> tuple[Finding, ...]:
    """What nobody may pass on goes only where nobody sees it."""
    shown = (before.exists and not before.private) or not (plan.private or _stays(plan))
    return hp505.check(plan.folder, embargoed=plan.embargoed and shown)


def _nothing(decision: Decision) -> Pushed:
    return Pushed(decision, "", "", public=False, uploaded=0)


def _stood(before: RemoteRepo) -> str:
    if not before.exists:
        return "was created, private"
    return f"was {'private' if before.private else 'public'} before this push"


def _stays(plan: Plan) -> bool:
    """Only ``main`` is ever made public by a push."""
    return plan.proposes or plan.ref != MAIN


def _refuse(plan: Plan, repo: RepoId, before: RemoteRepo) -> None:
    if plan.private:
        refuse_public(repo, before)
    if plan.proposes and not before.head:
        message = f"there is no {repo.text} with a main branch to propose a change to"
        raise ConfigError(message, hint="push without --create-pr")


def _wanted(plan: Plan) -> Wanted:
    return Wanted(plan.folder, _judged_bytes(plan), plan.files, plan.made, plan.stamps)


def _judged_bytes(plan: Plan) -> Manifest:
    manifest = plan.evidence.manifest
    if manifest is None:
        message = "got a listing, expected the bytes that are to be pushed"
        raise ServiceError(message)
    return manifest


def branch_head(repo: RepoId, hub: Hub, ref: str, main: str) -> str:
    """Where a branch stands; a new one begins where ``main`` is, with what is there already.

    Raises:
        ServiceError: the hub does not show it.

    """
    if ref == MAIN:
        return main
    head = head_of(hub.refs(repo), ref)
    if not head:
        hub.create_branch(repo, ref, main)
        head = head_of(hub.refs(repo), ref)
    if not head:
        message = f"the hub took branch {ref} and does not show it"
        raise ServiceError(message, hint="push again later: it goes on from there")
    return head


def _require_base(trip: _Trip) -> None:
    """Files that stay as they are there were judged with the others, at that commit."""
    base, repo = trip.plan.base, trip.repo.text
    if not (trip.plan.part or base) or trip.start == base:
        return
    if base:
        moved = f"{repo} moved from {base[:12]} to {trip.start[:12]}"
    elif trip.before.exists:
        moved = f"{repo} came to be, at {trip.start[:12]},"
    else:
        return  # this push created it
    message = f"{moved} after it was judged; nothing was uploaded"
    raise ServiceError(message, hint="look at their commit, then push again")


def _send(trip: _Trip) -> Pushed:
    hub, repo, start = trip.hub, trip.repo, trip.start
    change = difference_from(trip.wanted, hub.listing(repo, start) if start else None)
    oid, url = _upload(trip, change)
    refs = hub.refs(repo, outdated=start if oid != start else "", ref=trip.plan.ref)
    head = head_of(refs, trip.plan.ref)
    if head == start != oid:
        message = f"the hub took commit {oid[:12]} and still shows {head[:12]} as main"
        raise ServiceError(message, hint="push again later: it goes on from there")
    differences = _read_back(trip, head)
    if differences:
        return _incident(trip, differences, head, trip.plan.ref)
    done = Pushed(
        trip.decision, head, url, trip.was_public, len(change.files), notes(change), trip.plan.ref
    )
    quiet = trip.plan.private or trip.was_public or _stays(trip.plan)
    return done if quiet else _publish(trip, done, refs)


def _upload(trip: _Trip, change: Difference) -> tuple[str, str]:
    """(head, URL) after one commit, or after several where nobody can see them yet."""
    if trip.was_public:
        _refuse_large(trip, change)
        pieces = [change] if change.files or change.removed else []
    else:
        pieces = list(parts(change))
    head, url = trip.start, ""
    for number, piece in enumerate(pieces, 1):
        if len(pieces) > 1:
            trip.progress.note(f"commit {number} of {len(pieces)}")
        head, url = _commit(trip, piece, head, last=number == len(pieces))
    return head, url


def _refuse_large(trip: _Trip, change: Difference) -> None:
    """What people download from is never half a release."""
    if len(change.files) <= ONE_COMMIT_FILES and change.held <= ONE_COMMIT_BYTES:
        return
    message = (
        f"{trip.repo.text} is public, and {len(change.files)} changed files are more than one "
        "commit takes; nothing was uploaded"
    )
    hint = "push to a new repository, which stays private until all is there, and is then published"
    raise ServiceError(message, hint=hint)


def _commit(trip: _Trip, piece: Difference, head: str, *, last: bool) -> tuple[str, str]:
    """(commit id, URL). What a broken connection left in doubt is looked up before giving up."""
    plan = trip.plan
    try:
        return trip.hub.upload(
            trip.repo, piece.files, piece.removed, head, plan.message, ref=plan.ref
        )
    except AccessError:
        raise
    except ServiceError:
        landed = _landed(trip, piece, head, last=last)
        if not landed:
            raise
        trip.progress.note("the answer was lost, the commit was not")
        return landed, ""


def _landed(trip: _Trip, piece: Difference, before: str, *, last: bool) -> str:
    """The head of the branch if exactly what was judged stands there, else nothing.

    Of several commits that nobody sees, each but the last only has to hold what it brought.
    """
    try:
        head = head_of(trip.hub.refs(trip.repo), trip.plan.ref)
        if head in {"", before}:
            return ""
        if last:
            return "" if _read_back(trip, head) else head
        return head if holds(trip.hub.listing(trip.repo, head), piece) else ""
    except HubpolicyError:
        return ""


def _propose(trip: _Trip) -> Pushed:
    """A pull request that holds exactly what was judged. Nothing that people download changes."""
    hub, repo = trip.hub, trip.repo
    change = difference_from(trip.wanted, hub.listing(repo, trip.start))
    done = Pushed(trip.decision, trip.start, "", trip.was_public, 0, notes(change))
    if not change.files and not change.removed:
        return done
    before = hub.refs(repo)
    ref = _proposed(trip, before)
    if ref is not None:
        note = f"{ref.name} proposes these bytes already"
        return done._replace(oid=ref.oid, ref=ref.name, notes=(note,))
    _refuse_large(trip, change)
    url = ""
    try:
        oid, url = hub.propose(
            repo, change.files, MAIN, trip.start, trip.plan.message, change.removed
        )
        ref = next((r for r in hub.refs(repo) if r.oid == oid and _is_proposal(r)), None)
    except AccessError:
        raise
    except ServiceError:
        ref = _proposed(trip, tuple(set(hub.refs(repo)) - set(before)))
        if ref is None:
            raise
        trip.progress.note("the answer was lost, the pull request was not")
    if ref is None:
        message = f"the hub took commit {oid[:12]} and shows no pull request there"
        raise ServiceError(message, hint="look at the repository's discussions")
    differences = _read_back(trip, ref.oid)
    if differences:
        return _incident(trip, differences, ref.oid, ref.name)
    return done._replace(oid=ref.oid, url=url, uploaded=len(change.files), ref=ref.name)


def _is_proposal(ref: RemoteRef) -> bool:
    return ref.name.startswith(PULL_REQUESTS)


def _proposed(trip: _Trip, refs: tuple[RemoteRef, ...]) -> RemoteRef | None:
    """Which of the newest pull requests holds exactly what was judged, if any does."""
    asked = [ref for ref in refs if _is_proposal(ref)]
    asked.sort(key=lambda ref: (len(ref.name), ref.name), reverse=True)
    return next((ref for ref in asked[:_LAST_PROPOSALS] if not _read_back(trip, ref.oid)), None)


def _publish(trip: _Trip, done: Pushed, refs: tuple[RemoteRef, ...]) -> Pushed:
    """Private to public, unless that would publish what nobody judged, or does not pass by now."""
    plan, evidence = trip.plan, trip.plan.evidence
    law = plan.law() if plan.law else Law(evidence.policy, evidence.trust, evidence.now)
    today = judge(assemble_again(evidence, plan.files, law.policy, law.trust, law.now))
    if today.verdict != "passed":
        return done._replace(decision=today)
    known = {done.oid: trip.wanted.manifest}
    found = review(trip.repo, trip.hub, law, refs, trip.progress, known)
    if not found.passed:
        return done._replace(decision=blocked(today, found.findings))
    findings, public = flip(trip.repo, trip.hub, refs)
    if findings:
        return done._replace(decision=blocked(today, findings), public=public)
    every = (*today.findings, *found.findings)
    return done._replace(decision=Decision(verdict_of(every), every, today.waived), public=True)


def _read_back(trip: _Trip, oid: str) -> tuple[Finding, ...]:
    return read_back(trip.wanted, trip.hub.listing(trip.repo, oid), trip.repo, oid)


def _incident(trip: _Trip, differences: tuple[Finding, ...], head: str, ref: str) -> Pushed:
    """What stands there is not what was judged: take it out of sight, and say so."""
    bad = Bad(trip.repo, trip.start, head, ref)
    note, public = take_back(bad, trip.hub, was_public=trip.was_public)
    said = changed(trip.repo, f"incident: {note}")
    decision = blocked(trip.decision, (*differences, said))
    return Pushed(decision, head, "", public, 0, (note,), ref)
