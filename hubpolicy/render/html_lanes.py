# SPDX-License-Identifier: Apache-2.0
"""Where releases and exposures stand on the one time axis of an audit's page: 0 to 100, no markup.

Times are what their signers say. One that is no ISO 8601 time stands nowhere on the axis; the table
beside it shows it as it was written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from hubpolicy.render.repositories import moment

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from hubpolicy.render.report import ExposureRow, Report, SigningRow
    from hubpolicy.render.repositories import Repository

_FIRST, _LAST = 1.5, 98.5
"""Where the axis begins and ends: a dot at either end is not cut off."""

MOST_DOTS = 60
"""Releases drawn of one repository, the newest; the table beside it counts the others."""


class Axis(NamedTuple):
    """From the earliest to the latest moment that the page tells of; the same for every lane."""

    start: datetime
    end: datetime

    def at(self, moment: datetime) -> float:
        """The place of a moment."""
        whole = (self.end - self.start).total_seconds()
        part = (moment - self.start).total_seconds() / whole if whole else 1.0
        return round(_FIRST + min(max(part, 0.0), 1.0) * (_LAST - _FIRST), 2)

    @property
    def labels(self) -> tuple[str, str, str]:
        """Days at both ends and in the middle."""
        middle = self.start + (self.end - self.start) / 2
        return tuple(f"{m:%Y-%m-%d}" for m in (self.start, middle, self.end))  # type: ignore[return-value]


class Dot(NamedTuple):
    """One release; ``outstanding`` if something about it is worth a look."""

    x: float
    outstanding: bool


class Span(NamedTuple):
    """Some time in public without a release."""

    x: float
    width: float


class Lane(NamedTuple):
    """What happened in one repository. ``words`` say the same."""

    dots: tuple[Dot, ...]
    spans: tuple[Span, ...]
    words: str


def axis(report: Report) -> Axis | None:
    """The axis of all lanes; None if nothing on the page has a time."""
    texts = [row.time for row in report.signings]
    texts += [time for row in report.exposures for time in (row.since, row.until)]
    told = _moments(texts)
    if not told:
        return None
    told += _moments([report.made])
    return Axis(min(told), max(told))


def lane(repository: Repository, on: Axis | None) -> Lane | None:
    """The lane of one repository; None if it has nothing to show."""
    if on is None or not (repository.signings or repository.exposures):
        return None
    dots = [
        Dot(on.at(at), bool(row.remark))
        for row in repository.signings[-MOST_DOTS:]
        if (at := moment(row.time))
    ]
    spans = [span for row in repository.exposures[-MOST_DOTS:] if (span := _span(row, on))]
    return Lane(tuple(dots), tuple(spans), _words(repository.signings, repository.exposures))


def _moments(texts: Iterable[str]) -> list[datetime]:
    return [found for text in texts if (found := moment(text))]


def _span(row: ExposureRow, on: Axis) -> Span | None:
    since = moment(row.since)
    until = moment(row.until) if row.until else on.end
    if since is None or until is None:
        return None
    left, right = on.at(since), on.at(until)
    return Span(left, round(max(right - left, 0.6), 2))


def _words(signings: tuple[SigningRow, ...], exposures: tuple[ExposureRow, ...]) -> str:
    words = []
    if signings:
        outstanding = sum(bool(row.remark) for row in signings)
        times = sorted(row.time for row in signings)
        span = f" from {times[0]} to {times[-1]}" if len(signings) > 1 else f" of {times[0]}"
        words.append(f"{len(signings):,} release{'s'[: len(signings) > 1]}{span}")
        if outstanding:
            words.append(f"{outstanding:,} that stand{'s'[outstanding > 1 :]} out")
    if exposures:
        count = len(exposures)
        words.append(f"{count:,} time{'s'[: count > 1]} in public without a release")
    return "; ".join(words)
