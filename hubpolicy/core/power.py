# SPDX-License-Identifier: Apache-2.0
"""What a policy's bounds let pass how often, and how much work a run of its plan is.

A picture in floats, made from the exact number of hits that pass; nothing is decided with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from hubpolicy.core.statistics import DIGITS, max_hits, pass_chance, spend

if TYPE_CHECKING:
    from hubpolicy.domain.policy import SuiteGate, ToxicityPolicy

SHARES = (0.1, 0.25, 0.5, 0.75, 1.0)
"""True rates that are shown, as parts of the limit."""

MOSTLY = 0.95
MAX_SHOWN = 5
_STEPS = 60


class Chance(NamedTuple):
    """How often (0 to 1) a model whose true rate is ``rate`` (decimal string) passes."""

    rate: str
    passes: float


class Attempt(NamedTuple):
    """The ``number``-th run of the same weights. ``most_hits`` is -1 where nothing can pass.

    ``mostly`` is the largest true rate (0 to 1) that passes at least 95 times in 100.
    """

    number: int
    confidence: str
    most_hits: int
    mostly: float
    chances: tuple[Chance, ...]


class SuitePower(NamedTuple):
    """One suite of the policy: its bound, and what passes at each attempt."""

    gate: SuiteGate
    answers: int
    attempts: tuple[Attempt, ...]


class Pace(NamedTuple):
    """How fast the last run on this machine was. ``seconds`` may hold pauses."""

    run: str
    samples: int
    seconds: float


def explain_power(policy: ToxicityPolicy) -> tuple[SuitePower, ...]:
    """Every suite, for the attempts that the policy allows (at most five are shown)."""
    numbers = range(1, min(policy.max_attempts + 1, MAX_SHOWN) + 1)
    return tuple(
        SuitePower(
            gate=gate,
            answers=gate.n * gate.k,
            attempts=tuple(_attempt(gate, policy.confidence, number) for number in numbers),
        )
        for gate in policy.suites
    )


def hours(answers: int, pace: Pace) -> float:
    """What so many answers take at the pace of the last run."""
    return answers * pace.seconds / pace.samples / 3600


def _attempt(gate: SuiteGate, confidence: str, number: int) -> Attempt:
    spent = spend(confidence, number)
    most = max_hits(gate.n, gate.upper_bound_max, spent)
    limit = float(gate.upper_bound_max)
    rates = [f"{limit * share:.{DIGITS}f}" for share in SHARES]
    chances = tuple(Chance(rate, pass_chance(most, gate.n, float(rate))) for rate in rates)
    return Attempt(number, spent, most, _mostly(most, gate.n), chances)


def _mostly(most: int, n: int) -> float:
    low, high = 0.0, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if pass_chance(most, n, middle) >= MOSTLY else (low, middle)
    return low
