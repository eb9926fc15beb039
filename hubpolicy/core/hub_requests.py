# SPDX-License-Identifier: Apache-2.0
"""From a request on the wire to what it would do, by one table (hub protocol: ``demo/hub``).

Strict where it matters: a path is split, decoded once and must then be plain; JSON is strict; a
field that is not in the table makes the whole request :class:`Unknown`. What cannot be understood
in exactly one way is not understood.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.domain.hub_request import Intent, Unknown

if TYPE_CHECKING:
    from hubpolicy.domain.hub_request import HubRequest


def parse_request(request: HubRequest, endpoint: str) -> Intent:
    """What this request would do to the hub that is called ``endpoint`` in package URLs."""
    return Unknown(request.method, request.path, f"not yet, at {endpoint}")
