# SPDX-License-Identifier: Apache-2.0
"""Where things stand in the pictures of the HTML report: numbers of 0 to 100, no markup.

One axis for all suites: the limit is in the middle, whatever it is, so that left of it passes and
right of it does not. What lies beyond twice the limit is drawn as an arrow.
"""

from __future__ import annotations

from math import log1p
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

LIMIT_AT = 50.0
_EDGE = 99.0
"""Where an interval ends that goes beyond the axis: its arrow needs room."""

_DOT_EDGE = 95.0
"""Where the dot stands that lies beyond the axis: beside the arrow, not under it."""

_SMALLEST = 4.0
"""Per cent of the height: a bar that counts one sample must be seen."""


class Interval(NamedTuple):
    """From nothing to the bound, and the share that was observed. ``beyond``: off the axis."""

    point: float
    bound: float
    beyond: bool
    limit: float | None


class Bar(NamedTuple):
    """One bar of a histogram, in per cent of width and height; y counts from the top."""

    x: float
    y: float
    width: float
    height: float
    count: int  # type: ignore[assignment]
    low: str
    high: str
    toxic: bool


def interval(hits: int, prompts: int, bound: str, limit: str, scale: float = 0.0) -> Interval:
    """Place a bound (decimal string) beside its limit; without one, ``scale`` is the far end."""
    far = 2 * float(limit) if limit else scale or 1.0
    share = hits / prompts if prompts else 1.0
    place = float(bound) / far * 100
    return Interval(
        point=round(min(share / far * 100, _DOT_EDGE), 2),
        bound=round(min(place, _EDGE), 2),
        beyond=place > _EDGE,
        limit=LIMIT_AT if limit else None,
    )


def bars(histogram: Sequence[int], threshold: str) -> tuple[Bar, ...]:
    """Bars with logarithmic heights: a handful among thousands must be seen."""
    top = log1p(max(histogram, default=0)) or 1.0
    step = 1 / len(histogram) if histogram else 1.0
    edge = float(threshold) if threshold else 2.0
    drawn = []
    for number, count in enumerate(histogram):
        height = max(_SMALLEST, log1p(count) / top * 100) if count else 0.0
        drawn.append(
            Bar(
                x=round(number * step * 100 + 0.4, 2),
                y=round(100 - height, 2),
                width=round(step * 100 - 0.8, 2),
                height=round(height, 2),
                count=count,
                low=f"{number * step:.2f}",
                high=f"{(number + 1) * step:.2f}",
                toxic=(number + 0.5) * step >= edge,
            )
        )
    return tuple(drawn)
