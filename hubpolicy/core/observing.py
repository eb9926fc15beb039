# SPDX-License-Identifier: Apache-2.0
"""When a policy only observes: the hooks say what they would have blocked, and let it go.

Only the governing policy can say so, with a last day at most 90 days ahead (docs/adr/0012). Nothing
passes under such a policy (HP330); this module answers the other question, whether what did not
pass may go all the same. Only findings are observed: what keeps us from deciding blocks as ever,
and so do files that were revoked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.core.times import seconds
from hubpolicy.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hubpolicy.domain.finding import Finding
    from hubpolicy.domain.policy import Policy

MOST_DAYS = 90
_DAY = 24 * 60 * 60
_ALWAYS = frozenset({"HP703"})
"""A revocation is a word about bytes, not a rule on trial."""


def observed_until(policy: Policy, now: str) -> str:
    """The last day on which the policy only observes; empty if what did not pass is blocked.

    ``now`` is ISO 8601 UTC. A day further ahead than may be signed is not honoured: whoever signed
    it, or set the clock back, gets a gate that blocks.
    """
    return "" if policy.mode == "enforce" or _refusal(policy, now) else policy.observe_until


def only_observed(policy: Policy, now: str, findings: Iterable[Finding]) -> str:
    """The same for a push: empty if one of its findings blocks in any mode."""
    if any(finding.rule in _ALWAYS for finding in findings):
        return ""
    return observed_until(policy, now)


def require_end(policy: Policy, now: str) -> None:
    """Refuse to sign a policy that would observe for too long, or did so already.

    Raises:
        ConfigError: its last day has passed, or is more than 90 days ahead.

    """
    refusal = _refusal(policy, now) if policy.mode == "observe" else ""
    if refusal:
        message = f"got observe_until = {policy.observe_until}, {refusal}; it is {now[:10]}"
        raise ConfigError(message, hint='set another day, or mode = "enforce"')


def _refusal(policy: Policy, now: str) -> str:
    left = seconds(policy.observe_until) - seconds(now[:10])
    if left < 0:
        return "which has passed"
    if left > MOST_DAYS * _DAY:
        return f"expected a day at most {MOST_DAYS} days ahead"
    return ""
