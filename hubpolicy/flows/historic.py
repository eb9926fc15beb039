# SPDX-License-Identifier: Apache-2.0
"""The ``audit`` trip through time: every commit that a ref of a public repository shows.

A tip must be what was attested, exactly. In between a release may be on its way, one part of it in
each commit: there it is enough that everything like weights, code or configuration belongs, digest
by digest, to a release of this repository that holds, and that nothing known of the commit speaks
against it. A configuration may name code elsewhere, or what a prompt is wrapped in. A commit
without anything like weights released nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from hubpolicy.core.filetypes import classify
from hubpolicy.core.listed_weights import publishes_weights
from hubpolicy.errors import AccessError, HubpolicyError
from hubpolicy.flows.auditing import GREEN, RefVerdict, audit_refs, judge_listing
from hubpolicy.flows.fetching import read_evidence
from hubpolicy.ports import RemoteRef

if TYPE_CHECKING:
    from hubpolicy.domain.manifest import ListedFile, Listing
    from hubpolicy.domain.release import RepoId
    from hubpolicy.flows.auditing import Court
    from hubpolicy.ports import HistoryReader, Progress

PART = "part of a release"
BEFORE_A_TIP = " (history)"
"""Ends the ``ref`` of a commit that no ref shows any more; no ref of git has a space in it."""
_ATTESTED = frozenset({"ATTESTED", "ATTESTED_WAIVED", "STALE"})


_AGAINST = ("HP2", "HP302", "HP303", "HP304", "HP305", "HP4")
"""Starts of rules that nobody breaks on the way: toxic counts, spoiled evidence, bad files."""
_MARKUP = (".yaml", ".yml")
"""Endings of what is no configuration by its name, and makes some loaders import code."""


class _Past(NamedTuple):
    """A commit that was judged, with the digests of what is run or loaded from it."""

    verdict: RefVerdict
    parts: frozenset[str]


def audit_history(
    repo: RepoId, hub: HistoryReader, court: Court, progress: Progress
) -> tuple[RefVerdict, ...]:
    """The refs, as ``audit`` has them, and after them every older commit with weights.

    ``ref`` of an older commit is the first ref that shows it, and ``(history)``.

    Raises:
        AccessError, ServiceError: refs or history could not be listed.

    """
    refs = hub.refs(repo)
    read = _Reading(hub)
    tips = audit_refs(repo, refs, read, court, progress)
    older, unread = _older(repo, refs, hub)
    advance = progress.start(f"reading the history of {repo.text}", len(older), "commits")
    contents: dict[str, bytes] = {}
    past: list[_Past] = []
    attested = _digests_of_tips(tips, read)
    for ref in older:
        found = _judge(repo, ref, hub, court, contents)
        advance(1)
        if found is None:
            continue
        past.append(found)
        if found.verdict.status in _ATTESTED:
            attested |= found.parts
    return (*tips, *(_told(each, attested) for each in past), *unread)


def _older(
    repo: RepoId, refs: tuple[RemoteRef, ...], hub: HistoryReader
) -> tuple[tuple[RemoteRef, ...], tuple[RefVerdict, ...]]:
    """Every commit that a ref leads to and that is no tip, under the name of the first such ref.

    Also: the refs whose history cannot be read, which are not passed by what can be.
    """
    tips = {ref.oid for ref in refs}
    found: dict[str, str] = {}
    unread: dict[str, RefVerdict] = {}
    for ref in refs:
        name = f"{ref.name}{BEFORE_A_TIP}"
        try:
            commits = hub.history(repo, ref.oid)
        except AccessError:
            raise
        except HubpolicyError as error:
            verdict = RefVerdict(repo, name, ref.oid, "UNREADABLE", error.message)
            unread.setdefault(ref.oid, verdict)
            continue
        for oid in commits:
            if oid not in tips:
                found.setdefault(oid, name)
    older = tuple(RemoteRef(name, oid) for oid, name in found.items())
    return older, tuple(unread.values())


def _judge(
    repo: RepoId,
    ref: RemoteRef,
    hub: HistoryReader,
    court: Court,
    contents: dict[str, bytes],
) -> _Past | None:
    try:
        listing = hub.listing(repo, ref.oid)
        if not any(map(publishes_weights, listing.files)):
            return None
        files = read_evidence(repo, ref.oid, listing, hub, contents)
    except AccessError:
        raise
    except HubpolicyError as error:
        unreadable = RefVerdict(repo, ref.name, ref.oid, "UNREADABLE", error.message)
        return _Past(unreadable, frozenset())
    return _Past(judge_listing(repo, ref, listing, files, court), _parts(listing))


class _Reading:
    """A hub that notes what is run or loaded from each tree that it lists."""

    def __init__(self, hub: HistoryReader) -> None:
        self._hub = hub
        self.parts: dict[str, frozenset[str]] = {}

    def refs(
        self, repo: RepoId, *, outdated: str = "", ref: str = "refs/heads/main"
    ) -> tuple[RemoteRef, ...]:
        """As they stand."""
        return self._hub.refs(repo, outdated=outdated, ref=ref)

    def listing(self, repo: RepoId, revision: str) -> Listing:
        """The tree of a commit."""
        found = self._hub.listing(repo, revision)
        self.parts[revision] = _parts(found)
        return found

    def read(self, repo: RepoId, revision: str, path: str) -> bytes:
        """A small file of a commit."""
        return self._hub.read(repo, revision, path)


def _digests_of_tips(tips: tuple[RefVerdict, ...], read: _Reading) -> set[str]:
    """What the releases at the tips hold."""
    held = (read.parts[tip.oid] for tip in tips if tip.status in _ATTESTED)
    return set().union(*held)


def _parts(listing: Listing) -> frozenset[str]:
    return frozenset(
        _digest(file) for file in listing.files if publishes_weights(file) or _is_run(file)
    )


def _is_run(file: ListedFile) -> bool:
    kind = classify(file.path, file.size, None)
    markup = kind == "unknown" and file.path.lower().endswith(_MARKUP)
    return kind in {"code", "config"} or markup


def _digest(file: ListedFile) -> str:
    return file.sha256 or file.git_blob or file.path


def _told(past: _Past, attested: set[str]) -> RefVerdict:
    """A commit on the way to a release is no leak; what was revoked or unreadable stays so."""
    verdict = past.verdict
    against = any(
        finding.effect == "failed" and finding.rule.startswith(_AGAINST)
        for finding in verdict.findings
    )
    on_the_way = verdict.status in {"UNATTESTED", "MODIFIED"} and past.parts <= attested
    if verdict.status in GREEN or not on_the_way or against:
        return verdict
    return verdict._replace(status="ATTESTED", detail=PART, findings=())
