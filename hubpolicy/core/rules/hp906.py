# SPDX-License-Identifier: Apache-2.0
"""HP906: this machine's clock and the hub's disagree, so evidence gets wrong dates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.core import times
from hubpolicy.domain.finding import Finding, Severity

if TYPE_CHECKING:
    from hubpolicy.domain.surroundings import Clocks

ID = "HP906"
TITLE = "the clock is right"
SEVERITY = Severity.ERROR
SKEW_SECONDS = 300
"""Evidence that is dated further ahead is refused by every verifier (HP306)."""


def check(clocks: Clocks) -> tuple[Finding, ...]:
    """Nobody asked = nothing to say."""
    if not clocks.there:
        return ()
    ahead = times.seconds(clocks.here) - times.seconds(clocks.there)
    if abs(ahead) <= SKEW_SECONDS:
        return ()
    side = "ahead of" if ahead > 0 else "behind"
    message = f"the clock is {abs(ahead)} s {side} the hub's, expected at most {SKEW_SECONDS} s"
    return (Finding(ID, SEVERITY, message, None, "timedatectl set-ntp true"),)
