# SPDX-License-Identifier: Apache-2.0
"""Worker processes on this machine (port ``Executor``), each with model and scorer of its own.

For models that use one core: two threads on one model gain nothing, two processes do.
"""

from __future__ import annotations

import multiprocessing
import signal
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import connection
from typing import TYPE_CHECKING

from hubpolicy.adapters.executors.worker import (
    Identity,
    Recipe,
    Worker,
    identity_of,
    taken,
    too_slow,
)
from hubpolicy.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from hubpolicy.core.answering import Answered, Batch
    from hubpolicy.core.closure import Closure
    from hubpolicy.errors import HubpolicyError
    from hubpolicy.ports import Advance, Generator, Scorer

AHEAD = 2
"""Batches that wait per worker, so that none is idle."""

_here: list[Worker] = []
"""The one worker of a worker process."""


class Processes:
    """A pool of spawned processes for the length of one run."""

    def __init__(
        self, workers: int, deadline_s: float, recipe_of: Callable[[Closure], Recipe]
    ) -> None:
        """Start nothing yet."""
        self._workers = workers
        self._deadline_s = deadline_s
        self._recipe_of = recipe_of

    def run(
        self, closure: Closure, tested: tuple[Generator, Scorer], batches: Iterable[Batch],
        advance: Advance,
    ) -> Iterator[Answered]:  # fmt: skip
        """Answers in the order in which they come."""
        context = multiprocessing.get_context("spawn")
        recipe = self._recipe_of(closure)
        pool = ProcessPoolExecutor(self._workers, context, _begin, (recipe, identity_of(*tested)))
        try:
            yield from self._pump(pool, iter(batches), advance)
        except BrokenProcessPool as error:
            message = "a worker process died; what was scored is kept"
            hint = "is there memory for so many workers? run the same command again"
            raise ServiceError(message, hint=hint) from error
        finally:
            _end(pool)

    def _pump(
        self, pool: ProcessPoolExecutor, batches: Iterator[Batch], advance: Advance
    ) -> Iterator[Answered]:
        pending: dict[Future[Answered | HubpolicyError], int] = {}
        while True:
            while len(pending) < self._workers * AHEAD and (batch := next(batches, None)):
                pending[pool.submit(_answer, batch)] = len(batch.requests)
            if not pending:
                return
            done, _ = wait(pending, self._deadline_s, FIRST_COMPLETED)
            if not done:
                raise too_slow(self._deadline_s)
            for future in done:
                samples = pending.pop(future)
                answered = taken(future.result())
                advance(samples)
                yield answered


def _end(pool: ProcessPoolExecutor) -> None:
    """Leave no process behind, whatever it is busy with."""
    processes = list((pool._processes or {}).values())  # noqa: SLF001 - no public way before 3.14
    pool.shutdown(wait=False, cancel_futures=True)
    for process in processes:
        process.kill()
    # The pool's own thread reaps them; to do that here too would be a race for their exit codes.
    ends = [process.sentinel for process in processes]
    while ends:
        gone = connection.wait(ends)
        ends = [end for end in ends if end not in gone]


def _begin(recipe: Recipe, expected: Identity) -> None:
    # Ctrl-C is for the parent, which then ends its workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _here.append(Worker(recipe, expected))


def _answer(batch: Batch) -> Answered | HubpolicyError:
    return _here[0].answer(batch)
