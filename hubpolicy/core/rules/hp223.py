# SPDX-License-Identifier: Apache-2.0
"""HP223: something that a run needs broke down before its end: scorer, worker, server or disk."""

from __future__ import annotations

from hubpolicy.domain.finding import Severity
from hubpolicy.errors import AccessError, HubpolicyError, VerificationError

ID = "HP223"
TITLE = "the toxicity test came to its end"
SEVERITY = Severity.ERROR


def applies(error: HubpolicyError) -> bool:
    """Whether that error, in the middle of a run, is this rule's: all that broke down is.

    Not what has a rule of its own, what was found to be false, or a login that is missing.
    """
    return not (error.rule or isinstance(error, (AccessError, VerificationError)))
