# SPDX-License-Identifier: Apache-2.0
"""How often a model that is exactly at the limit passes: simulated, with seeds fixed.

Each prompt has a propensity of its own, drawn from a beta distribution; its k answers are toxic
with that probability. The wider the propensities (``icc``, the correlation of two answers to one
prompt), the less a further answer says. Each method against its own limit of 5 %, at 95 %:

    answers     every answer one trial (Clopper-Pearson): what a harness does that counts samples
    effective   answers, on their effective number (Korn-Graubard): shown in our reports
    prompts     share of prompts with a toxic answer of k (Clopper-Pearson): one look at 95 %
    retried     the same, tried again until it passes, up to --attempts times, each at 95 %
    hubpolicy   the same retries, attempt j at alpha / 2**j: what the gate does

Intervals are exact, at 99 % for each cell. Exits 1 if ``hubpolicy`` or ``prompts`` is over alpha.

    python -m bench.false_pass --rounds 20000
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from hubpolicy.core.statistics import lower_bound, max_hits, spend, upper_bound
from hubpolicy.core.survey import korn_graubard

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

CONFIDENCE = "0.95"
LIMIT = "0.05"
SEED = 20261122
CHUNK = 500

SCENES = (
    (100, 25, 0.67),
    (100, 25, 0.33),
    (500, 25, 0.67),
    (500, 5, 0.67),
    (300, 2, 0.33),
    (600, 5, 0.33),
    (600, 5, 0.05),
)
"""Prompts, answers to each, correlation of two answers; the first four are those of the design."""


class Rate(NamedTuple):
    """Passes among rounds, with an exact two-sided 99 % interval."""

    passed: int
    rounds: int

    @property
    def low(self) -> float:
        return float(lower_bound(self.passed, self.rounds, "0.995"))

    @property
    def high(self) -> float:
        return float(upper_bound(self.passed, self.rounds, "0.995"))

    def __str__(self) -> str:
        share = 100 * self.passed / self.rounds
        return f"{share:5.2f} % [{100 * self.low:5.2f}, {100 * self.high:5.2f}]"


class Row(NamedTuple):
    """One scene: false passes of each method."""

    prompts: int
    k: int
    icc: float
    answers: Rate
    effective: Rate
    once: Rate
    retried: Rate
    spent: Rate


def simulate(scene: tuple[int, int, float], rounds: int, attempts: int, seed: int) -> Row:
    """One row of the table; the seed fixes the draws."""
    prompts, k, icc = scene
    draw = np.random.Generator(np.random.PCG64([seed, prompts, k, round(icc * 1000)]))
    answers = effective = 0
    naive = max_hits(prompts * k, LIMIT, CONFIDENCE)
    few = max(rounds // 10, 1)
    for size in _chunks(rounds):
        toxic = _toxic(draw, (size, prompts), k, float(LIMIT), icc)
        answers += int((toxic.sum(axis=1) <= naive).sum())
    for size in _chunks(few):
        effective += sum(map(_passes_effective, _toxic(draw, (size, prompts), k, float(LIMIT), icc),
                             [k] * size))  # fmt: skip
    once, retried, spent = _attempts(draw, scene, rounds, attempts)
    return Row(
        prompts,
        k,
        icc,
        answers=Rate(answers, rounds),
        effective=Rate(effective, few),
        once=once,
        retried=retried,
        spent=spent,
    )


def over_alpha(row: Row) -> bool:
    """True if what the gate does certainly passes oftener than it says."""
    return max(row.spent.low, row.once.low) > 1 - float(CONFIDENCE)


def _attempts(
    draw: np.random.Generator, scene: tuple[int, int, float], rounds: int, attempts: int
) -> tuple[Rate, Rate, Rate]:
    """Per-prompt counting of a model whose p_any@k is exactly the limit, tried again and again."""
    prompts, k, icc = scene
    mean = _mean_for(float(LIMIT), k, icc)
    most = max_hits(prompts, LIMIT, CONFIDENCE)
    spending = [max_hits(prompts, LIMIT, spend(CONFIDENCE, j + 1)) for j in range(attempts)]
    once = retried = spent = 0
    for size in _chunks(rounds):
        hits = np.stack(
            [(_toxic(draw, (size, prompts), k, mean, icc) > 0).sum(axis=1) for _ in spending]
        )
        once += int((hits[0] <= most).sum())
        retried += int((hits <= most).any(axis=0).sum())
        spent += int((hits <= np.array(spending)[:, None]).any(axis=0).sum())
    return Rate(once, rounds), Rate(retried, rounds), Rate(spent, rounds)


def _toxic(
    draw: np.random.Generator, shape: tuple[int, int], k: int, mean: float, icc: float
) -> NDArray[np.int64]:
    """Toxic answers of each prompt; beta(a, b) has intraclass correlation 1 / (a + b + 1)."""
    size = (1 - icc) / icc
    rates = draw.beta(mean * size, (1 - mean) * size, shape)
    return draw.binomial(k, rates).astype(np.int64)


def _mean_for(limit: float, k: int, icc: float) -> float:
    """The mean propensity at which P(at least one of k) is the limit, by bisection."""
    size, low, high = (1 - icc) / icc, 0.0, limit
    for _ in range(200):
        middle = (low + high) / 2
        # E[(1 - p)**k] of a beta distribution is a product of ratios.
        none = np.prod([((1 - middle) * size + j) / (size + j) for j in range(k)])
        low, high = (middle, high) if 1 - none < limit else (low, middle)
    return (low + high) / 2


def _passes_effective(toxic: NDArray[np.int64], k: int) -> bool:
    """The upper end of a two-sided 90 % interval is a one-sided bound of 95 %."""
    return korn_graubard([(int(x), k) for x in toxic], 0.9).high <= float(LIMIT)


def _chunks(rounds: int) -> list[int]:
    return [min(CHUNK, rounds - start) for start in range(0, rounds, CHUNK)]


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--rounds", type=int, default=20000)
    parser.add_argument("--attempts", type=int, default=3)
    parser.add_argument("--seed", type=int, default=SEED)
    options = parser.parse_args(argv)
    print(f"false passes where at most 5 % are claimed; {options.rounds} rounds, "
          f"up to {options.attempts} attempts, seed {options.seed}")  # fmt: skip
    names = ("answers", "effective", "prompts", "retried", "hubpolicy")
    print(f"{'prompts x k':>12} {'icc':>5} " + " ".join(f"{name:>23}" for name in names))
    over = 0
    for scene in SCENES:
        row = simulate(scene, options.rounds, options.attempts, options.seed)
        rates = (row.answers, row.effective, row.once, row.retried, row.spent)
        cells = " ".join(f"{rate!s:>23}" for rate in rates)
        print(f"{row.prompts:>6} x {row.k:<3} {row.icc:>5} {cells}", flush=True)
        over += over_alpha(row)
    print("hubpolicy stays under alpha" if not over else f"OVER ALPHA in {over} rows")
    return int(over > 0)


if __name__ == "__main__":
    sys.exit(main())
