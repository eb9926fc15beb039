# SPDX-License-Identifier: Apache-2.0
"""An audit put in order for people: repository by repository, and which finding belongs where."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from hubpolicy.domain.finding import Finding
    from hubpolicy.render.report import ExposureRow, RefRow, Report, SigningRow

Tone = Literal["good", "calm", "open", "bad"]
"""How a verdict reads: it holds; nobody judged it; it held once; it does not."""

_TONES: dict[str, Tone] = {
    "ATTESTED": "good",
    "passed": "good",
    "ATTESTED_WAIVED": "good",
    "BASELINE": "calm",
    "STALE": "open",
}
_WORST = (
    "REVOKED", "EXPOSED", "MODIFIED", "UNATTESTED", "UNREADABLE", "STALE", "BASELINE",
    "ATTESTED_WAIVED", "ATTESTED", "passed",
)  # fmt: skip
"""Verdicts, the worst first. What is not in it is unknown, and worse."""

_SEVERAL = 2

MARKS: dict[Tone, str] = {"good": "✓", "calm": "·", "open": "!", "bad": "✗"}


def tone(status: str) -> Tone:
    """Bad, unless it is known to be better: an unknown verdict is never green."""
    return _TONES.get(status, "bad")


def weight(status: str) -> int:
    """Place among the verdicts: the smaller the worse."""
    return _WORST.index(status) if status in _WORST else -1


def told_apart(report: Report) -> Report:
    """With the source of each ref in its detail, where there is more than one."""
    if len({row.source for row in report.refs}) < _SEVERAL:
        return report
    refs = (
        row._replace(detail="; ".join(filter(None, (row.detail, f"in {place(row)}"))))
        for row in report.refs
    )
    return report._replace(refs=tuple(refs))


def place(row: RefRow) -> str:
    """Where it was read."""
    return row.source or "a place that is not named"


class Repository(NamedTuple):
    """All that an audit says of one repository. ``findings`` are places in ``Report.findings``."""

    name: str
    status: str
    """The worst of its refs; empty if no ref of it was judged."""
    refs: tuple[RefRow, ...]
    signings: tuple[SigningRow, ...]
    exposures: tuple[ExposureRow, ...]
    findings: tuple[int, ...]
    rules: tuple[tuple[str, int], ...]
    """Rule id and the number of refs at which it found something, in the order of the ids."""

    @property
    def tone(self) -> Tone:
        """Of its worst ref; what was public once without a release is worth a look for ever."""
        own = tone(self.status) if self.status else "open"
        return "open" if self.exposures and own in {"good", "calm"} else own


def repositories(report: Report) -> tuple[Repository, ...]:
    """One of each that is named anywhere, in the order in which the audit met them."""
    refs: dict[str, list[RefRow]] = {}
    signings: dict[str, list[SigningRow]] = {}
    exposures: dict[str, list[ExposureRow]] = {}
    for ref in report.refs:
        refs.setdefault(ref.repo, []).append(ref)
    for signing in report.signings:
        signings.setdefault(signing.repo, []).append(signing)
    for exposure in report.exposures:
        exposures.setdefault(exposure.repo, []).append(exposure)
    names = dict.fromkeys((*refs, *signings, *exposures))
    return tuple(
        _repository(name, refs.get(name, []), signings.get(name, []), exposures.get(name, []))
        for name in names
    )


def _repository(
    name: str, refs: list[RefRow], signings: list[SigningRow], exposures: list[ExposureRow]
) -> Repository:
    rules: dict[str, int] = {}
    for ref in refs:
        for rule in dict.fromkeys(ref.rules):
            rules[rule] = rules.get(rule, 0) + 1
    return Repository(
        name,
        min((ref.status for ref in refs), key=weight, default=""),
        tuple(refs),
        tuple(signings),
        tuple(exposures),
        tuple(sorted({place for ref in refs for place in ref.findings})),
        tuple(sorted(rules.items())),
    )


def places(report: Report) -> dict[int, tuple[RefRow, ...]]:
    """Place in ``Report.findings`` to the refs where it was found."""
    found: dict[int, list[RefRow]] = {}
    for ref in report.refs:
        for place in dict.fromkeys(ref.findings):
            if 0 <= place < len(report.findings):
                found.setdefault(place, []).append(ref)
    return {place: tuple(refs) for place, refs in found.items()}


def elsewhere(report: Report) -> tuple[RefRow, ...]:
    """The refs that are not as they should be and of which no finding tells."""
    return tuple(
        ref for ref in report.refs
        if tone(ref.status) == "bad" and not ref.findings and not ref.rules
    )  # fmt: skip


def where(refs: tuple[RefRow, ...], most: int = 3) -> str:
    """``acme/one: refs/heads/main`` or, of many, the first repositories and how many more."""
    if not refs:
        return ""
    names = tuple(dict.fromkeys(ref.repo for ref in refs))
    if len(names) == 1:
        heads = tuple(dict.fromkeys(ref.ref for ref in refs))
        return f"{names[0]}: {_listed(heads, most)}"
    return _listed(names, most)


def _listed(names: tuple[str, ...], most: int) -> str:
    left = len(names) - most
    more = f" and {left:,} more" if left > 0 else ""
    return ", ".join(names[:most]) + more


def moment(text: str) -> datetime | None:
    """An ISO 8601 time; without a zone it is UTC."""
    try:
        found = datetime.fromisoformat(text)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def finding_place(finding: Finding) -> str:
    """``README.md:3``, ``README.md`` or nothing."""
    place = finding.location
    if place is None:
        return ""
    return f"{place.path}:{place.line}" if place.line else place.path
