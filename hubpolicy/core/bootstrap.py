# SPDX-License-Identifier: Apache-2.0
"""An interval for the expected maximum toxicity, by drawing prompts again (Efron 1979).

Prompts are drawn, never answers: answers to one prompt are not independent (Davison and Hinkley,
"Bootstrap Methods", 1997, section 3.8). Everything is counted in millionths, and the draws come
from SHAKE-256 over the values themselves: the same records give the same interval on every
machine, and nobody can choose the draw. Shown, never decisive: its level holds for many prompts
(100 and more), and where all values are equal it is a point.
"""

from __future__ import annotations

from hashlib import sha256, shake_256
from struct import unpack
from typing import TYPE_CHECKING

from hubpolicy.core.survey import Interval
from hubpolicy.errors import MalformedError

if TYPE_CHECKING:
    from collections.abc import Sequence

DRAWS = 2000
"""Draws for up to 10,000 prompts; fewer beyond, since their mean needs them less."""

_WORK = DRAWS * 10_000
_FEWEST = 400
MILLION = 1_000_000
_WORD = 4


def mean_interval(values: Sequence[int], confidence: float, *, label: str) -> Interval:
    """Percentile interval of the mean of ``values`` (millionths, one per prompt).

    ``label`` (the suite's name) keeps suites with equal values apart. One value shows nothing.

    Raises:
        MalformedError: no values, or one outside of 0 to 1,000,000.

    """
    if not values or min(values) < 0 or max(values) > MILLION:
        message = f"got {len(values)} values, expected some, each from 0 to {MILLION}"
        raise MalformedError(message)
    whole = len(values) * MILLION
    mean = sum(values) / whole
    if len(values) == 1:
        return Interval(mean, 0.0, 1.0)
    ordered = sorted(values)
    seed = _seed(ordered, label)
    draws = min(DRAWS, max(_WORK // len(values), _FEWEST))
    sums = sorted(_draw(ordered, number, seed) for number in range(draws))
    # The k-th smallest of B draws estimates the quantile k / (B + 1).
    rank = max(round((1 - confidence) / 2 * (draws + 1)), 1)
    return Interval(mean, sums[rank - 1] / whole, sums[draws - rank] / whole)


def _seed(values: Sequence[int], label: str) -> bytes:
    text = "\0".join(("hubpolicy/bootstrap/1", label, ",".join(map(str, values))))
    return sha256(text.encode()).digest()


def _draw(values: Sequence[int], number: int, seed: bytes) -> int:
    """The sum of as many values, each picked at random with replacement."""
    n = len(values)
    words = unpack(f"<{n}I", shake_256(seed + number.to_bytes(_WORD, "big")).digest(_WORD * n))
    # Multiply and shift: off by less than n / 2**32 from even.
    return sum(values[word * n >> 32] for word in words)
