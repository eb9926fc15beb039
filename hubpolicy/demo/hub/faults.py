# SPDX-License-Identifier: Apache-2.0
"""Counting: which faults strike which requests, and what is left of a quota."""

from __future__ import annotations

import math
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hubpolicy.demo.hub.settings import Fault, Settings


class FaultCounters:
    """How often each fault has matched; in memory, so that a restart begins anew."""

    def __init__(self) -> None:
        """Start with no matches."""
        self._seen: dict[str, int] = {}
        self._lock = threading.Lock()
        self._window = (0.0, 0)

    def left(self, settings: Settings) -> tuple[int, int]:
        """Count a request; (how many may follow in this window, -1 if this one may not, seconds).

        Windows are fixed: the first request after one ended begins the next.
        """
        now = time.monotonic()
        with self._lock:
            begun, made = self._window
            if now >= begun + settings.window:
                begun, made = now, 0
            self._window = (begun, made + 1)
        left = max(-1, (settings.quota or 0) - made - 1)
        return left, math.ceil(begun + settings.window - now)

    def strike(self, settings: Settings, method: str, path: str) -> tuple[Fault, ...]:
        """Return the faults that strike this request, and count it for all that match it."""
        matching = [
            fault
            for fault in settings.faults
            if fault.method in (None, method) and fault.path_regex.search(path)
        ]
        with self._lock:
            return tuple(fault for fault in matching if self._count(fault))

    def _count(self, fault: Fault) -> bool:
        before = self._seen.get(fault.key, 0)
        self._seen[fault.key] = before + 1
        rank = before - fault.after
        return rank >= 0 and (fault.times is None or rank < fault.times)
