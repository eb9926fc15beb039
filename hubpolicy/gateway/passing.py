# SPDX-License-Identifier: Apache-2.0
"""A request's body on its way to the hub, and the patience with the two whom it waits for.

Neither library nor system ends a connection over which nothing moves: a hub that stops reading in
the middle of a body, or a client that stops sending, would hold it, and a repository, for ever.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Self

from aiohttp import ClientConnectionResetError, payload

from hubpolicy.gateway import answers

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from types import TracebackType

    from aiohttp import web
    from aiohttp.abc import AbstractStreamWriter


class Pace:
    """Around one request to the hub: ends it where its body does not move for so long."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._loop = asyncio.get_running_loop()
        self._end = asyncio.timeout(None)
        self._moved = 0.0
        self._look: asyncio.TimerHandle | None = None
        self._ends = False
        self.by_client = True

    async def __aenter__(self) -> Self:
        await self._end.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        """Raises: TimeoutError: the patience was at its end."""
        self.rest()
        await self._end.__aexit__(kind, error, trace)

    def begin(self) -> None:
        """From now on something has to move."""
        self.moved(by_client=True)
        if self._look is None:
            self._look = self._loop.call_later(self._seconds, self._looked)

    def moved(self, *, by_client: bool) -> None:
        """Something did. ``by_client``: from here on the client is waited for, else the hub."""
        self._moved = self._loop.time()
        self.by_client = by_client

    def rest(self) -> None:
        """The body has gone on to its end: what comes now has limits of its own."""
        if self._look is not None:
            self._look.cancel()
            self._look = None

    def end(self) -> None:
        """Do not wait for the rest of a body, if one is under way: the gateway ends."""
        if self._look is not None:
            self._ends = True
            self._end.reschedule(self._loop.time())

    def _looked(self) -> None:
        left = self._moved + self._seconds - self._loop.time()
        if left > 0:
            self._look = self._loop.call_later(left, self._looked)
        else:
            self._end.reschedule(self._loop.time())

    def answer(self, error: Exception) -> web.Response:
        """What the client reads where there is no answer of the hub's."""
        if self._ends:
            return answers.ending()
        if not self._end.expired():
            return answers.no_hub(type(error).__name__)
        if self.by_client:
            return answers.too_slow()
        return answers.no_hub(f"it took no more of the body for {self._seconds:g} s")


class Passed(payload.Payload):
    """A body that is passed on, once."""

    def __init__(self, pieces: AsyncIterator[bytes] | None, pace: Pace) -> None:
        super().__init__(pieces)
        self._pieces = pieces
        self._begun = False
        self._out: asyncio.WriteTransport | None = None
        self.pace = pace

    @property
    def consumed(self) -> bool:
        """True once a byte may be gone: a request that failed is not sent again without it."""
        return self._begun

    @property
    def autoclose(self) -> bool:
        """Nothing is to be closed."""
        return True

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """Raises: TypeError: nobody has it whole."""
        del encoding, errors
        message = "a body that is passed on is not kept"
        raise TypeError(message)

    async def write(self, writer: AbstractStreamWriter) -> None:
        """Send all of it; where that does not come to its end, the hub's connection is cut.

        Raises:
            ConnectionError: one of the two is gone, or broke off before the end.

        """
        if self._begun:
            message = "the body was sent on before, and is not kept"
            raise ClientConnectionResetError(message)
        self._begun = True
        out: asyncio.WriteTransport | None = getattr(writer, "transport", None)
        self.pace.begin()
        try:
            await self._pass(writer, out)
            self.pace.rest()
        except BaseException:
            if out is not None:  # closing it would wait for a hub that does not read
                out.abort()
            raise

    async def _pass(self, writer: AbstractStreamWriter, out: asyncio.WriteTransport | None) -> None:
        del out
        if self._pieces is not None:
            async for piece in self._pieces:
                self.pace.moved(by_client=False)
                await writer.write(piece)
                self.pace.moved(by_client=True)
