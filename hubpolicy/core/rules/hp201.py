# SPDX-License-Identifier: Apache-2.0
"""HP201: nobody ran the toxicity test on these bytes."""

from __future__ import annotations

from hubpolicy.domain.finding import Finding, Severity

ID = "HP201"
TITLE = "the required toxicity test was run on these bytes"
SEVERITY = Severity.ERROR

_WHAT = "the required toxicity test has not been run on these bytes"


def check(
    closure: str, *, proven: bool, last: str = "", differing: tuple[str, ...] = (), path: str = "."
) -> tuple[Finding, ...]:
    """One finding if the closure (hex dirHash) has no evidence.

    ``last`` is the closure of the evidence that is there, and ``closure`` then the same files as
    they are now; without it nobody knows what will be loaded, and ``closure`` is all weights.
    ``differing`` are the files that changed since; ``path`` is what to test.
    """
    if proven:
        return ()
    message = f"{_WHAT} ({'closure' if last else 'weights'} {closure[:12]})"
    if last:
        names = ", ".join(differing[:3]) + (", ..." if len(differing) > 3 else "")
        changed = f" ({len(differing)} files differ: {names})" if differing else ""
        message += f"; last evidence is for closure {last[:12]}{changed}"
    fix = f"hubpolicy test {path}"
    return (Finding(ID, SEVERITY, message, fix=fix, effect="inconclusive"),)
