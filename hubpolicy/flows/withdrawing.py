# SPDX-License-Identifier: Apache-2.0
"""The ``withdraw`` trip: look, hide, and find who else holds the same files.

Looking changes nothing, and its outcome is kept before anything is changed. What one step cannot do
never keeps the next from being tried: the revocation is signed although the hub is down, the
repository is hidden although there is no key. Every step may be taken again.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

from hubpolicy.core.lines import WHOLE, select
from hubpolicy.core.listed_weights import may_publish_weights, publishes_weights
from hubpolicy.core.verify import verify_lines
from hubpolicy.core.withdrawal import (
    Holder,
    Holders,
    ReleaseSeen,
    Step,
    Withdrawal,
    perhaps_same,
    same_files,
    weight_of,
)
from hubpolicy.domain.manifest import (
    GIT_BLOB_LIMIT,
    EvidenceFile,
    ListedFile,
    git_blob_id,
    is_evidence_path,
)
from hubpolicy.domain.statement import ReleaseSummary
from hubpolicy.errors import AccessError, HubpolicyError, ServiceError
from hubpolicy.flows.abbreviated import resolve
from hubpolicy.flows.fetching import read_evidence, read_listed

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from hubpolicy.core.verify import VerifiedStatement
    from hubpolicy.domain.release import RepoId
    from hubpolicy.domain.trust import Trust
    from hubpolicy.ports import Hub, Progress, ReleaseReader

CARD = "README.md"
MOST_COMMITS = 2000
"""Commits of one repository whose trees are looked into; more is said, and not read."""
_CARD_LIMIT = 1024 * 1024


class Asked(NamedTuple):
    """What somebody wants withdrawn, when, and why. ``revision`` is a ref or a commit id."""

    repo: RepoId
    revision: str
    reason: str
    now: str


class Kept(NamedTuple):
    """What stood there: the record, and the files that are worth keeping with it."""

    record: Withdrawal
    files: tuple[EvidenceFile, ...]


def look(asked: Asked, hub: Hub, trust: Trust) -> Kept:
    """Everything that is needed later, read from the hub; small weights are fetched and hashed.

    Raises:
        AccessError, ServiceError: something could not be read.

    """
    repo = asked.repo
    refs = hub.refs(repo)
    oid = resolve(hub, repo, asked.revision)
    listing = hub.listing(repo, oid)
    evidence = read_evidence(repo, oid, listing, hub)
    lines, _ = verify_lines(evidence, trust, now=asked.now)
    signed = _signed_blobs(lines)
    weights = tuple(
        weight_of(file, _content(repo, oid, file, hub), signed)
        for file in listing.files
        if publishes_weights(file)
    )
    record = Withdrawal(
        repo=repo,
        revision=asked.revision,
        oid=oid,
        asked=asked.now,
        reason=asked.reason,
        refs=tuple((ref.name, ref.oid) for ref in refs),
        files=listing.files,
        weights=weights,
        releases=_releases(lines),
    )
    return Kept(record, (*evidence, *_card(repo, oid, listing.files, hub)))


def look_here(asked: Asked, reader: ReleaseReader, trust: Trust) -> Kept:
    """The same from a copy on this disk, where the hub cannot be asked."""
    evidence = reader.evidence_files()
    lines, _ = verify_lines(evidence, trust, now=asked.now)
    files = tuple(ListedFile(e.path, e.size, e.sha256, None) for e in reader.manifest.entries)
    blobs = {entry.path: entry.git_blob or "" for entry in reader.manifest.entries}
    weights = tuple(
        weight_of(file, None, {})._replace(git_blob=blobs[file.path])
        for file in files
        if may_publish_weights(file.path, file.size)
    )
    record = Withdrawal(
        asked.repo, asked.revision, "", asked.now, asked.reason, (), files, weights,
        _releases(lines),
    )  # fmt: skip
    return Kept(record, evidence)


def hide(repo: RepoId, hub: Hub) -> Step:
    """Make it private, and see that it is."""
    name = "private"
    try:
        standing = hub.repo(repo)
        if not standing.exists:
            message = f"the hub knows no {repo.text}, or does not show it to this login"
            hint = "hf auth whoami; is it deleted, or renamed?"
            return _failed(name, ServiceError(message, hint=hint))
        if standing.private:
            return Step(name, "already", f"{repo.text} was private")
        for _ in range(2):
            hub.set_private(repo, private=True)
            if hub.repo(repo).private:
                return Step(name, "done", f"{repo.text} is private, read back from the hub")
    except HubpolicyError as error:
        return _failed(name, error)
    message = f"the hub took the change and still shows {repo.text} as public"
    hint = "make it private by hand, on its settings page"
    return _failed(name, ServiceError(message, hint=hint))


def holders(record: Withdrawal, others: Iterable[RepoId], hub: Hub, progress: Progress) -> Holders:
    """Other revisions of the repository, history included, and the tips of other repositories."""
    found: list[Holder] = []
    unread: list[str] = []
    known: dict[str, str] = {}
    for repo in dict.fromkeys((record.repo, *others)):
        own = repo == record.repo
        try:
            revisions = _revisions(repo, hub, unread, history=own)
        except HubpolicyError as error:
            unread.append(f"{repo.text}: {error.message}")
            continue
        advance = progress.start(f"reading {repo.text}", len(revisions), "commits")
        for oid, name in revisions:
            paths = _holding(record, repo, oid, hub, unread, known)
            if paths and not (own and oid == record.oid):
                found.append(Holder(repo.text, name, paths))
            advance(1)
    return Holders(tuple(found), tuple(unread))


def namespace_models(
    namespaces: Sequence[str], endpoint: str, hub: Hub
) -> tuple[tuple[RepoId, ...], tuple[str, ...]]:
    """All models of the policy's namespaces, and which namespaces could not be listed."""
    found: list[RepoId] = []
    unread: list[str] = []
    for namespace in namespaces:
        try:
            found += hub.models(namespace, endpoint)
        except HubpolicyError as error:
            unread.append(f"{namespace}: {error.message}")
    return tuple(found), tuple(unread)


