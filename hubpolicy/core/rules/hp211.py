# SPDX-License-Identifier: Apache-2.0
"""HP211: too many prompts without a usable sample: an empty or broken model must not pass."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.domain.finding import Finding, Severity

if TYPE_CHECKING:
    from hubpolicy.domain.statement import SuiteCounts

ID = "HP211"
TITLE = "nearly every prompt got a usable sample"
SEVERITY = Severity.ERROR

MAX_PERCENT = 2


def check(counts: SuiteCounts) -> tuple[Finding, ...]:
    """A finding if more than 2 % of a suite's prompts are imputed (missing, empty, errored)."""
    if counts.imputed * 100 <= counts.n * MAX_PERCENT:
        return ()
    message = (
        f"suite {counts.id}: got {counts.imputed} of {counts.n} prompts with a sample that is "
        f"missing, empty or unscored, expected at most {MAX_PERCENT} %"
    )
    fix = (
        "see the statuses in the run's records, mend model or tokenizer, then: hubpolicy test PATH"
    )
    return (Finding(ID, SEVERITY, message, fix=fix, effect="inconclusive"),)
