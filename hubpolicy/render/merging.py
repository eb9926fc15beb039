# SPDX-License-Identifier: Apache-2.0
"""Several audits made one: of each ref the newest word counts, and where they differ both are told.

What the whole then amounts to, its verdict and exit code, is the caller's to say.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from hubpolicy.render.html_words import count
from hubpolicy.render.report import Row
from hubpolicy.render.repositories import moment, repositories, weight

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Sequence

    from hubpolicy.domain.finding import Finding
    from hubpolicy.render.report import RefRow, Report

ALL_REFS = "(all refs)"
"""The ref of a row that says that a repository's refs could not be listed."""

_NEVER = datetime.min.replace(tzinfo=UTC)


class Source(NamedTuple):
    """One audit and where it was read."""

    path: str
    report: Report


class _Word(NamedTuple):
    """What one audit says of one ref."""

    row: RefRow
    source: Source


def merge(sources: Sequence[Source]) -> Report:
    """One report of all, in their order; its verdict and exit code are those of the first.

    Findings that belong to refs go where their refs go; all others stay. A repository that one
    audit could not list is known where a newer one could.
    """
    reports = [source.report for source in sources]
    by_age = sorted(reports, key=_made)
    words = _words(sources)
    refs, findings = _kept(words, sources)
    differing = (_difference(said) for said in words.values() if _differ(said))
    notes = _once(row for report in reports for row in report.rows)
    # What names a line or a span comes first in its row; of the same the newest word stays.
    signings = {row[:7]: row for report in by_age for row in report.signings}
    exposures = {row[:4]: row for report in by_age for row in report.exposures}
    solos = {report.solo for report in reports}
    return reports[0]._replace(
        findings=findings,
        waived=_once(finding for report in reports for finding in report.waived),
        rows=(*map(_told, sources), *differing, *notes),
        refs=refs,
        solo=None if None in solos else True in solos,
        signings=tuple(sorted(signings.values(), key=lambda row: (row.repo, row.time))),
        exposures=tuple(exposures.values()),
        made=by_age[-1].made,
    )


def _words(sources: Sequence[Source]) -> dict[Hashable, list[_Word]]:
    """What is said of each ref.

    Rows of one audit that have the same ref, as commits before a tip do, are told apart by their
    ids, and then by their order: no audit speaks against itself.
    """
    many = {
        name
        for source in sources
        for name, times in Counter((row.repo, row.ref) for row in source.report.refs).items()
        if times > 1
    }
    found: dict[Hashable, list[_Word]] = {}
    for source in sources:
        met: Counter[Hashable] = Counter()
        for row in source.report.refs:
            name = (row.repo, row.ref)
            key = (*name, row.oid if name in many else "")
            met[key] += 1
            found.setdefault((*key, met[key]), []).append(_Word(row, source))
    return found


def _kept(
    words: dict[Hashable, list[_Word]], sources: Sequence[Source]
) -> tuple[tuple[RefRow, ...], tuple[Finding, ...]]:
    """The newest word on each ref, and all findings at new places, once per repository."""
    newest = [max(said, key=_order) for said in words.values()]
    listed: dict[str, datetime] = {}
    for word in newest:
        if word.row.ref != ALL_REFS:
            listed[word.row.repo] = max(listed.get(word.row.repo, _NEVER), _order(word)[0])
    findings: dict[tuple[str, Finding], int] = {}
    refs = []
    for word in newest:
        row, report = word.row, word.source.report
        if row.ref == ALL_REFS and listed.get(row.repo, _NEVER) > _made(report):
            continue
        names = [(row.repo, report.findings[place]) for place in row.findings]
        at = tuple(findings.setdefault(name, len(findings)) for name in names)
        refs.append(row._replace(findings=at))
    for source in sources:
        placed = {place for row in source.report.refs for place in row.findings}
        for place, finding in enumerate(source.report.findings):
            if place not in placed:
                findings.setdefault(("", finding), len(findings))
    return tuple(refs), tuple(finding for _, finding in findings)


def _order(word: _Word) -> tuple[datetime, int]:
    """The newest last; of the same moment the worst last."""
    return _made(word.source.report), -weight(word.row.status)


def _made(report: Report) -> datetime:
    return moment(report.made) or _NEVER


def _told(source: Source) -> Row:
    report = source.report
    refs, many = count(len(report.refs), "ref"), count(len(repositories(report)), "repository")
    said = f"{refs} of {many}"
    return Row(
        source.path, f"{report.verdict}, {said}", f"made {report.made or 'at no stated time'}"
    )


def _differ(said: list[_Word]) -> bool:
    return len({(row.status, row.oid, row.dir_hash) for row, _ in said}) > 1


def _difference(said: list[_Word]) -> Row:
    """What counts, and what older audits said."""
    newest = max(said, key=_order)
    others = [word for word in said if word is not newest]
    return Row(
        f"{newest.row.repo} {newest.row.ref}",
        f"counts: {_quoted(newest)}",
        "differs: " + "; ".join(map(_quoted, others)),
    )


def _quoted(word: _Word) -> str:
    made = word.source.report.made or "no stated time"
    return f"{word.row.status} {word.row.oid[:12]} ({word.source.path}, {made})"


def _once(rows: Iterable[Any]) -> tuple[Any, ...]:
    return tuple(dict.fromkeys(rows))
