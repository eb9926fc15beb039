# SPDX-License-Identifier: Apache-2.0
"""HP908: a workflow goes on after a no, runs what others can change, or strangers start it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.domain.finding import Finding, Location, Severity

if TYPE_CHECKING:
    from hubpolicy.domain.surroundings import Workflow

ID = "HP908"
TITLE = "the CI that publishes is pinned and protected"
SEVERITY = Severity.ERROR


def check(workflows: tuple[Workflow, ...] | None) -> tuple[Finding, ...]:
    """None = nobody asked. No workflow that runs hubpolicy is a warning: CI is no gate then.

    What nobody can judge is a warning with the effect ``inconclusive``.
    """
    if workflows is None:
        return ()
    if not workflows:
        message = (
            "no workflow under .github/workflows and no .gitlab-ci.yml runs hubpolicy, so CI is no "
            "gate"
        )
        fix = "add a job that runs: hubpolicy push PATH NAMESPACE/NAME"
        return (Finding(ID, Severity.WARNING, message, None, fix, "inconclusive"),)
    return tuple(f for workflow in workflows for f in _check(workflow))


def _check(workflow: Workflow) -> tuple[Finding, ...]:
    place = Location(workflow.path)
    found = []
    if workflow.unreadable:
        message = "the file cannot be read as YAML, so nobody can tell what it runs"
        found.append(Finding(ID, SEVERITY, message, place, "mend the file, or remove it"))
    if workflow.unpinned:
        message = f"actions or files are not pinned by commit: {', '.join(workflow.unpinned)}"
        fix = "write the 40 hex digits of a commit: `uses: owner/name@COMMIT`, or `ref: COMMIT`"
        found.append(Finding(ID, SEVERITY, message, place, fix))
    for gap in workflow.gaps:
        lost = Finding(ID, SEVERITY, f"{gap.where}: {gap.said}", place, gap.fix)
        unknown = lost._replace(severity=Severity.WARNING, effect="inconclusive")
        found.append(lost if gap.certain else unknown)
    if workflow.strangers:
        message = f"strangers can start it, with its secrets: {', '.join(workflow.strangers)}"
        fix = "start it by a push to a protected branch or tag, or by hand"
        found.append(Finding(ID, SEVERITY, message, place, fix))
    if workflow.unprotected:
        message = f"jobs run hubpolicy without an environment: {', '.join(workflow.unprotected)}"
        fix = "give the job `environment:` one that asks for a reviewer, and keep the token there"
        found.append(Finding(ID, Severity.WARNING, message, place, fix))
    return tuple(found)
