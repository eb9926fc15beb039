# SPDX-License-Identifier: Apache-2.0
"""The ``push`` trip. Nothing leaves before the verdict is ``passed``.

1. judge the folder, evidence included, for this target, now;
2. look at the target; create it private if it is not there;
3. one commit with the parent pinned;
4. read the head of ``main`` back and compare it with what was judged, file by file;
5. make it public, if that is wanted, and read the refs again.

If what stands there is not what was judged: a repository that this push created or made public
goes private; one that was public before gets its parent's content back by a commit. Both are
incidents and block. A hub that is slow, behind or refusing (429, 5xx) never takes a live model
down: that is an error which says what stands there, and the next push goes on from it.
"""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from hubpolicy.core.evidence_files import RECORDS_LIMIT
from hubpolicy.core.filetypes import classify
from hubpolicy.core.judge import judge
from hubpolicy.core.rules.hp412 import evidence_kind
from hubpolicy.domain.finding import Decision, Finding, Location, Severity
from hubpolicy.domain.manifest import compare, git_blob_id, is_evidence_path
from hubpolicy.errors import AccessError, ConfigError, HubpolicyError, ServiceError
from hubpolicy.ports import Outgoing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hubpolicy.core.evidence import Evidence
    from hubpolicy.domain.manifest import EvidenceFile, ListedFile, Listing, Manifest
    from hubpolicy.domain.release import RepoId
    from hubpolicy.ports import Hub, Progress, RemoteRef, RemoteRepo

READBACK = "HP502"
CHANGED = "HP503"
HISTORY = "HP504"

_MAIN = "refs/heads/main"
_PULL_REQUESTS = "refs/pr/"


class Plan(NamedTuple):
    """What a push would send: folder, judged files, evidence, and how it shall stand there."""

    folder: str
    evidence: Evidence
    files: tuple[EvidenceFile, ...]
    private: bool
    message: str


class Pushed(NamedTuple):
    """What came of it. ``oid`` is empty if nothing was uploaded."""

    decision: Decision
    oid: str
    url: str
    public: bool
    uploaded: int
    notes: tuple[str, ...] = ()


class Difference(NamedTuple):
    """What a push would change there: files to send, their bytes, paths to remove."""

    files: tuple[Outgoing, ...]
    size: int
    removed: tuple[str, ...]


class _Trip(NamedTuple):
    """One push under way: ``before`` it touched anything, and where its commit ``starts``."""

    plan: Plan
    manifest: Manifest
    repo: RepoId
    hub: Hub
    progress: Progress
    decision: Decision
    before: RemoteRepo
    start: RemoteRepo

    @property
    def was_public(self) -> bool:
        return self.before.exists and not self.before.private


def push(plan: Plan, repo: RepoId, hub: Hub, progress: Progress) -> Pushed:
    """Publish the folder on the repository, or say why not.

    Raises:
        AccessError: the hub does not know or does not allow this login.
        ConfigError: the repository is public, and it was asked to stay private.
        ServiceError: the hub, the network or the disk failed; the message says what stands there.

    """
    manifest = _judged_bytes(plan)
    decision = judge(plan.evidence)
    if decision.verdict != "passed":
        return Pushed(decision, "", "", public=False, uploaded=0)
    before = hub.repo(repo)
    if plan.private and before.exists and not before.private:
        message = f"{repo.text} is public, and this release shall stay private"
        raise ConfigError(message, hint="push without --private, or to another repository")
    start = before
    if not before.exists:
        start = hub.create_private(repo)
        progress.note(f"created {repo.text} (private)")
    trip = _Trip(plan, manifest, repo, hub, progress, decision, before, start)
    with _standing(f"{repo.text} {_stood(before)}"):
        return _send(trip)


def _stood(before: RemoteRepo) -> str:
    if not before.exists:
        return "was created, private"
    return f"was {'private' if before.private else 'public'} before this push"


def difference(plan: Plan, repo: RepoId, hub: Hub) -> Difference:
    """What :func:`push` would change there. Only reads."""
    standing = hub.repo(repo)
    listing = hub.listing(repo, standing.head) if standing.head else None
    return _difference(plan, _judged_bytes(plan), listing)


def _judged_bytes(plan: Plan) -> Manifest:
    manifest = plan.evidence.manifest
    if manifest is None:
        message = "got a listing, expected the bytes that are to be pushed"
        raise ServiceError(message)
    return manifest


