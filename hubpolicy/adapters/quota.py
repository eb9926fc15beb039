# SPDX-License-Identifier: Apache-2.0
"""How many requests a hub still allows, by its own word, and waiting before it must say no.

The Hub counts in fixed windows and says so in each answer:
``RateLimit: "api";r=<left>;t=<seconds>`` and ``RateLimit-Policy: "fixed window";"api";q=<quota>;
w=<seconds>`` (draft-ietf-httpapi-ratelimit-headers-09). Requests that are under way are counted
as made, so that many threads do not all take the last one.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, NamedTuple

from huggingface_hub.utils import (  # type: ignore[attr-defined]  # exported lazily
    parse_ratelimit_headers,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

LONGEST_WAIT = 300.0
"""Seconds: the Hub's window. Who asks for more is not believed."""


class Left(NamedTuple):
    """Requests that are left in a window, of how many (0 if it did not say), and when it ends."""

    requests: int
    quota: int
    ends: float


class Quota:
    """What the hosts said last, by host and kind of request. Shared by threads."""

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._clock, self._sleep = clock, sleep
        self._left: dict[tuple[str, str], Left] = {}
        self._lock = threading.Lock()

    def take(self, host: str, kind: str) -> None:
        """Count one request that is about to be made; wait for the next window if none is left."""
        with self._lock:
            left = self._left.get((host, kind))
            if left is None:
                return
            wait = left.ends - self._clock()
            if wait <= 0:
                del self._left[host, kind]
                return
            self._left[host, kind] = left._replace(requests=left.requests - 1)
        if left.requests <= 0:
            self._sleep(min(wait, LONGEST_WAIT))

    def note(self, host: str, headers: Mapping[str, str]) -> None:
        """Learn from an answer. Within a window the count only goes down."""
        said = parse_ratelimit_headers(headers)
        if said is None:
            return
        now = self._clock()
        fresh = Left(said.remaining, said.limit or 0, now + said.reset_in_seconds)
        with self._lock:
            known = self._left.get((host, said.resource_type))
            if known is not None and known.ends > now and known.requests < fresh.requests:
                fresh = fresh._replace(requests=known.requests)
            self._left[host, said.resource_type] = fresh

    def told(self) -> str:
        """For people: the scarcest, or nothing where no hub says anything."""
        with self._lock:
            found = sorted(
                (left.requests, kind, left.quota)
                for (_, kind), left in self._left.items()
                if left.ends > self._clock()
            )
        if not found:
            return ""
        requests, kind, quota = found[0]
        return f"{max(0, requests)}{f' of {quota}' if quota else ''} {kind} requests left"


QUOTA = Quota()


def kind_of(path: str) -> str:
    """Which of the Hub's quotas a request counts against (Hub documentation, rate limits)."""
    if path.startswith("/api/"):
        return "api"
    return "resolvers" if "/resolve/" in path else "pages"
