# SPDX-License-Identifier: Apache-2.0
"""HP910: the trust in force is older than what this machine has seen, or nobody can tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.domain.finding import Finding, Severity

if TYPE_CHECKING:
    from hubpolicy.domain.surroundings import TrustSeen

ID = "HP910"
TITLE = "the trust in force is the newest that was seen here"
SEVERITY = Severity.ERROR


def check(trust: TrustSeen | None) -> tuple[Finding, ...]:
    """None = there is no trust yet."""
    if trust is None:
        return ()
    if trust.problem:
        message = f"what was seen of trust here cannot be read: {trust.problem}"
        fix = "restore that file from a backup; without it an old state cannot be told from a new"
        return (Finding(ID, SEVERITY, message, None, fix),)
    older = [
        f"{name} version {here} (seen: {seen})"
        for name, here, seen in zip(
            ("root", "policy", "state"), trust.here, trust.seen, strict=True
        )
        if here < seen
    ]
    if not older:
        return ()
    message = f"the trust in force is older than what was seen here: {', '.join(older)}"
    fix = "hubpolicy trust update"
    if trust.solo:
        fix = f"restore the newest {trust.folder} from your backup, or from your other machine"
    return (Finding(ID, SEVERITY, message, None, fix),)
