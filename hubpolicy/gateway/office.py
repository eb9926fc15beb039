# SPDX-License-Identifier: Apache-2.0
"""What every page of the gateway shares: workers for what blocks, the log, the counters."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple, TypeVar

from hubpolicy.adapters.clock import SystemClock
from hubpolicy.domain import hub_request as wire
from hubpolicy.gateway.metrics import Metrics
from hubpolicy.gateway.passage import repos_of

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from aiohttp import web

    from hubpolicy.domain.hub_request import Intent
    from hubpolicy.gateway.passage import Asked, Passage
    from hubpolicy.gateway.records import Holder, Records
    from hubpolicy.gateway.settings import Settings

T = TypeVar("T")
_WORKERS = 16


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
        self._workers = ThreadPoolExecutor(_WORKERS, "judge")
        self._doing: set[asyncio.Task[Any]] = set()

    async def close(self) -> None:
        """Wait for what is under way."""
        if self._doing:
            await asyncio.wait(self._doing)
        self._workers.shutdown()

    async def finish(self, doing: Coroutine[Any, Any, T]) -> T:
        """Do it to its end, also where whoever asked is cut off: a hub may have begun with it."""
        task = asyncio.create_task(doing)
        self._doing.add(task)
        task.add_done_callback(self._doing.discard)
        return await asyncio.shield(task)

    async def work(self, call: Callable[[], T]) -> T:
        """Do what blocks where it blocks nobody."""
        return await asyncio.get_running_loop().run_in_executor(self._workers, call)

    async def note(self, arrived: Arrived, did: str, **more: Any) -> None:
        """:meth:`record`, from the event loop."""
        await self.work(lambda: self.record(arrived, did, **more))

    def record(self, arrived: Arrived, did: str, **more: Any) -> int:
        """Write down what became of a request that was understood. Gives the entry's number.

        Raises:
            ServiceError: the disk refuses. Nothing may be forwarded then.

        """
        return self.records.note(self.entry(arrived, did, **more))

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
