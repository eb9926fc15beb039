# SPDX-License-Identifier: Apache-2.0
"""Whether the hub behind answers, and takes our token: ``/readyz``, a gauge, a line at the start.

Anybody may ask, so the hub is asked once in ten seconds at most, whoever asks us.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from hubpolicy.gateway import answers

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aiohttp import web

_SECONDS = 10.0


class Readiness:
    """What the hub said last, and when. ``ask`` gives the status of ``whoami``, or why none."""

    def __init__(self, ask: Callable[[], Awaitable[int | str]]) -> None:
        self._ask = ask
        self._lock = asyncio.Lock()
        self._until = 0.0
        self._trouble = ""

    async def trouble(self) -> str:
        """What is wrong with the hub, in a phrase; empty where nothing is."""
        async with self._lock:
            if time.monotonic() >= self._until:
                self._trouble = _trouble(await self._ask())
                self._until = time.monotonic() + _SECONDS
            return self._trouble

    async def answer(self, *, draining: bool) -> web.Response:
        """200 where a request could pass now, else 503 and why."""
        why = "draining" if draining else await self.trouble()
        return answers.health(why)


def _trouble(said: int | str) -> str:
    if isinstance(said, str):
        return f"the hub does not answer ({said})"
    if said == 401:
        return "the hub does not take this gateway's token"
    return f"the hub answers {said}" if said >= 500 else ""
