# SPDX-License-Identifier: Apache-2.0
"""HP512: a workspace of checkpoints that is about to be seen by others."""

from __future__ import annotations

from hubpolicy.domain.finding import Finding, Severity

ID = "HP512"
TITLE = "a workspace is left by a release only"
SEVERITY = Severity.ERROR


def check(repo: str, workspaces: tuple[str, ...]) -> tuple[Finding, ...]:
    """One finding if the repository (``namespace/name``) lies in one of the workspaces."""
    namespace, _, name = repo.partition("/")
    if namespace not in workspaces:
        return ()
    message = f"{repo} is in a workspace of the policy, where nothing was judged, and stays private"
    fix = f"hubpolicy push PATH NAMESPACE/{name}, outside of the workspaces"
    return (Finding(ID, SEVERITY, message, None, fix),)
