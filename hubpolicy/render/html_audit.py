# SPDX-License-Identifier: Apache-2.0
"""What the page of an audit says, in the order in which it is read; no markup.

First whether everything is clean and, if not, where. Every repository of which the audit tells
something is on the page, however many there are; what is told of each is bounded, so that the whole
stays a page that a browser opens. One in which nothing was to judge has no row, in no report.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from hubpolicy.core.rules.catalogue import catalogue
from hubpolicy.render.counted import count
from hubpolicy.render.html_lanes import axis, lane
from hubpolicy.render.repositories import places, repositories, tone, weight

if TYPE_CHECKING:
    from hubpolicy.domain.finding import Finding
    from hubpolicy.render.html_lanes import Axis, Lane
    from hubpolicy.render.report import ExposureRow, RefRow, Report, SigningRow
    from hubpolicy.render.repositories import Repository, Tone

FIRST = 8
"""Repositories that are not clean and are named at the top, with what was found there."""

OPEN = 12
"""Repositories that are not clean and whose part is unfolded."""

ROWS = 24_000
"""Rows of one kind on the whole page, shared among the repositories."""

MOST_ROWS, FEWEST_ROWS = 200, 6
"""Rows of one kind that one repository has at most, and at least."""

MOST_RULES = 40
"""Columns of the matrix. The rules that found something in most repositories come first."""

MEANINGS = {
    "ATTESTED": "A release that holds names exactly these bytes.",
    "ATTESTED_WAIVED": "The same, with a signed waiver for a rule.",
    "STALE": "It held when it was released; the policy of today would refuse it.",
    "BASELINE": "It stood there before the policy and was listed, never judged.",
    "UNATTESTED": "Nobody signed a release of these bytes.",
    "MODIFIED": "A release is there, and these are not its bytes.",
    "EXPOSED": "Bytes without a release were public.",
    "REVOKED": "The release, its key or its files were revoked.",
    "UNREADABLE": "It could not be read, so nobody knows. It is never counted as passed.",
}


class RefGroup(NamedTuple):
    """Refs of one repository that stand at one commit with one verdict."""

    row: RefRow
    names: tuple[str, ...]
    tone: Tone

    @property
    def rules(self) -> tuple[str, ...]:
        """Those that the detail does not name."""
        return tuple(rule for rule in self.row.rules if rule not in self.row.detail)


class Part(NamedTuple):
    """One repository on the page.

    ``more`` counts what is left out: refs, findings, releases and exposures.
    """

    id: str
    repository: Repository
    status: str
    groups: tuple[RefGroup, ...]
    findings: tuple[Finding, ...]
    lead: Finding | None
    """What is found at the worst ref."""
    signings: tuple[SigningRow, ...]
    exposures: tuple[ExposureRow, ...]
    more: tuple[int, int, int, int]
    lane: Lane | None
    unfolded: bool

    @property
    def bad_refs(self) -> int:
        """Refs that are not as they should be."""
        return sum(tone(ref.status) == "bad" for ref in self.repository.refs)

    @property
    def last(self) -> str:
        """The day of the newest release, by its signer's word."""
        return max((row.time for row in self.repository.signings), default="")[:10]


class Tally(NamedTuple):
    """How many refs have one verdict, and their share of all in per cent."""

    status: str
    tone: Tone
    refs: int
    share: float


class Page(NamedTuple):
    """All of it."""

    answer: str
    judged: int
    """Repositories with a ref that was judged."""
    parts: tuple[Part, ...]
    bad: tuple[Part, ...]
    tallies: tuple[Tally, ...]
    rules: tuple[tuple[str, str], ...]
    rules_left: int
    axis: Axis | None
    loose: tuple[Finding, ...]
    """Findings that belong to no ref."""
    outstanding: tuple[SigningRow, ...]


