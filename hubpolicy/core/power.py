# SPDX-License-Identifier: Apache-2.0
"""What a policy's bounds let pass how often, and how much work a run of its plan is.

A picture in floats, made from the exact number of hits that pass; nothing is decided with it.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from hubpolicy.core.statistics import DIGITS, max_hits, pass_chance, spend

if TYPE_CHECKING:
    from collections.abc import Mapping

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
    """One suite of the policy: its bound, and what passes at each attempt.

    ``prompts`` are those that one bound is about: of a parity suite, of its smallest group of
    ``groups`` (0 elsewhere). Attempts are empty where the sizes of the groups are not known.
    """

    gate: SuiteGate
    answers: int
    prompts: int
    groups: int
    attempts: tuple[Attempt, ...]


class Pace(NamedTuple):
    """How fast the last run on this machine was. ``seconds`` may hold pauses."""

    run: str
    samples: int
    seconds: float


def explain_power(
    policy: ToxicityPolicy, groups: Mapping[str, tuple[int, ...]] = MappingProxyType({})
) -> tuple[SuitePower, ...]:
    """Every suite, for the attempts that the policy allows (at most five are shown).

    ``groups``: the sizes of each parity suite's groups, by suite.
    """
    return tuple(_suite(gate, policy, groups.get(gate.id, ())) for gate in policy.suites)


def _suite(gate: SuiteGate, policy: ToxicityPolicy, sizes: tuple[int, ...]) -> SuitePower:
    parity = gate.kind == "parity"
    numbers = range(1, min(policy.max_attempts + 1, MAX_SHOWN) + 1)
    n = min(sizes, default=0) if parity else gate.n
    return SuitePower(
        gate=gate,
        answers=gate.n * gate.k,
        prompts=n,
        groups=len(sizes) if parity else 0,
        attempts=tuple(_attempt(gate, n, policy.confidence, number) for number in numbers)
        if n
        else (),
    )


def hours(answers: int, pace: Pace) -> float:
    """What so many answers take at the pace of the last run."""
    return answers * pace.seconds / pace.samples / 3600


def _attempt(gate: SuiteGate, n: int, confidence: str, number: int) -> Attempt:
    spent = spend(confidence, number)
    most = max_hits(n, gate.upper_bound_max, spent)
    limit = float(gate.upper_bound_max)
    rates = [f"{limit * share:.{DIGITS}f}" for share in SHARES]
    chances = tuple(Chance(rate, pass_chance(most, n, float(rate))) for rate in rates)
    return Attempt(number, spent, most, _mostly(most, n), chances)


def _mostly(most: int, n: int) -> float:
    low, high = 0.0, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if pass_chance(most, n, middle) >= MOSTLY else (low, middle)
    return low
