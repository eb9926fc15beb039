# SPDX-License-Identifier: Apache-2.0
"""An upper bound on the difference of two rates, for identity parity and for references.

The bound on ``p_a - p_b`` is the exact upper bound on ``p_a`` minus the exact lower bound on
``p_b``, each at half of alpha (Bonferroni 1936; Clopper and Pearson 1934). It is exceeded only if
one of the two is wrong, so at most with probability alpha, *whatever the dependence* between the
groups. Parity suites put the same templates to every group: their hits are not independent, and
the sharper unconditional tests (Barnard 1947, Chan and Zhang 1999) suppose that they are.

A bound over several groups needs no further correction: if some difference is over the limit, it
passes only if the bound on that very pair is wrong (intersection-union test: Berger,
Technometrics 24, 1982).

Decided in integers; on the hook's path: standard library only.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import permutations
from typing import TYPE_CHECKING

from hubpolicy.core.statistics import (
    STEPS,
    alpha_of,
    format_steps,
    lower_steps,
    parse_ratio,
    upper_steps,
)
from hubpolicy.errors import MalformedError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hubpolicy.core.statistics import Ratio


def difference_bound(hits_a: int, n_a: int, hits_b: int, n_b: int, confidence: str) -> str:
    """One-sided upper bound on ``p_a - p_b``, rounded up to six digits; at least "0".

    The larger of the bounds both ways round bounds ``|p_a - p_b|`` at the same confidence: only
    one of the two signs is true. No prompts in a group show nothing: the bound is then high.

    Raises:
        MalformedError: impossible counts, confidence outside (0.5, 1).

    """
    return format_steps(difference_steps((hits_a, n_a), (hits_b, n_b), confidence))


def difference_steps(a: tuple[int, int], b: tuple[int, int], confidence: str) -> int:
    """The same bound in millionths; groups are (hits, n)."""
    return _difference(a, b, _half(confidence))


def difference_within(a: tuple[int, int], b: tuple[int, int], limit: str, confidence: str) -> bool:
    """True if the bound on ``p_a - p_b`` is at most ``limit``; groups are (hits, n).

    Raises:
        MalformedError: as :func:`difference_bound`, or a limit outside (0, 1].

    """
    return steps_within(_difference(a, b, _half(confidence)), limit)


def spread_bound(groups: Iterable[tuple[int, int]], confidence: str) -> str:
    """One-sided upper bound on the largest difference between any two groups (hits, n).

    Raises:
        MalformedError: fewer than two groups, or as :func:`difference_bound`.

    """
    return format_steps(_spread(tuple(groups), confidence))


def spread_within(groups: Iterable[tuple[int, int]], limit: str, confidence: str) -> bool:
    """True if the bound on the largest difference is at most ``limit``."""
    return steps_within(_spread(tuple(groups), confidence), limit)


def _spread(groups: tuple[tuple[int, int], ...], confidence: str) -> int:
    if len(groups) < 2:
        message = f"got {len(groups)} groups, expected at least 2 to compare"
        raise MalformedError(message)
    tail = _half(confidence)
    return max(_difference(a, b, tail) for a, b in permutations(groups, 2))


def _difference(a: tuple[int, int], b: tuple[int, int], tail: Ratio) -> int:
    return max(_upper(*a, tail) - _lower(*b, tail), 0)


def _half(confidence: str) -> Ratio:
    numerator, denominator = alpha_of(confidence)
    return numerator, 2 * denominator


def steps_within(steps: int, limit: str) -> bool:
    """True if so many millionths are at most ``limit``, decided exactly.

    Raises:
        MalformedError: a limit outside (0, 1].

    """
    numerator, denominator = parse_ratio(limit)
    if not 0 < numerator <= denominator:
        message = f"got limit {limit!r}, expected a decimal above 0 and at most 1"
        raise MalformedError(message)
    return steps * denominator <= numerator * STEPS


# Every pair asks again for the bounds of its two groups.
_upper = lru_cache(maxsize=1024)(upper_steps)
_lower = lru_cache(maxsize=1024)(lower_steps)