def _send(trip: _Trip) -> Pushed:
    hub, repo, start = trip.hub, trip.repo, trip.start
    change = _difference(
        trip.plan, trip.manifest, hub.listing(repo, start.head) if start.head else None
    )
    oid, url = start.head, ""
    if change.files or change.removed:
        oid, url = _upload(trip, change)
    refs = hub.refs(repo, outdated=start.head if oid != start.head else "")
    head = _head(refs)
    if head == start.head != oid:
        message = f"the hub took commit {oid[:12]} and still shows {head[:12]} as main"
        raise ServiceError(message, hint="push again later: it goes on from there")
    differences = _read_back(trip, head)
    if differences:
        return _incident(trip, differences, head)
    notes = _notes(change)
    done = Pushed(trip.decision, head, url, trip.was_public, len(change.files), notes)
    return done if trip.plan.private or trip.was_public else _publish(trip, done, refs)


def _upload(trip: _Trip, change: Difference) -> tuple[str, str]:
    """(commit id, URL). What a broken connection left in doubt is looked up before giving up."""
    start, plan = trip.start, trip.plan
    try:
        return trip.hub.upload(trip.repo, change.files, change.removed, start.head, plan.message)
    except AccessError:
        raise
    except ServiceError:
        head = _landed(trip)
        if not head:
            raise
        trip.progress.note("the answer was lost, the commit was not")
        return head, ""


def _landed(trip: _Trip) -> str:
    """The head of ``main`` if exactly what was judged stands there, else nothing."""
    try:
        head = _head(trip.hub.refs(trip.repo))
        if head in {"", trip.start.head} or _read_back(trip, head):
            return ""
    except HubpolicyError:
        return ""
    return head


def _publish(trip: _Trip, done: Pushed, refs: tuple[RemoteRef, ...]) -> Pushed:
    """Private to public, unless that would publish what nobody judged."""
    unjudged = _unjudged_history(trip, refs)
    if unjudged:
        return done._replace(decision=_blocked(trip.decision, unjudged))
    trip.hub.set_private(trip.repo, private=False)
    with _standing(f"{trip.repo.text} was made public at {done.oid[:12]} and not confirmed"):
        moved = _moved(refs, trip.hub.refs(trip.repo))
    if not moved:
        return done._replace(public=True)
    note, hidden = _hide(trip, f"{trip.repo.text} is private again")
    finding = _changed(trip, f"{moved} while it was being published; {note}")
    return done._replace(decision=_blocked(trip.decision, (finding,)), public=not hidden)


def _difference(plan: Plan, manifest: Manifest, standing: Listing | None) -> Difference:
    """What it takes so that exactly the judged files stand there."""
    listed = {file.path: file for file in standing.files} if standing is not None else {}
    send, size = [], 0
    for entry in manifest.entries:
        if not _equal(listed.get(entry.path), entry.sha256, entry.git_blob):
            send.append(Outgoing(entry.path, f"{plan.folder}/{entry.path}", entry.sha256))
            size += entry.size
    for path, content in plan.files:
        sha256 = hashlib.sha256(content).hexdigest()
        if not _equal(listed.get(path), sha256, git_blob_id(content)):
            send.append(Outgoing(path, content, sha256))
            size += len(content)
    wanted = {entry.path for entry in manifest.entries} | {file.path for file in plan.files}
    return Difference(tuple(send), size, tuple(sorted(listed.keys() - wanted)))


def _equal(found: ListedFile | None, sha256: str, git_blob: str | None) -> bool:
    if found is None:
        return False
    if found.sha256 is not None:
        return found.sha256 == sha256
    return git_blob is not None and found.git_blob == git_blob


def _notes(change: Difference) -> tuple[str, ...]:
    if not change.files and not change.removed:
        return ("nothing to upload: these bytes stand there already",)
    if not change.removed:
        return ()
    shown = ", ".join(change.removed[:3]) + (", …" if len(change.removed) > 3 else "")
    return (f"{len(change.removed)} removed there: {shown}",)


def _read_back(trip: _Trip, oid: str) -> tuple[Finding, ...]:
    """Compare what stands at a commit with what was judged; evidence byte for byte too."""
    listing = trip.hub.listing(trip.repo, oid)
    missing, extra, different = compare(trip.manifest, listing)
    listed = {file.path: file for file in listing.files if is_evidence_path(file.path)}
    for path, content in trip.plan.files:
        found = listed.pop(path, None)
        if found is None:
            missing += (path,)
        elif not _equal(found, hashlib.sha256(content).hexdigest(), git_blob_id(content)):
            different += (path,)
    extra += tuple(listed)
    return tuple(
        Finding(
            READBACK,
            Severity.ERROR,
            f"{path} {what} on the hub, at {oid[:12]}",
            Location(path),
            f"hubpolicy audit {trip.repo.text}",
        )
        for paths, what in (
            (missing, "is missing"),
            (extra, "was added"),
            (different, "is not what was judged"),
        )
        for path in paths
    )


