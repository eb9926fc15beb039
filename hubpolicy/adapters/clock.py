# SPDX-License-Identifier: Apache-2.0
"""The only place that asks what time it is."""

from __future__ import annotations

import time


class SystemClock:
    """The machine's clock, in UTC."""

    def now(self) -> str:
        """ISO 8601 UTC to the second, ending in ``Z``."""
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
