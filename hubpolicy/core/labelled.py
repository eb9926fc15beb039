# SPDX-License-Identifier: Apache-2.0
"""How well a scorer tells labelled texts apart: ROC-AUC, sensitivity, specificity, calibration.

Area under the curve as Mann and Whitney's statistic (Hanley & McNeil, Radiology 143, 1982), ties
half. Intervals are Clopper and Pearson's exact ones, two-sided 95 %. Pure: texts come in as bytes.
"""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, NamedTuple

from hubpolicy.core.statistics import upper_bound
from hubpolicy.errors import MalformedError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

COLUMNS = ("text", "label")
LABELS = {"0": False, "1": True, "false": False, "true": True}
BINS = 10
_SHAPE = "a CSV with the columns text and label (0 or 1): hubpolicy scorer evaluate --help"
_ONE_SIDE = "0.975"
_LONGEST = 1_000_000


class Labelled(NamedTuple):
    """A text and what people said about it."""

    text: str
    toxic: bool


class Judged(NamedTuple):
    """A labelled text's score (0 to 1) and the scorer's decision."""

    toxic: bool
    score: float
    flagged: bool


class Share(NamedTuple):
    """``hits`` of ``n`` with an exact two-sided 95 % interval, as decimal strings."""

    hits: int
    n: int
    low: str
    high: str

    @property
    def rate(self) -> str:
        """Rounded to four decimals."""
        return f"{self.hits / self.n:.4f}"


class Bin(NamedTuple):
    """Scores in [low, high): how many, their mean, and the share that people call toxic."""

    low: float
    high: float
    mean: float
    toxic: Share


class ScorerEvaluation(NamedTuple):
    """What was found. ``brier`` and ``error`` (expected calibration error): lower is better."""

    texts: int
    auc: float
    sensitivity: Share
    specificity: Share
    brier: float
    error: float
    bins: tuple[Bin, ...]


def parse_labelled(content: bytes, where: str) -> tuple[Labelled, ...]:
    """A CSV file with a header and at least the columns ``text`` and ``label`` (0, 1).

    Raises:
        MalformedError: the first thing that is wrong, with its line.

    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        message = f"got bytes that are not UTF-8, in {where}, line {line}"
        raise MalformedError(message, hint=_SHAPE) from error
    csv.field_size_limit(_LONGEST)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        rows = tuple(_rows(reader, where))
    except csv.Error as error:
        message = f"got {error}, expected CSV, in {where}, line {reader.line_num}"
        raise MalformedError(message, hint=_SHAPE) from error
    toxic = sum(row.toxic for row in rows)
    if not 0 < toxic < len(rows):
        message = f"got {toxic} toxic texts among {len(rows)}, expected some of both, in {where}"
        raise MalformedError(message, hint=_SHAPE)
    return rows


def evaluate(judged: Sequence[Judged]) -> ScorerEvaluation:
    """All figures.

    Raises:
        MalformedError: there are not texts of both kinds.

    """
    toxic = [one for one in judged if one.toxic]
    benign = [one for one in judged if not one.toxic]
    if not toxic or not benign:
        message = f"got {len(toxic)} toxic and {len(benign)} benign texts, expected some of both"
        raise MalformedError(message)
    bins = tuple(_bins(judged))
    gaps = (abs(one.mean - one.toxic.hits / one.toxic.n) * one.toxic.n for one in bins)
    squares = ((one.score - one.toxic) ** 2 for one in judged)
    return ScorerEvaluation(
        texts=len(judged),
        auc=roc_auc([one.score for one in toxic], [one.score for one in benign]),
        sensitivity=share(sum(one.flagged for one in toxic), len(toxic)),
        specificity=share(sum(not one.flagged for one in benign), len(benign)),
        brier=sum(squares) / len(judged),
        error=sum(gaps) / len(judged),
        bins=bins,
    )


def roc_auc(positive: Sequence[float], negative: Sequence[float]) -> float:
    """Chance that a positive one scores above a negative one, ties half; O(n log n)."""
    ranked = sorted([(value, 1) for value in positive] + [(value, 0) for value in negative])
    below = twice = at = 0
    while at < len(ranked):
        end = at
        while end < len(ranked) and ranked[end][0] == ranked[at][0]:
            end += 1
        here = sum(kind for _, kind in ranked[at:end])
        others = end - at - here
        # Counted twice, so that ties stay integers.
        twice += here * (2 * below + others)
        below += others
        at = end
    return twice / (2 * len(positive) * len(negative))


def share(hits: int, n: int) -> Share:
    """A share with its exact interval: 97.5 % on either side."""
    high = upper_bound(hits, n, _ONE_SIDE)
    low = 1 - float(upper_bound(n - hits, n, _ONE_SIDE))
    return Share(hits, n, f"{low:.6f}", high)


def _rows(reader: Iterator[list[str]], where: str) -> Iterator[Labelled]:
    header = next(reader, [])
    if any(header.count(name) != 1 for name in COLUMNS):
        message = f"got columns {header[:8]}, expected text and label once each, in {where}, line 1"
        raise MalformedError(message, hint=_SHAPE)
    text, label = (header.index(name) for name in COLUMNS)
    for row in reader:
        line = f"{where}, line {reader.line_num}"  # type: ignore[attr-defined]
        if len(row) != len(header):
            message = f"got {len(row)} fields, expected {len(header)}, in {line}"
            raise MalformedError(message, hint=_SHAPE)
        value = LABELS.get(row[label].strip().lower())
        if value is None:
            message = f"got label {row[label][:40]!r}, expected 0 or 1, in {line}"
            raise MalformedError(message, hint=_SHAPE)
        if not row[text].strip():
            message = f"got an empty text, expected one to score, in {line}"
            raise MalformedError(message, hint=_SHAPE)
        yield Labelled(row[text], value)


def _bins(judged: Sequence[Judged]) -> Iterator[Bin]:
    """Bins of equal width that hold something; a score of 1 is in the last one."""
    for at in range(BINS):
        inside = [one for one in judged if min(int(one.score * BINS), BINS - 1) == at]
        if inside:
            mean = sum(one.score for one in inside) / len(inside)
            toxic = share(sum(one.toxic for one in inside), len(inside))
            yield Bin(at / BINS, (at + 1) / BINS, mean, toxic)