def _incident(trip: _Trip, differences: tuple[Finding, ...], head: str) -> Pushed:
    """What stands there is not what was judged: take it out of sight, and say so."""
    if trip.was_public:
        note = _restore(trip, head)
    else:
        done = f"{trip.repo.text} stays private; commit {head[:12]} is left to look at"
        note, _ = _hide(trip, done)
    blocked = _blocked(trip.decision, (*differences, _changed(trip, f"incident: {note}")))
    return Pushed(blocked, head, "", trip.was_public, 0, (note,))


def _hide(trip: _Trip, done: str) -> tuple[str, bool]:
    """Make it private. What cannot be done is said instead of ``done``: it outweighs all else."""
    try:
        trip.hub.set_private(trip.repo, private=True)
    except HubpolicyError as error:
        return f"{trip.repo.text} could NOT be made private, do it by hand: {error.message}", False
    return done, True


def _restore(trip: _Trip, bad: str) -> str:
    """Put the parent's content back by a commit on top; never hide a live model."""
    good = trip.start.head
    try:
        message = f"Restore {good[:12]}: {bad[:12]} is not what was judged"
        restored = trip.hub.restore(trip.repo, good, bad, message)
        head = _head(trip.hub.refs(trip.repo, outdated=bad if restored != bad else ""))
        same = trip.hub.listing(trip.repo, head) == trip.hub.listing(trip.repo, good)
    except HubpolicyError as error:
        return (
            f"{trip.repo.text} is public and could not be restored to {good[:12]}: {error.message}"
        )
    if not same:
        return (
            f"{trip.repo.text} is public, and commit {restored[:12]} does not restore {good[:12]}"
        )
    return f"{trip.repo.text} was restored to {good[:12]} by commit {restored[:12]}"


def _unjudged_history(trip: _Trip, refs: tuple[RemoteRef, ...]) -> tuple[Finding, ...]:
    """Weights in any reachable revision that were not judged: a flip would publish them too."""
    hub, repo = trip.hub, trip.repo
    judged = {entry.sha256 for entry in trip.manifest.entries}
    judged |= {entry.git_blob for entry in trip.manifest.entries if entry.git_blob}
    commits: dict[str, str] = {}
    for ref in refs:
        if ref.oid not in commits:
            commits |= {oid: ref.name for oid in hub.history(repo, ref.oid) if oid not in commits}
    advance = trip.progress.start("reading history", len(commits), "commits")
    found = {}
    for oid, name in commits.items():
        for file in hub.listing(repo, oid).files:
            if (file.sha256 or file.git_blob) not in judged and publishes_weights(file):
                found[file.path] = f"{file.path} at {oid[:12]} ({name}) was never judged"
        advance(1)
    fix = f"publish under a new name, or delete that history: hubpolicy audit {repo.text}"
    return tuple(
        Finding(HISTORY, Severity.ERROR, f"{text}; a public repository shows its history",
                Location(path), fix)
        for path, text in sorted(found.items())
    )  # fmt: skip


def publishes_weights(file: ListedFile) -> bool:
    """Weight-like by name or size, or a large object of no inert type; records are evidence.

    A listing has no contents. What stands there by Git LFS was too large or too binary for git: a
    file without a known name is taken for weights.
    """
    if evidence_kind(file.path) is not None and file.size <= RECORDS_LIMIT:
        return False
    kind = classify(file.path, file.size, None)
    by_lfs = file.sha256 is not None
    return kind in {"weight", "pickle"} or (by_lfs and kind == "unknown")


def _moved(before: tuple[RemoteRef, ...], after: tuple[RemoteRef, ...]) -> str:
    """What became public without a look: branches and tags that are not where they were.

    Anybody may open a pull request as soon as the repository is public.
    """
    known, now = (
        {name: oid for name, oid in refs if not name.startswith(_PULL_REQUESTS)}
        for refs in (before, after)
    )
    moved = sorted(name for name in known | now if known.get(name) != now.get(name))
    return f"{', '.join(moved)} moved" if moved else ""


def _head(refs: tuple[RemoteRef, ...]) -> str:
    return next((ref.oid for ref in refs if ref.name == _MAIN), "")


def _changed(trip: _Trip, text: str) -> Finding:
    return Finding(CHANGED, Severity.ERROR, text, None, f"hubpolicy audit {trip.repo.text}")


def _blocked(decision: Decision, findings: tuple[Finding, ...]) -> Decision:
    return Decision("failed", (*decision.findings, *findings), decision.waived)


@contextmanager
def _standing(how: str) -> Iterator[None]:
    """An error in the middle of it says how the repository stands now."""
    try:
        yield
    except HubpolicyError as error:
        error.message = f"{error.message}; {how}"
        raise
