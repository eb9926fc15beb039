# SPDX-License-Identifier: Apache-2.0
"""HP602: revisions on the hub that were adopted and never judged."""

from __future__ import annotations

from hubpolicy.domain.finding import Finding, Severity

ID = "HP602"
TITLE = "what stands on the hub was judged, not only adopted"
SEVERITY = Severity.WARNING


def check(repo: str, refs: tuple[str, ...]) -> tuple[Finding, ...]:
    """One remark per repository (``namespace/name``) that holds revisions of the baseline."""
    if not refs:
        return ()
    number = "1 ref stands" if len(refs) == 1 else f"{len(refs)} refs stand"
    message = f"{repo}: {number} in the baseline alone, and nobody judged what is there"
    fix = f"hubpolicy test PATH, then hubpolicy push PATH {repo}; or hubpolicy withdraw {repo}"
    fix += ' --reason "..."'
    return (Finding(ID, SEVERITY, message, None, fix),)
