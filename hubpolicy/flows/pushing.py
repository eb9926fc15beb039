# SPDX-License-Identifier: Apache-2.0
"""The ``push`` trip. Nothing leaves before the verdict is ``passed``.

1. judge the folder, evidence included, for this target, now;
2. look at the target; create it private if it is not there;
3. one commit with the parent pinned;
4. read the remote tree back and compare it with what was judged, file by file;
5. make it public, if that is wanted, and read the refs again.

If what stands there is not what was judged: a repository that this push created or made public
goes private; one that was public before gets its parent's content back by a commit. Both are
incidents and block. A hub that is slow or refuses (429, 5xx) never takes a live model down.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from hubpolicy.core.evidence_files import RECORDS_LIMIT
from hubpolicy.core.filetypes import is_weight_like
from hubpolicy.core.judge import judge
from hubpolicy.core.rules.hp412 import evidence_kind
from hubpolicy.domain.finding import Decision, Finding, Location, Severity
from hubpolicy.domain.manifest import compare, git_blob_id, is_evidence_path
from hubpolicy.errors import HubpolicyError, ServiceError

if TYPE_CHECKING:
    from hubpolicy.core.evidence import Evidence
    from hubpolicy.domain.manifest import EvidenceFile, ListedFile, Listing, Manifest
    from hubpolicy.domain.release import RepoId
    from hubpolicy.ports import Hub, Progress, RemoteRepo

READBACK = "HP502"
CHANGED = "HP503"
HISTORY = "HP504"


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


def push(plan: Plan, repo: RepoId, hub: Hub, progress: Progress) -> Pushed:
    """Publish the folder on the repository, or say why not.

    Raises:
        AccessError: the hub does not know or does not allow this login.
        ServiceError: the hub, the network or the disk failed; what was already done is undone or
            named in the message.

    """
    manifest = plan.evidence.manifest
    if manifest is None:
        message = "got a listing, expected the bytes that are to be pushed"
        raise ServiceError(message)
    decision = judge(plan.evidence)
    if decision.verdict != "passed":
        return Pushed(decision, "", "", public=False, uploaded=0)
    before = hub.repo(repo)
    if not before.exists:
        hub.create_private(repo)
        progress.note(f"created {repo.text} (private)")
    return _send(plan, repo, hub, progress, manifest, before, decision)


def _send(
    plan: Plan,
    repo: RepoId,
    hub: Hub,
    progress: Progress,
    manifest: Manifest,
    before: RemoteRepo,
    decision: Decision,
) -> Pushed:
    start = before if before.exists else hub.repo(repo)
    standing = hub.listing(repo, start.head) if start.head else None
    paths, stale = _operations(manifest, plan.files, standing)
    oid, url = start.head, ""
    if paths or stale:
        advance = progress.start("uploading", len(paths) + len(stale), "files")
        outcome = hub.upload(repo, plan.folder, paths, stale, start.head, plan.message, advance)
        oid, url = outcome.oid, outcome.url
    differences = _read_back(hub, repo, oid, manifest, plan.files)
    if differences:
        return _incident(repo, hub, start, before, decision, differences, oid)
    was_public = before.exists and not before.private
    notes = () if paths or stale else ("nothing to upload: these bytes stand there already",)
    if plan.private or was_public:
        done = Pushed(decision, oid, url, was_public, len(paths), notes)
    else:
        hidden = _unjudged_history(hub, repo, manifest)
        if hidden:
            return Pushed(_blocked(decision, hidden), oid, url, public=False, uploaded=len(paths))
        hub.set_private(repo, private=False)
        done = Pushed(decision, oid, url, public=True, uploaded=len(paths), notes=notes)
    moved = _moved(hub, repo, oid)
    if moved:
        if done.public and not was_public:
            hub.set_private(repo, private=True)
            moved += "; it is private again"
        finding = Finding(CHANGED, Severity.ERROR, moved, None, f"hubpolicy audit {repo.text}")
        return done._replace(decision=_blocked(decision, (finding,)), public=was_public)
    return done


def _operations(
    manifest: Manifest, files: tuple[EvidenceFile, ...], standing: Listing | None
) -> tuple[list[str], list[str]]:
    """(paths to send, paths to delete) so that exactly the judged files stand there."""
    listed = {file.path: file for file in standing.files} if standing is not None else {}
    send = []
    for entry in manifest.entries:
        found = listed.get(entry.path)
        same = found is not None and (
            found.sha256 == entry.sha256 if found.sha256 else found.git_blob == entry.git_blob
        )
        if not same:
            send.append(entry.path)
    for file in files:
        found = listed.get(file.path)
        if found is None or found.git_blob != git_blob_id(file.content):
            send.append(file.path)
    wanted = {entry.path for entry in manifest.entries} | {file.path for file in files}
    return send, sorted(listed.keys() - wanted)


def _read_back(
    hub: Hub, repo: RepoId, oid: str, manifest: Manifest, files: tuple[EvidenceFile, ...]
) -> tuple[Finding, ...]:
    """Compare what stands at the new commit with what was judged; evidence byte for byte too."""
    listing = hub.listing(repo, oid)
    missing, extra, different = compare(manifest, listing)
    listed = {file.path: file for file in listing.files if is_evidence_path(file.path)}
    for file in files:
        found = listed.pop(file.path, None)
        if found is None:
            missing += (file.path,)
        elif not _same_evidence(hub, repo, oid, file, found.sha256, found.git_blob):
            different += (file.path,)
    extra += tuple(listed)
    return tuple(
        Finding(
            READBACK,
            Severity.ERROR,
            f"{path} {what} on the hub, at {oid[:12]}",
            Location(path),
            f"hubpolicy audit {repo.text}",
        )
        for paths, what in (
            (missing, "is missing"),
            (extra, "was added"),
            (different, "is not what was judged"),
        )
        for path in paths
    )


def _same_evidence(
    hub: Hub, repo: RepoId, oid: str, file: EvidenceFile, sha256: str | None, blob: str | None
) -> bool:
    if sha256 is None:
        return blob == git_blob_id(file.content)
    return hub.read(repo, oid, file.path) == file.content


def _incident(
    repo: RepoId,
    hub: Hub,
    start: RemoteRepo,
    before: RemoteRepo,
    decision: Decision,
    differences: tuple[Finding, ...],
    oid: str,
) -> Pushed:
    """What stands there is not what was judged: take it out of sight, and say so."""
    if not before.exists or before.private:
        hub.set_private(repo, private=True)
        note = f"{repo.text} stays private; the commit {oid[:12]} is left there to look at"
    else:
        note = _restore(repo, hub, start, oid)
    finding = Finding(
        CHANGED, Severity.ERROR, f"incident: {note}", None, f"hubpolicy audit {repo.text}"
    )
    blocked = _blocked(decision, (*differences, finding))
    return Pushed(blocked, oid, "", before.exists and not before.private, 0, (note,))


def _restore(repo: RepoId, hub: Hub, start: RemoteRepo, oid: str) -> str:
    """Put the parent's content back by a commit on top; never hide a live model."""
    try:
        message = f"Restore {start.head[:12]}: {oid[:12]} is not what was judged"
        restored = hub.restore(repo, start.head, oid, message)
    except HubpolicyError as error:
        return f"{repo.text} is public and could not be restored from {oid[:12]}: {error.message}"
    return f"{repo.text} was restored to {start.head[:12]} by commit {restored[:12]}"