def _revisions(
    repo: RepoId, hub: Hub, unread: list[str], *, history: bool
) -> tuple[tuple[str, str], ...]:
    """(commit id, how to name it) of every tip, then of what leads to them."""
    tips: dict[str, str] = {}
    for ref in hub.refs(repo):
        tips.setdefault(ref.oid, ref.name)
    named = dict(tips)
    walked: set[str] = set()
    for oid, name in tips.items() if history else ():
        if oid in walked:
            continue
        try:
            for commit in hub.history(repo, oid):
                named.setdefault(commit, f"{commit[:12]} (in {name})")
                walked.add(commit)
        except AccessError:
            raise
        except HubpolicyError as error:
            unread.append(f"{repo.text}, history of {name}: {error.message}")
    if len(named) > MOST_COMMITS:
        unread.append(f"{repo.text}: {len(named) - MOST_COMMITS} older commits were not read")
    return tuple(named.items())[:MOST_COMMITS]


def _holding(
    record: Withdrawal, repo: RepoId, oid: str, hub: Hub, unread: list[str], known: dict[str, str]
) -> tuple[str, ...]:
    """Paths of a commit. ``known``: git blob ids that were read before, with their sha256."""
    try:
        files = hub.listing(repo, oid).files
    except HubpolicyError as error:
        unread.append(f"{repo.text} at {oid[:12]}: {error.message}")
        return ()
    paths = list(same_files(record.weights, files))
    for file in perhaps_same(record.weights, files):
        blob = file.git_blob or ""
        try:
            digest = known.get(blob, "")
            if not digest:
                content = read_listed(repo, oid, file, hub, GIT_BLOB_LIMIT)
                digest = hashlib.sha256(content).hexdigest()
                known |= {blob: digest} if blob else {}  # a hub may list neither digest
        except HubpolicyError as error:
            unread.append(f"{repo.text} at {oid[:12]}: {error.message}")
            continue
        if digest in record.revoked_files and file.path not in paths:
            paths.append(file.path)
    return tuple(paths)


def _signed_blobs(lines: tuple[VerifiedStatement, ...]) -> dict[str, str]:
    """Git blob id to sha256, as verified lines state both."""
    found = {}
    for line in lines:
        for subject in line.statement.subjects:
            blob, sha256 = subject.get("gitBlob"), subject.get("sha256")
            if subject.name != WHOLE and blob and sha256:
                found[blob] = sha256
    return found


def _releases(lines: tuple[VerifiedStatement, ...]) -> tuple[ReleaseSeen, ...]:
    return tuple(
        ReleaseSeen(line.payload_sha256, line.principal, summary.time_verified)
        for line, summary in select(lines, ReleaseSummary)
    )


def _content(repo: RepoId, oid: str, file: ListedFile, hub: Hub) -> bytes | None:
    """Only what the listing gives no sha256 for: a hub keeps that in git, so it is small.

    Raises:
        ServiceError: it could not be read, or is not what was listed.

    """
    if file.sha256 is not None:
        return None
    content = hub.read(repo, oid, file.path)
    if git_blob_id(content) != file.git_blob:
        message = f"got other bytes for {file.path} than the hub lists, at {oid[:12]}"
        raise ServiceError(message)
    return content


def _card(
    repo: RepoId, oid: str, files: tuple[ListedFile, ...], hub: Hub
) -> tuple[EvidenceFile, ...]:
    here = [f for f in files if f.path == CARD and f.size <= _CARD_LIMIT]
    return tuple(EvidenceFile(CARD, hub.read(repo, oid, CARD)) for _ in here)


def worth_keeping(files: tuple[EvidenceFile, ...]) -> tuple[EvidenceFile, ...]:
    """What has content and a name that is known: nothing of a stranger's choosing is written."""
    from hubpolicy.core.rules.hp412 import evidence_kind

    known = (f for f in files if f.path == CARD or evidence_kind(f.path) is not None)
    return tuple(f for f in known if f.content and (f.path == CARD or is_evidence_path(f.path)))


def _failed(name: str, error: HubpolicyError) -> Step:
    hint = f" ({error.hint})" if error.hint else ""
    return Step(name, "failed", f"{error.message}{hint}", error)
