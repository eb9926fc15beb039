# SPDX-License-Identifier: Apache-2.0
"""Ray actors on this machine or a cluster (port ``Executor``; extra ``[ray]``).

One model and one ONNX session per actor. Ray keeps no order and need not: records are sorted by
key. ``RAY_ADDRESS`` names a cluster; without it Ray runs on this machine alone, on the loopback
interface, and is stopped in the end.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from hubpolicy.adapters.executors.worker import (
    Recipe,
    Worker,
    identity_of,
    taken,
    too_slow,
)
from hubpolicy.core.rules import hp416
from hubpolicy.errors import ServiceError, UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from hubpolicy.adapters.executors.worker import Identity
    from hubpolicy.core.answering import Answered, Batch
    from hubpolicy.core.closure import Closure
    from hubpolicy.ports import Advance, Generator, Scorer

AHEAD = 2
"""Batches that wait per actor."""


class RayActors:
    """So many actors for the length of one run."""

    def __init__(
        self, workers: int, deadline_s: float, recipe_of: Callable[[Closure], Recipe]
    ) -> None:
        """Import Ray; start nothing yet.

        Raises:
            UnsupportedError: Ray is not installed.

        """
        self._ray = _import_ray()
        self._workers = workers
        self._deadline_s = deadline_s
        self._recipe_of = recipe_of

    def run(
        self, closure: Closure, tested: tuple[Generator, Scorer], batches: Iterable[Batch],
        advance: Advance,
    ) -> Iterator[Answered]:  # fmt: skip
        """Answers in the order in which they come; every node's files are hashed in the end."""
        ray = self._ray
        try:
            _start(ray, self._workers)
            actors = self._actors(self._recipe_of(closure), identity_of(*tested))
            yield from self._pump(actors, iter(batches), advance)
            self._refuse_changed(actors)
        except ray.exceptions.RayError as error:
            reason = str(error).strip().splitlines()[-1:] or [type(error).__name__]
            message = f"Ray failed: {reason[0]}; what was scored is kept"
            raise ServiceError(message, hint="run the same command again") from error
        finally:
            ray.shutdown()

    def _actors(self, recipe: Recipe, expected: Identity) -> list[Any]:
        remote = self._ray.remote(Worker)
        actors = [remote.remote(recipe, expected) for _ in range(self._workers)]
        for failed in self._all([actor.ready.remote() for actor in actors]):
            if failed is not None:
                raise failed
        return actors

    def _pump(
        self, actors: list[Any], batches: Iterator[Batch], advance: Advance
    ) -> Iterator[Answered]:
        free = actors * AHEAD
        pending: dict[Any, tuple[Any, int]] = {}
        while True:
            while free and (batch := next(batches, None)):
                actor = free.pop(0)
                pending[actor.answer.remote(batch)] = (actor, len(batch.requests))
            if not pending:
                return
            done, _ = self._ray.wait(list(pending), num_returns=1, timeout=self._deadline_s)
            if not done:
                raise too_slow(self._deadline_s)
            actor, samples = pending.pop(done[0])
            free.append(actor)
            answered = taken(self._ray.get(done[0]))
            advance(samples)
            yield answered

    def _refuse_changed(self, actors: list[Any]) -> None:
        found = self._all([actor.changed.remote() for actor in actors])
        changed = sorted({path for paths in found for path in paths})
        if changed:
            raise hp416.changed(changed, "on a worker's machine")

    def _all(self, references: list[Any]) -> list[Any]:
        try:
            found: list[Any] = self._ray.get(references, timeout=self._deadline_s)
        except self._ray.exceptions.GetTimeoutError as error:
            raise too_slow(self._deadline_s) from error
        return found


def _import_ray() -> Any:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ImportError as error:
        message = "Ray is not installed"
        raise UnsupportedError(message, hint='pip install "hubpolicy[ray]"') from error
    return ray


def _start(ray: Any, workers: int) -> None:
    """Join the cluster that ``RAY_ADDRESS`` names, else begin one here that nobody else sees."""
    quiet = {"log_to_driver": False, "logging_level": "ERROR"}
    if os.environ.get("RAY_ADDRESS"):
        ray.init(**quiet)
        return
    cores = max(workers, os.cpu_count() or 1)
    local = {"num_cpus": cores, "include_dashboard": False, "_node_ip_address": "127.0.0.1"}
    ray.init(**quiet, **local)
