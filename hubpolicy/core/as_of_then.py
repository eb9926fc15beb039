# SPDX-License-Identifier: Apache-2.0
"""When a release may be judged as of then, by a policy that is not in force any more.

A release line states its own time, so whoever holds a releaser's key today can write one of years
ago, under the policy of that time. Where the trust state says until when an older policy counts
(``core/state_terms.py``), that is held against it: after that day only a timestamp shows that the
line is of before. A timestamp proves that a signature existed by its time, and nothing earlier.

A state that names no older policy says nothing of them, and the signer's word stands.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.core.state_terms import counts

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hubpolicy.core.signatories import Stamp
    from hubpolicy.domain.policy import Policy
    from hubpolicy.domain.trust import State


def unproven(
    policy: Policy, in_force: Policy, stamps: Iterable[Stamp], state: State, now: str
) -> str:
    """Why a line under ``policy`` does not count as one of then; empty if it does.

    A policy that the state does not name counted no longer than the next later one that it names.
    ``now`` is ISO 8601 UTC.
    """
    if policy.sha256 == in_force.sha256:
        return ""
    later = [older for older in state.older_policies if older.version >= policy.version]
    if not later or (later[0].sha256 == policy.sha256 and counts(later[0], now)):
        return ""
    until = later[0].until
    if any(stamp.time[: len(until)] <= until for stamp in stamps):
        return ""
    counted = f"until {until}" if later[0].sha256 == policy.sha256 else "no longer"
    return (
        f"policy version {policy.version} counts {counted}, it is {now[:10]}, "
        "and no timestamp shows that the release line is of before"
    )
