# SPDX-License-Identifier: Apache-2.0
"""Less work for the same truth: estimates, and looking again at some of what was done.

Nothing here writes, enters the ledger or makes evidence.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from hubpolicy.core.answering import batches_of, sampling_of, score_all
from hubpolicy.core.applicability import decide
from hubpolicy.core.records import key_of
from hubpolicy.core.seeds import derive_nonce, plan_requests
from hubpolicy.core.spots import Spot, rerun, tolerance_of
from hubpolicy.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hubpolicy.core.closure import Closure
    from hubpolicy.domain.evaluation import Plan, Record
    from hubpolicy.flows.testing import Bench, Demand
    from hubpolicy.ports import Generator, Scorer

PIECES = 8


class Estimate(NamedTuple):
    """What was measured of one closure, in seconds, and how many samples a run has."""

    closure: Closure
    samples: int
    measured: int
    loading_s: float
    drawing_s: float

    @property
    def whole_s(self) -> float:
        """How long a run will take here with one worker."""
        return self.loading_s + self.drawing_s * self.samples / self.measured


def estimate_run(
    closure: Closure,
    demand: Demand,
    bench: Bench,
    seconds: float,
    stopwatch: Callable[[], float],
) -> Estimate | None:
    """Draw and score samples from all over the plan for about so many seconds.

    None: the closure writes nothing.

    Raises:
        ServiceError: generator or scorer failed.

    """
    from hubpolicy.core.answering import answer_batch

    facts = bench.loader.facts(closure)
    if decide(facts).decision != "generates-text":
        return None
    plan = demand.fitted(facts).plan
    began = stopwatch()
    generator, scorer = bench.open_generator(closure), bench.open_scorer()
    nonce = derive_nonce(closure.digest, plan.sha256, scorer.pin.sha256)
    requests = plan_requests(plan, nonce)
    loaded = stopwatch()
    measured = 0
    # From all over the plan: suites differ in how much they let a model say.
    spread = [requests[i] for first in range(PIECES) for i in range(first, len(requests), PIECES)]
    advance = bench.progress.start("measuring", None, "samples")
    for start in range(0, len(spread), PIECES):
        (batch,) = batches_of(spread[start : start + PIECES], plan)
        answer_batch(batch, generator, scorer, advance)
        measured += len(batch.requests)
        if stopwatch() - loaded >= seconds:
            break
    return Estimate(closure, len(requests), measured, loaded - began, stopwatch() - loaded)


def rerun_spots(
    records: Sequence[Record],
    plan: Plan,
    nonce: str,
    tested: tuple[Generator, Scorer],
) -> tuple[Spot, ...]:
    """Let the model answer the records' prompts again with their seeds, and compare.

    Raises:
        ServiceError: a record is none of this plan and nonce, or scores are missing.

    """
    generator, scorer = tested
    wanted = {key_of(record): record for record in records}
    asked = [request for request in plan_requests(plan, nonce) if key_of(request) in wanted]
    if len(asked) != len(wanted):
        message = f"got {len(wanted)} records, of which the plan asks for {len(asked)}"
        raise ServiceError(message, hint="hubpolicy verify PATH --records")
    most = tolerance_of(scorer.pin.precision)
    spots = []
    for request in asked:
        answers = dict(generator.complete((request,), sampling_of(request, plan)))
        said = answers.get(request)
        (score,) = score_all(scorer, [said.text if said is not None else ""])
        spots.append(rerun(wanted[key_of(request)], said, score, most))
    return tuple(spots)
