# SPDX-License-Identifier: Apache-2.0
"""Several audits made one: of each ref the newest word counts, and where they differ both are told.

Merging is a join: in whatever order and in however many steps, the same refs count in the end. So
every row keeps the moment at which it was judged, and what no moment decides goes by its content.
What the whole then amounts to, its verdict and exit code, is the caller's to say.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from hubpolicy.render.counted import count
from hubpolicy.render.report import Row
from hubpolicy.render.repositories import moment, place, weight

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Sequence

    from hubpolicy.domain.finding import Finding
    from hubpolicy.render.report import ExposureRow, RefRow, Report, SigningRow

ALL_REFS = "(all refs)"
"""The ref of a row that says that a repository's refs could not be listed."""

BEFORE_A_TIP = " (history)"
"""What the ref of a row ends in that is about a commit before its tip."""

STORAGE = "(LFS storage)"
"""The ref of rows about what no commit shows; each is told apart by what it says."""

_NEVER = datetime.min.replace(tzinfo=UTC)


class Source(NamedTuple):
    """One audit and where it was read."""

    path: str
    report: Report


class _Word(NamedTuple):
    """What one audit says of one ref, at the moment ``row.made``."""

    row: RefRow
    findings: tuple[Finding, ...]
    path: str


def merge(sources: Sequence[Source]) -> Report:
    """One report of all, in their order; its verdict and exit codes are those of the first.

    Findings that belong to refs go where their refs go; all others stay. A repository that one
    audit could not list is known where a newer one could.
    """
    reports = [source.report for source in sources]
    words = _words(sources)
    refs, findings = _kept(words, reports)
    several = len({key[0] for key in words}) > 1
    differing = (_difference(said, several) for said in words.values() if _differ(said))
    notes = _once(row for report in reports for row in report.rows)
    solos = {report.solo for report in reports}
    return reports[0]._replace(
        findings=findings,
        waived=_once(finding for report in reports for finding in report.waived),
        rows=(*map(_told, sources), *differing, *notes),
        refs=refs,
        solo=None if None in solos else True in solos,
        signings=_signings(row for report in reports for row in report.signings),
        exposures=_exposures(reports),
        made=max((report.made for report in reports), key=_moment),
        fail_on=tuple(sorted({status for report in reports for status in report.fail_on})),
    )


def _words(sources: Sequence[Source]) -> dict[tuple[str, ...], list[_Word]]:
    """What is said of each ref of each source, by whom and when.

    An audit that looked at less must not speak of what it did not look at: a commit before a tip
    is one by its id, however few of them an audit has, and what lies in storage by its words.
    """
    found: dict[tuple[str, ...], list[_Word]] = {}
    for path, report in sources:
        for row in report.refs:
            made = report.made if row.made is None else row.made
            findings = tuple(report.findings[number] for number in row.findings)
            word = _Word(row._replace(made=made, findings=()), findings, path)
            found.setdefault(_key(row), []).append(word)
    return found


def _key(row: RefRow) -> tuple[str, ...]:
    beside = ""
    if row.ref.endswith(BEFORE_A_TIP):
        beside = row.oid
    elif row.ref == STORAGE:
        beside = row.detail
    return row.source, row.repo, row.ref, beside


def _kept(
    words: dict[tuple[str, ...], list[_Word]], reports: Sequence[Report]
) -> tuple[tuple[RefRow, ...], tuple[Finding, ...]]:
    """The newest word on each ref, and all findings at new places, once per repository."""
    newest = [max(said, key=_order) for said in words.values()]
    listed: dict[Hashable, datetime] = {}
    for row, _, _ in newest:
        if _is_tip(row.ref):
            name = (row.source, row.repo)
            listed[name] = max(listed.get(name, _NEVER), _moment(row.made)[0])
    places: dict[tuple[str, Finding], int] = {}
    refs = []
    for row, found, _ in newest:
        known = listed.get((row.source, row.repo), _NEVER)
        if row.ref == ALL_REFS and known > _moment(row.made)[0]:
            continue
        at = tuple(places.setdefault((row.repo, finding), len(places)) for finding in found)
        refs.append(row._replace(findings=at))
    for report in reports:
        placed = {number for row in report.refs for number in row.findings}
        for number, finding in enumerate(report.findings):
            if number not in placed:
                places.setdefault(("", finding), len(places))
    return tuple(refs), tuple(finding for _, finding in places)


def _is_tip(ref: str) -> bool:
    """Whether who judged this had listed the refs."""
    return not (ref in {ALL_REFS, STORAGE} or ref.startswith("lfs:") or ref.endswith(BEFORE_A_TIP))


def _order(word: _Word) -> tuple[Any, ...]:
    """The newest last; of the same moment the worst last, and then by what it says."""
    row = word.row
    told = tuple(map(repr, word.findings))
    return *_moment(row.made), -weight(row.status), *row._replace(made=""), told


def _moment(made: str | None) -> tuple[datetime, str]:
    """No stated moment is older than any."""
    return moment(made or "") or _NEVER, made or ""


def _signings(rows: Iterable[SigningRow]) -> tuple[SigningRow, ...]:
    """What names a line comes first in its row; of the same, all refs and all that stands out."""
    found: dict[Hashable, SigningRow] = {}
    for row in rows:
        old = found.get(row[:7], row)
        found[row[:7]] = row._replace(
            refs=row.refs if old.refs == row.refs else tuple(sorted({*old.refs, *row.refs})),
            proof=max(old.proof, row.proof),
            remark=max(old.remark, row.remark),
        )
    return tuple(sorted(found.values(), key=lambda row: (row.repo, row.time)))


def _exposures(reports: Iterable[Report]) -> tuple[ExposureRow, ...]:
    """Of each span the newest word: what had ended may last again. Of one moment the latest end."""
    found: dict[Hashable, ExposureRow] = {}
    for report in reports:
        for told in report.exposures:
            row = told._replace(made=report.made if told.made is None else told.made)
            found[row[:4]] = max(row, found.get(row[:4], row), key=_when)
    return tuple(found.values())


def _when(row: ExposureRow) -> tuple[Any, ...]:
    return *_moment(row.made), row[:-1]


def _told(source: Source) -> Row:
    report = source.report
    many = count(len({row.repo for row in report.refs}), "repository")
    said = f"{count(len(report.refs), 'ref')} of {many}"
    return Row(
        source.path, f"{report.verdict}, {said}", f"made {report.made or 'at no stated time'}"
    )


def _differ(said: list[_Word]) -> bool:
    return len({(word.row.status, word.row.oid, word.row.dir_hash) for word in said}) > 1


def _difference(said: list[_Word], several: bool) -> Row:
    """What counts, and what others said."""
    newest = max(said, key=_order)
    others = [word for word in said if word is not newest]
    row = newest.row
    where = f" in {place(row)}" if several else ""
    return Row(
        f"{row.repo} {row.ref}{where}",
        f"counts: {_quoted(newest)}",
        "differs: " + "; ".join(map(_quoted, others)),
    )


def _quoted(word: _Word) -> str:
    made = word.row.made or "no stated time"
    return f"{word.row.status} {word.row.oid[:12]} ({word.path}, {made})"


def _once(rows: Iterable[Any]) -> tuple[Any, ...]:
    return tuple(dict.fromkeys(rows))
