# SPDX-License-Identifier: Apache-2.0
"""Whoever reads an answer as it is made: they may be slow, stop, or be gone, and hold up nobody."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping

    from hubpolicy.gateway.metrics import Metrics

_PATIENCE = 60.0
"""Seconds for all pieces together: who holds a repository's lock waits no longer for a pusher."""


class Reader:
    """One answer. Once their time is over nothing more is sent."""

    def __init__(
        self, request: web.Request, metrics: Metrics, kind: str, headers: Mapping[str, str],
        patience: float = _PATIENCE,
    ) -> None:  # fmt: skip
        self.response = web.StreamResponse(headers={"Content-Type": kind, **headers})
        self._request = request
        self._metrics = metrics
        self._patience = patience
        self._gone = False

    async def begin(self) -> None:
        """Send the head."""
        await self._in_time(self.response.prepare(self._request))

    async def write(self, chunk: bytes) -> None:
        """Send a piece, if they still read."""
        if not self._gone:
            self._metrics.carried("out", len(chunk))
            await self._in_time(self.response.write(chunk))

    async def end(self) -> None:
        """That was all."""
        if not self._gone:
            await self._in_time(self.response.write_eof())

    def leave(self) -> None:
        """Cut them off: there is no whole answer."""
        self._gone = True
        if self._request.transport is not None:
            self._request.transport.abort()

    async def _in_time(self, sending: Awaitable[object]) -> None:
        started = time.monotonic()
        try:
            async with asyncio.timeout(self._patience):
                await sending
            self._patience -= time.monotonic() - started
        except (ConnectionError, TimeoutError):
            # What was begun for them is finished all the same, and written down.
            self.leave()
