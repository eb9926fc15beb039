# SPDX-License-Identifier: Apache-2.0
"""HP201: nobody ran the toxicity test on these bytes."""

from __future__ import annotations

from hubpolicy.domain.finding import Finding, Severity

ID = "HP201"
TITLE = "the required toxicity test was run on these bytes"
SEVERITY = Severity.ERROR

_WHAT = "the required toxicity test has not been run on these bytes"


def check(
    closure: str,
    *,
    proven: bool,
    last: str = "",
    differing: tuple[str, ...] = (),
    path: str = ".",
    people: tuple[int, int] = (0, 1),
) -> tuple[Finding, ...]:
    """One finding if the closure (hex dirHash) has no evidence.

    ``last`` is the closure of the evidence that is there, and ``closure`` then the same files as
    they are now; without it nobody knows what will be loaded, and ``closure`` is all weights.
    ``differing`` are the files that changed since; ``path`` is what to test. ``people``: how many
    checkers ran these very bytes, and how many have to.
    """
    if proven:
        return ()
    if people[0]:
        return (_too_few(closure, people, path),)
    message = f"{_WHAT} ({'closure' if last else 'weights'} {closure[:12]})"
    if last:
        names = ", ".join(differing[:3]) + (", ..." if len(differing) > 3 else "")
        changed = f" ({len(differing)} files differ: {names})" if differing else ""
        message += f"; last evidence is for closure {last[:12]}{changed}"
    fix = f"hubpolicy test {path}"
    return (Finding(ID, SEVERITY, message, fix=fix, effect="inconclusive"),)


def _too_few(closure: str, people: tuple[int, int], path: str) -> Finding:
    """These bytes were run: it is somebody else's signature that is missing."""
    ran, wanted = people
    what = "ran the required toxicity test on these bytes"
    message = f"{ran} of {wanted} checkers {what} (closure {closure[:12]})"
    fix = f"another checker: hubpolicy test {path}, then hubpolicy attest {path}"
    return Finding(ID, SEVERITY, message, fix=fix, effect="inconclusive")
