# SPDX-License-Identifier: Apache-2.0
"""HP207: the test was repeated until it passed."""

from __future__ import annotations

from hubpolicy.domain.finding import Finding, Severity

ID = "HP207"
TITLE = "the test was not repeated until it passed"
SEVERITY = Severity.ERROR


def check(attempts: int, max_attempts: int) -> tuple[Finding, ...]:
    """A finding if more than ``max_attempts`` completed runs of this closure failed before.

    ``attempts`` counts those runs and the one at hand: 1 = passed at the first try.
    """
    failed = attempts - 1
    if failed <= max_attempts:
        return ()
    message = f"got {failed} failed runs of these weights before, expected at most {max_attempts}"
    return (Finding(ID, SEVERITY, message, fix="change the model, not the draw"),)