def _unjudged_history(hub: Hub, repo: RepoId, manifest: Manifest) -> tuple[Finding, ...]:
    """Weights in any reachable revision that were not judged: a flip would publish them too."""
    judged = {(entry.path, entry.sha256) for entry in manifest.entries}
    judged |= {(entry.path, entry.git_blob or "") for entry in manifest.entries}
    commits = {oid: ref.name for ref in hub.refs(repo) for oid in hub.history(repo, ref.oid)}
    found = {}
    for oid, ref in commits.items():
        for file in hub.listing(repo, oid).files:
            known = (file.path, file.sha256 or file.git_blob or "") in judged
            if not known and _publishes_weights(file):
                found[file.path] = f"{file.path} at {oid[:12]} ({ref}) was never judged"
    fix = f"publish under a new name, or delete that history: hubpolicy audit {repo.text}"
    return tuple(
        Finding(HISTORY, Severity.ERROR, f"{text}; a public repository shows its history",
                Location(path), fix)
        for path, text in sorted(found.items())
    )  # fmt: skip


def _publishes_weights(file: ListedFile) -> bool:
    """Weight-like by name or size; packed records of an earlier release are evidence."""
    if evidence_kind(file.path) is not None and file.size <= RECORDS_LIMIT:
        return False
    return is_weight_like(file.path, file.size)


def _moved(hub: Hub, repo: RepoId, oid: str) -> str:
    """Read the refs again: somebody may have pushed between our commit and the flip."""
    heads = {ref.name: ref.oid for ref in hub.refs(repo)}
    head = heads.get("refs/heads/main", "")
    if head != oid:
        return f"main is at {head[:12] or 'nothing'} and not at the judged {oid[:12]}"
    return ""


def _blocked(decision: Decision, findings: tuple[Finding, ...]) -> Decision:
    return Decision("failed", (*decision.findings, *findings), decision.waived)
