# SPDX-License-Identifier: Apache-2.0
"""Picking verified lines by what they say, and matching their subjects with the bytes at hand.

On the hook's path: standard library only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from hubpolicy.domain.manifest import Entry, dir_hash, is_evidence_path
from hubpolicy.domain.statement import (
    ApplicabilityResult,
    FirstRelease,
    ReleaseSummary,
    ToxicityResult,
)

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

    from hubpolicy.core.evidence import Evidence
    from hubpolicy.core.verify import VerifiedStatement
    from hubpolicy.domain.policy import Policy
    from hubpolicy.domain.statement import Predicate, Statement
    from hubpolicy.domain.trust import Trust

    T = TypeVar("T", bound=Predicate)

WHOLE = "."
"""Name of the subject whose ``dirHash`` binds names, contents and count of all files."""

RUNS = (ToxicityResult, ApplicabilityResult)
"""What was loaded and run."""


def select(
    lines: tuple[VerifiedStatement, ...], kind: type[T]
) -> tuple[tuple[VerifiedStatement, T], ...]:
    """All verified lines whose predicate is of that kind, with the predicate typed."""
    return tuple((line, line.predicate) for line in lines if isinstance(line.predicate, kind))


def digests(evidence: Evidence) -> dict[str, tuple[str | None, str | None]]:
    """Path to (sha256, git blob id) of every covered file, whatever is known of it."""
    if evidence.manifest is not None:
        return evidence.manifest.digests
    files = evidence.listing.files if evidence.listing is not None else ()
    return {f.path: (f.sha256, f.git_blob) for f in files if not is_evidence_path(f.path)}


def signed_digests(line: VerifiedStatement, paths: Container[str]) -> frozenset[str]:
    """Every digest by which a line names these files.

    A hub shows a file by its sha256 where Git LFS keeps it, and by its git blob id elsewhere; the
    same bytes may have been the one in an earlier commit and the other in a later one.
    """
    subjects = (each for each in line.statement.subjects if each[0] in paths)
    return frozenset(value for _, digest in subjects for _, value in digest)


def sizes(evidence: Evidence) -> dict[str, int]:
    """Path to size in bytes of every covered file."""
    if evidence.manifest is not None:
        return evidence.manifest.sizes
    files = evidence.listing.files if evidence.listing is not None else ()
    return {f.path: f.size for f in files if not is_evidence_path(f.path)}


def differing(
    statement: Statement, have: Mapping[str, tuple[str | None, str | None]]
) -> tuple[str, ...]:
    """Subject names that are absent from the bytes at hand, or stand there with other content."""
    bad = []
    for subject in statement.subjects:
        name, digest = subject
        found = have.get(name)
        # Nearly always this one comparison: a release names every file, and hooks count time.
        if found is not None and digest[-1] == ("sha256", found[0]):
            continue
        if name == WHOLE:
            continue
        if found is None or not same_content(subject.get("sha256"), subject.get("gitBlob"), found):
            bad.append(name)
    return tuple(bad)


def same_content(
    sha256: str | None, git_blob: str | None, found: tuple[str | None, str | None]
) -> bool:
    """Equal by sha256 where it is known; by git blob id only where a hub gives nothing else."""
    have_sha256, have_blob = found
    if have_sha256 is not None:
        return sha256 == have_sha256
    return git_blob is not None and git_blob == have_blob


def runs(evidence: Evidence) -> tuple[VerifiedStatement, ...]:
    """Lines about runs whose every file stands here unchanged."""
    have = digests(evidence)
    return tuple(
        line
        for line in evidence.lines
        if isinstance(line.predicate, RUNS) and not differing(line.statement, have)
    )


def closure_paths(line: VerifiedStatement) -> tuple[str, ...]:
    """The files that were loaded in that run."""
    return tuple([name for name, _ in line.statement.subjects if name != WHOLE])


def first_releases(line: VerifiedStatement, summary: ReleaseSummary) -> dict[str, FirstRelease]:
    """Payload digest of an input to its first release: what the line carries on, or itself."""
    own = (FirstRelease(run, summary.time_verified, line.payload_sha256) for run in summary.inputs)
    return {first.run: first for first in (*own, *summary.first_released)}


def released_on(evidence: Evidence, payload: str) -> str:
    """When that line was first released, by the word of those who release it; else now.

    Where releasers state different times the latest counts, so that none of them alone can make
    old evidence young.
    """
    times = [
        first_releases(line, summary)[payload].time
        for line, summary in select(evidence.lines, ReleaseSummary)
        if payload in summary.inputs
    ] or [first.time for first in evidence.first_released if first.run == payload]
    return min([*([max(times)] if times else []), evidence.now])


def threshold(evidence: Evidence, role: str) -> int:
    """How many people of a role must sign: what the policy asks, and never less than the root."""
    return people_asked(evidence.policy, evidence.trust, role)


def people_asked(policy: Policy, trust: Trust, role: str) -> int:
    """The same where there is no evidence yet."""
    asked = [each.threshold for each in policy.roles if each.role == role]
    holders = trust.root.role(role)
    return max([1, *asked, 1 if holders is None else holders.threshold])


def whole(statement: Statement) -> str | None:
    """The dirHash that the statement is about, if it has one."""
    for subject in statement.subjects:
        if subject.name == WHOLE:
            return subject.get("dirHash")
    return None


def subjects_dir_hash(statement: Statement) -> str:
    """The dirHash recomputed from the statement's own file subjects."""
    entries = tuple(
        Entry(subject.name, 0, subject.get("sha256") or "")
        for subject in statement.subjects
        if subject.name != WHOLE
    )
    return dir_hash(entries)


def at_hand(evidence: Evidence) -> str:
    """The dirHash of what is judged.

    A hub listing gives no sha256 for small files; there it is the dirHash recomputed from a
    release line whose every subject, and no file more, stands in the listing. Empty if none.
    """
    if evidence.manifest is not None:
        return evidence.manifest.dir_hash
    have = digests(evidence)
    for line, _ in select(evidence.lines, ReleaseSummary):
        names = {s.name for s in line.statement.subjects} - {WHOLE}
        if names == have.keys() and not differing(line.statement, have):
            return subjects_dir_hash(line.statement)
    return ""


def named(paths: tuple[str, ...], limit: int = 3) -> str:
    """A few paths for a sentence, the rest counted."""
    shown = ", ".join(paths[:limit])
    return shown if len(paths) <= limit else f"{shown} and {len(paths) - limit} more"


def short(digest: str) -> str:
    """First four and last two hex digits, as on every screen."""
    return f"{digest[:4]}…{digest[-2:]}" if len(digest) > 8 else digest
