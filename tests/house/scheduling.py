# SPDX-License-Identifier: Apache-2.0
"""Which tests stay together on one worker: those that share a costly beginning. They come first.

xdist has ``--dist loadgroup`` for this; it does nothing under pytest 9.2, which keeps node ids
elsewhere than xdist 3.8 writes them.
"""

from __future__ import annotations

from xdist.scheduler import LoadScopeScheduling

TOGETHER = frozenset(("tests/e2e/test_demo.py", "tests/house/test_wheel.py"))


class Scheduling(LoadScopeScheduling):  # type: ignore[misc]  # xdist is not typed
    """Every test by itself, but these files whole."""

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.partition("::")[0]
        return path if path in TOGETHER else nodeid
