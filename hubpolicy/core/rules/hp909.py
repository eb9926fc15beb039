# SPDX-License-Identifier: Apache-2.0
"""HP909: a team's state is past half of its life, and nobody here has fetched a newer one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.core import times
from hubpolicy.domain.finding import Finding, Severity

if TYPE_CHECKING:
    from hubpolicy.domain.surroundings import TrustSeen

ID = "HP909"
TITLE = "the team's state is renewed and fetched before half of its life is over"
SEVERITY = Severity.WARNING
LIFE_DAYS = 7
"""How long a team's state lives (DESIGN.md §6); it does not say itself when it was signed."""
_DAY = 86400


def check(trust: TrustSeen | None, now: str) -> tuple[Finding, ...]:
    """``now`` is ISO 8601 UTC. One that has ended already is HP903; a solo state ends with it."""
    if trust is None or trust.solo or trust.expires < now:
        return ()
    left = times.seconds(trust.expires) - times.seconds(now)
    since = times.seconds(trust.since) if trust.since else 0
    life = max(LIFE_DAYS * _DAY, times.seconds(trust.expires) - since if since else 0)
    if 2 * left >= life:
        return ()
    message = (
        f"the trust state ends on {trust.expires}, and more than half of its life is over; then "
        "every release is refused"
    )
    fix = f"hubpolicy trust update; if that brings no newer one, ask {trust.renewers}"
    return (Finding(ID, SEVERITY, message, None, fix),)
