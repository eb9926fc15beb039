# SPDX-License-Identifier: Apache-2.0
"""HP911: who may speak for a namespace here, and whether that is the trust in force."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.domain.finding import Finding, Severity

if TYPE_CHECKING:
    from hubpolicy.domain.surroundings import Reservations

ID = "HP911"
TITLE = "the trust in force speaks for the namespaces that this machine reserves"
SEVERITY = Severity.WARNING


def check(reserved: Reservations) -> tuple[Finding, ...]:
    """What cannot be read stops every push; what is another's is refused when it is released to.

    Names of a team that nobody reserves are only mentioned: any other configuration on this
    machine could speak for them.
    """
    if reserved.problem:
        message = f"what this machine reserves cannot be read: {reserved.problem}"
        fix = "an administrator mends it: hubpolicy trust pin --help shows the lines"
        return (Finding(ID, Severity.ERROR, message, None, fix),)
    found = [
        Finding(ID, SEVERITY, each.problem, None, each.hint)
        for each in reserved.names
        if each.problem
    ]
    if reserved.open:
        names = ", ".join(reserved.open)
        message = f"nothing on this machine reserves {names} for the team that is pinned here"
        fix = f"git config --system hubpolicy.{reserved.open[0]}.pin {reserved.root}"
        found.append(Finding(ID, Severity.INFO, message, None, fix))
    return tuple(found)
