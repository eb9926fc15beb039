# SPDX-License-Identifier: Apache-2.0
"""``hubpolicy approvals``: who agreed to a release, and who still must."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from hubpolicy.cli.options import Output, RepoName, report_options

if TYPE_CHECKING:
    from hubpolicy.core.evidence import Evidence
    from hubpolicy.domain.finding import Finding
    from hubpolicy.domain.release import RepoId
    from hubpolicy.render.report import Row


@click.command(
    epilog="""\b
Examples:
  hubpolicy approvals ./my-model
  hubpolicy approvals ./my-model --format json
\b
Exit codes: 0 everybody who must agree has agreed, 1 somebody rejected it or evidence is invalid,
2 usage or policy, 5 approvals are missing.
"""
)
@click.argument("path", type=click.Path(exists=True, file_okay=False), default=".")
@click.option("--repo", type=RepoName(), help="Where it will be published: NAMESPACE/NAME.")
@report_options
def approvals(*, path: str, repo: RepoId | None, output: Output) -> None:
    """List the approvals that stand in PATH, and those that are missing."""
    from hubpolicy.adapters.clock import SystemClock
    from hubpolicy.cli.exits import for_findings
    from hubpolicy.cli.output import finish
    from hubpolicy.cli.progress import Bars
    from hubpolicy.cli.summaries import bytes_row, manifest_summary, with_path
    from hubpolicy.cli.wiring import folder, seat
    from hubpolicy.domain.finding import verdict_of
    from hubpolicy.flows.assemble import assemble
    from hubpolicy.render.report import Report

    place = seat()
    with Bars(shown=output.progress, quiet=output.quiet) as bars:
        reader = folder(path, bars)
        now = SystemClock().now()
        evidence = assemble(reader, repo, place.policy, place.trusted.trust, now)
    findings = with_path(missing(evidence), path)
    report = Report(
        command="approvals",
        title=f"hubpolicy approvals {path}",
        verdict=verdict_of(findings),
        exit_code=for_findings(findings, gate=True),
        findings=findings,
        rows=(bytes_row(reader.manifest), *rows(evidence)),
        manifest=manifest_summary(reader.manifest),
        solo=place.trusted.trust.root.solo,
    )
    finish(report, output)


def missing(evidence: Evidence) -> tuple[Finding, ...]:
    """What keeps the people's part from being complete: rejections, gaps, evidence that fails."""
    from hubpolicy.core.judge import require_current
    from hubpolicy.core.rules import hp320, hp321, hp322, hp330

    require_current(evidence)
    return (
        *evidence.rejected,
        *hp321.check(evidence),
        *hp322.check(evidence),
        *hp320.check(evidence),
        *hp330.check(evidence),
    )


def rows(evidence: Evidence) -> tuple[Row, ...]:
    """One row per role that the policy asks, one per signed approval."""
    from hubpolicy.core.lines import select, threshold
    from hubpolicy.core.rules.hp320 import applies, approvers
    from hubpolicy.domain.statement import Approval
    from hubpolicy.render.report import Row

    found = []
    for role in evidence.policy.roles:
        if role.role.startswith("approver:"):
            agreed, wanted = approvers(evidence, role), threshold(evidence, role.role)
            who = ", ".join(sorted(agreed)) or "nobody yet"
            name = role.role.removeprefix("approver:")
            found.append(Row(name, f"{len(agreed)} of {wanted}: {who}", f"binds {role.binds}"))
    for line, approval in select(evidence.lines, Approval):
        state = "" if applies(evidence, line) else ", about other bytes"
        ends = approval.not_after
        if ends < evidence.now[: len(ends)]:
            state += ", ended"
        text = f"{approval.decision} as {approval.role} by {line.principal}, until {ends}{state}"
        found.append(Row("signed", text, approval.reason))
    if not found:
        found.append(Row("roles", "the policy asks for no approvals"))
    return tuple(found)
