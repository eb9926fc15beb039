# SPDX-License-Identifier: Apache-2.0
"""Counting which faults strike which requests."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hubpolicy.demo.hub.settings import Fault, Settings


class FaultCounters:
    """How often each fault has matched; in memory, so that a restart begins anew."""

    def __init__(self) -> None:
        """Start with no matches."""
        self._seen: dict[str, int] = {}
        self._lock = threading.Lock()

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
