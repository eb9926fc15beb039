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

from hubpolicy.core.listed_weights import digest_of, is_part, publishes_weights
from hubpolicy.errors import AccessError, HubpolicyError
from hubpolicy.flows.auditing import (
    GREEN,
    RefVerdict,
    audit_refs,
    judge_listing,
    without_digests,
)
from hubpolicy.flows.fetching import read_evidence
from hubpolicy.ports import RemoteRef

if TYPE_CHECKING:
    from hubpolicy.domain.manifest import Listing
    from hubpolicy.domain.release import RepoId
    from hubpolicy.flows.auditing import Court
    from hubpolicy.ports import HistoryReader, Progress

PART = "part of a release"
BEFORE_A_TIP = " (history)"
"""Ends the ``ref`` of a commit that no ref shows any more; no ref of git has a space in it."""
_ATTESTED = frozenset({"ATTESTED", "ATTESTED_WAIVED", "STALE"})


_AGAINST = ("HP2", "HP302", "HP303", "HP304", "HP305", "HP4")
"""Starts of rules that nobody breaks on the way: toxic counts, spoiled evidence, bad files."""


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
    tips = audit_refs(repo, refs, hub, court, progress)
    older, unread = _older(repo, refs, hub)
    advance = progress.start(f"reading the history of {repo.text}", len(older), "commits")
    contents: dict[str, bytes] = {}
    past: list[_Past] = []
    attested = set[str]().union(*(tip.covers for tip in tips if tip.status in _ATTESTED))
    for ref in older:
        found = _judge(repo, ref, hub, court, contents)
        advance(1)
        if found is None:
            continue
        past.append(found)
        if found.verdict.status in _ATTESTED:
            attested |= found.verdict.covers
    told = (*tips, *(_told(each, attested) for each in past), *unread)
    return tuple(map(without_digests, told))


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


def _parts(listing: Listing) -> frozenset[str]:
    return frozenset(digest_of(file) for file in listing.files if is_part(file))


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
