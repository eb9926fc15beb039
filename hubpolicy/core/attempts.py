# SPDX-License-Identifier: Apache-2.0
"""What an attempt may spend of the policy's alpha.

Whoever tries again until it passes gets false passes oftener than the policy's confidence says. So
the attempts share it: the j-th run of the same weights is judged at alpha / 2**j, the first one
included, and all of them together stay under alpha. On the hook's path: standard library only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.core.statistics import spend

if TYPE_CHECKING:
    from hubpolicy.domain.policy import ToxicityPolicy


def at_attempt(policy: ToxicityPolicy, attempts: int) -> ToxicityPolicy:
    """The policy as it judges the run that states ``attempts``: at a higher confidence.

    Raises:
        MalformedError: an attempt below 1, or a confidence outside (0.5, 1).

    """
    return policy._replace(confidence=spend(policy.confidence, attempts))