def page(report: Report) -> Page:
    """Lay an audit out."""
    ordered = sorted(repositories(report), key=lambda one: (_rank(one), one.name))
    bad = [one for one in ordered if one.tone == "bad"]
    each = max(FEWEST_ROWS, min(MOST_ROWS, ROWS // max(1, len(ordered))))
    on = axis(report)
    unfolded = {one.name for one in (bad[:OPEN] if len(ordered) > 1 else ordered)}
    parts = tuple(
        _part(report, one, f"r{number}", each, on, unfolded=one.name in unfolded)
        for number, one in enumerate(ordered, 1)
    )
    placed = places(report)
    rules = _rules(ordered)
    return Page(
        answer=answer(report, ordered),
        judged=sum(bool(one.refs) for one in ordered),
        parts=parts,
        bad=tuple(part for part in parts if part.repository.tone == "bad"),
        tallies=_tallies(report.refs),
        rules=rules[:MOST_RULES],
        rules_left=max(0, len(rules) - MOST_RULES),
        axis=on,
        loose=tuple(f for place, f in enumerate(report.findings) if place not in placed),
        outstanding=tuple(row for row in report.signings if row.remark),
    )


def answer(report: Report, every: list[Repository]) -> str:
    """Is it clean, and if not, where: a sentence or two."""
    if not report.refs:
        return "No ref that holds weights was found: where nothing was judged, nothing is clean."
    judged = [one for one in every if one.refs]
    bad = [one for one in judged if one.tone == "bad"]
    words = _unclean(bad, judged) if bad else _clean(judged, report.refs) + _but(report)
    if report.exposures:
        times = len(report.exposures)
        words += f" Bytes without a release were public {times:,} time{'s'[: times > 1]}."
    return words


def _but(report: Report) -> str:
    """Why it did not pass, though every ref is as it should be."""
    if report.verdict == "passed":
        return ""
    if any(row.status in report.fail_on for row in report.refs):
        return " But this audit was asked to fail on that."
    if report.other_codes:
        codes = " and ".join(map(str, report.other_codes))
        return f" But a file of this report did not pass for what no ref tells: exit code {codes}."
    return " But it did not pass, and no ref tells why."


def _unclean(bad: list[Repository], every: list[Repository]) -> str:
    names = ", ".join(one.name for one in bad[:3])
    names += f" and {len(bad) - 3:,} more" if len(bad) > 3 else ""
    unknown = sum(one.status == "UNREADABLE" for one in bad)
    known = len(bad) - unknown
    words = [f"{known:,} {'is' if known == 1 else 'are'} not clean"] if known else []
    words += [f"{unknown:,} could not be read"] if unknown else []
    if len(every) == 1:
        at = sum(tone(row.status) == "bad" for row in bad[0].refs)
        word = "is not clean" if known else "could not be read"
        return f"{names} {word}: {at:,} of {count(len(bad[0].refs), 'ref')}."
    return f"Of {count(len(every), 'repository')} {' and '.join(words)}: {names}."


def _clean(every: list[Repository], refs: tuple[RefRow, ...]) -> str:
    """What was listed and never judged is not called clean: it only does not block."""
    stale, listed = (sum(row.status == kind for row in refs) for kind in ("STALE", "BASELINE"))
    held = len(refs) - stale - listed
    told = [f"{count(held, 'ref')} attested"] if held else []
    told += [f"{stale:,} STALE"] if stale else []
    told += [f"{listed:,} BASELINE, never judged"] if listed else []
    number = f"{len(every):,} repositories"
    if listed:
        where = every[0].name if len(every) == 1 else number
        return f"Nothing blocks in {where}: {', '.join(told)}."
    which = f"{every[0].name} is" if len(every) == 1 else f"All {number} are"
    return f"{which} clean: {', '.join(told)}."


def _rank(one: Repository) -> tuple[int, int]:
    order: dict[Tone, int] = {"bad": 0, "open": 1, "calm": 2, "good": 3}
    return order[one.tone], weight(one.status)


def _part(
    report: Report, one: Repository, name: str, each: int, on: Axis | None, *, unfolded: bool
) -> Part:
    groups = _groups(one.refs)
    met = dict.fromkeys(place for group in groups for place in group.row.findings)
    findings = [report.findings[place] for place in met if 0 <= place < len(report.findings)]
    findings.sort(key=lambda finding: -finding.severity)
    more = (
        max(0, len(groups) - each),
        max(0, len(findings) - each),
        max(0, len(one.signings) - each),
        max(0, len(one.exposures) - each),
    )
    return Part(
        id=name,
        repository=one,
        status=one.status or "not judged",
        groups=groups[:each],
        findings=tuple(findings[:each]),
        lead=_lead(groups, findings),
        signings=one.signings[-each:],
        exposures=one.exposures[-each:],
        more=more,
        lane=lane(one, on),
        unfolded=unfolded,
    )


def _lead(groups: tuple[RefGroup, ...], findings: list[Finding]) -> Finding | None:
    """The finding that the worst ref's own line names, else the first."""
    named = (finding for finding in findings if finding.rule in groups[0].row.detail)
    return next(named, findings[0]) if findings else None


def _groups(refs: tuple[RefRow, ...]) -> tuple[RefGroup, ...]:
    """The worst first; refs that say the same stand in one row."""
    same: dict[RefRow, list[str]] = {}
    for row in sorted(refs, key=lambda row: weight(row.status)):
        same.setdefault(row._replace(ref=""), []).append(row.ref)
    return tuple(RefGroup(row, tuple(names), tone(row.status)) for row, names in same.items())


def _tallies(refs: tuple[RefRow, ...]) -> tuple[Tally, ...]:
    counts: dict[str, int] = {}
    for row in refs:
        counts[row.status] = counts.get(row.status, 0) + 1
    return tuple(
        Tally(status, tone(status), counts[status], round(counts[status] / len(refs) * 100, 3))
        for status in sorted(counts, key=weight)
    )


def _rules(every: list[Repository]) -> tuple[tuple[str, str], ...]:
    """Rules that found something with their titles, those of most repositories first."""
    found: dict[str, int] = {}
    for one in every:
        for rule, _ in one.rules:
            found[rule] = found.get(rule, 0) + 1
    titles = {entry.id: entry.title for entry in catalogue()} if found else {}
    ordered = sorted(found, key=lambda rule: (-found[rule], rule))
    return tuple((rule, titles.get(rule, "")) for rule in ordered)
