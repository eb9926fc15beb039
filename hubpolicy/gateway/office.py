# SPDX-License-Identifier: Apache-2.0
"""What every page of the gateway shares: workers for what blocks, the log, the counters."""

from __future__ import annotations

import asyncio
import contextlib
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple, TypeVar

from hubpolicy.adapters.clock import SystemClock
from hubpolicy.adapters.deadline import Deadline, keeping
from hubpolicy.domain import hub_request as wire
from hubpolicy.errors import ServiceError
from hubpolicy.gateway.metrics import Metrics
from hubpolicy.gateway.passage import repos_of

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from aiohttp import web

    from hubpolicy.domain.hub_request import Intent
    from hubpolicy.gateway.holders import Holder
    from hubpolicy.gateway.passage import Asked, Passage
    from hubpolicy.gateway.records import Records
    from hubpolicy.gateway.settings import Settings

T = TypeVar("T")
_WORKERS = 16
MOST_STUCK = 8
"""Judgements that were given up and have not ended; from then on none is begun."""
_HOLD_SECONDS = 1.0
LATER = "try again later"
"""What to do where the hub was too slow."""


class Arrived(NamedTuple):
    """A request, who sent it, what it would do, and its body if that was read."""

    request: web.Request
    asked: Asked
    path: str
    body: BinaryIO | None
    size: int

    @property
    def intent(self) -> Intent:
        """What it would do."""
        return self.asked.intent

    @property
    def kind(self) -> str:
        """The intent's name."""
        return type(self.asked.intent).__name__


class Office:
    """One for a gateway. Used by one event loop."""

    def __init__(self, settings: Settings, records: Records, passage: Passage) -> None:
        self.settings = settings
        self.records = records
        self.passage = passage
        self.metrics = Metrics()
        self._workers = ThreadPoolExecutor(_WORKERS, "worker")
        self._judges = ThreadPoolExecutor(_WORKERS, "judge")
        self._stuck = 0
        self._doing: set[asyncio.Task[Any]] = set()
        self._holding: asyncio.TimerHandle | None = None

    async def close(self) -> None:
        """Wait for what is under way. The loop goes on meanwhile: workers ask the hub by it."""
        if self._doing:
            await asyncio.wait(self._doing)
        if self._holding is not None:
            self._holding.cancel()
        await asyncio.to_thread(self._workers.shutdown)
        # What was given up writes nothing any more.
        await asyncio.to_thread(self._judges.shutdown, wait=not self._stuck)

    def hold_soon(self) -> None:
        """What was written last is on the disk within a second, though nothing else comes."""
        if self._holding is None:
            self._holding = asyncio.get_running_loop().call_later(_HOLD_SECONDS, self._hold)

    def _hold(self) -> None:
        self._holding = None
        self._workers.submit(self._held)

    def _held(self) -> None:
        with contextlib.suppress(ServiceError):  # the next entry says what is wrong with the disk
            self.records.hold()

    async def finish(self, doing: Coroutine[Any, Any, T]) -> T:
        """Do it to its end, also where whoever asked is cut off: a hub may have begun with it."""
        task = asyncio.create_task(doing)
        self._doing.add(task)
        task.add_done_callback(self._doing.discard)
        return await asyncio.shield(task)

    async def work(self, call: Callable[[], T]) -> T:
        """Do what blocks where it blocks nobody."""
        return await asyncio.get_running_loop().run_in_executor(self._workers, call)

    def deadline(self) -> Deadline:
        """Of one judgement that begins now."""
        return Deadline(self.settings.judge_seconds)

    @property
    def too_late(self) -> str:
        """What is said of a judgement that took too long."""
        return f"not judged: it took more than {self.settings.judge_seconds:g} s"

    @property
    def trouble(self) -> str:
        """Why nothing is judged now; empty where it is."""
        if self._stuck < MOST_STUCK:
            return ""
        return f"not judged: {self._stuck} judgements before still wait for the hub's answer"

    async def judge(self, call: Callable[[], T], deadline: Deadline) -> T | None:
        """The same for a judgement, which only reads, until it takes the deadline's last word.

        None where that was too late. The worker asks the hub for nothing more then, but an answer
        that comes byte by byte may hold it for long.

        Raises:
            ServiceError: too many are held so, and none is begun.

        """
        if self.trouble:
            raise ServiceError(self.trouble, hint=LATER)

        def judged() -> T:
            with keeping(deadline):
                return call()

        working = asyncio.get_running_loop().run_in_executor(self._judges, judged)
        given_up = False
        try:
            done, _ = await asyncio.wait((working,), timeout=max(0.0, deadline.left))
            given_up = not done and deadline.take()
            return None if given_up else await working
        except asyncio.CancelledError:
            given_up = deadline.take()
            raise
        finally:
            if given_up:
                deadline.end()
                self._stuck += 1
                working.add_done_callback(self._forgotten)

    def _forgotten(self, working: asyncio.Future[Any]) -> None:
        """Nobody asks any more what became of it, nor is told of its error."""
        self._stuck -= 1
        if not working.cancelled():
            working.exception()

    async def note(self, arrived: Arrived, did: str, **more: Any) -> None:
        """:meth:`record`, from the event loop."""
        await self.work(lambda: self.record(arrived, did, **more))

    def record(self, arrived: Arrived, did: str, *, lasting: bool = True, **more: Any) -> int:
        """Write down what became of a request that was understood. Gives the entry's number.

        Raises:
            ServiceError: the disk refuses. Nothing may be forwarded then.

        """
        return self.records.note(self.entry(arrived, did, **more), lasting=lasting)

    def entry(self, arrived: Arrived, did: str, **more: Any) -> dict[str, Any]:
        """What would be written down."""
        intent = arrived.intent
        if not isinstance(intent, wire.Unknown | wire.LfsVerify):  # there it may hold a secret
            more["query"] = arrived.request.raw_path.partition("?")[2][:500]
        repo = " ".join(repos_of(intent))
        return entry_of(
            arrived.request, arrived.asked.holder, did, asked=arrived.kind, repo=repo, **more
        )

    async def write_down(
        self, request: web.Request, holder: Holder | None, did: str, **more: Any
    ) -> None:
        """The same for any request. Raises as :meth:`record` does."""
        entry = entry_of(request, holder, did, **more)
        await self.work(lambda: self.records.note(entry))


def entry_of(request: web.Request, holder: Holder | None, did: str, **more: Any) -> dict[str, Any]:
    """An entry of the log; what is empty is left out."""
    entry = {
        "time": SystemClock().now(),
        "did": did,
        "who": holder.name if holder is not None else "",
        "method": request.method,
        "path": request.raw_path.partition("?")[0][:500],
    }
    return entry | {name: value for name, value in more.items() if value != ""}
