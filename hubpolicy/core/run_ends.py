# SPDX-License-Identifier: Apache-2.0
"""Runs that end without a result, by the rule that says why.

Such an end is an exception, since nothing was decided; people and machines are shown it as the
finding of its rule. It signs nothing, so the gate's own answer stays HP201.
"""

from __future__ import annotations

from hubpolicy.core.rules import hp223, hp224, hp414, hp416
from hubpolicy.domain.finding import Effect, Finding, Severity
from hubpolicy.errors import HubpolicyError, VerificationError

RULES = frozenset((hp223.ID, hp224.ID, hp414.ID, hp416.ID))


def finding_of(error: HubpolicyError) -> Finding | None:
    """The finding that such an error is; None for any other.

    Its effect goes with the exit code of the error's kind: what was found to be false failed, what
    could not be done is inconclusive.
    """
    if error.rule not in RULES:
        return None
    effect: Effect = "failed" if isinstance(error, VerificationError) else "inconclusive"
    return Finding(error.rule, Severity.ERROR, error.message, fix=error.hint, effect=effect)
