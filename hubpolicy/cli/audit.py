# SPDX-License-Identifier: Apache-2.0
"""``hubpolicy audit``: what stands on the hub, ref by ref."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from hubpolicy.cli.options import Output, RepoName, report_options

if TYPE_CHECKING:
    from hubpolicy.cli.exits import Exit
    from hubpolicy.domain.finding import Finding, Verdict
    from hubpolicy.domain.release import RepoId
    from hubpolicy.errors import HubpolicyError
    from hubpolicy.flows.auditing import RefVerdict

STATUSES = (
    "ATTESTED", "ATTESTED_WAIVED", "STALE", "UNATTESTED", "MODIFIED", "REVOKED", "UNREADABLE",
)  # fmt: skip


@click.command(
    epilog="""\b
Examples:
  hubpolicy audit acme/my-model
  hubpolicy audit acme/one acme/two --format json
  hubpolicy audit acme/my-model --fail-on STALE
\b
Exit codes: 0 all attested, 1 something is not, 2 usage or policy, 3 a ref could not be read,
4 permission.
"""
)
@click.argument("repos", type=RepoName(), nargs=-1, required=True)
@click.option("--fail-on", type=click.Choice(["STALE", "ATTESTED_WAIVED"]), multiple=True,
              help="Also exit 1 on this verdict.")  # fmt: skip
@report_options
def audit(*, repos: tuple[RepoId, ...], fail_on: tuple[str, ...], output: Output) -> None:
    """Judge every branch, tag and pull-request ref of REPOS, without downloading weights."""
    from hubpolicy.adapters.clock import SystemClock
    from hubpolicy.cli.exits import Exit, worst
    from hubpolicy.cli.output import finish
    from hubpolicy.cli.progress import Bars
    from hubpolicy.cli.wiring import hub, seat
    from hubpolicy.errors import AccessError, ServiceError
    from hubpolicy.flows.assemble import assemble_listing
    from hubpolicy.flows.auditing import Court, RefVerdict
    from hubpolicy.flows.auditing import audit as audit_flow
    from hubpolicy.render.report import RefRow, Report

    place = seat()
    now = SystemClock().now()
    court = Court(place.policy, place.trusted.trust, now, assemble_listing)
    found: list[RefVerdict] = []
    codes: set[Exit] = set()
    with Bars(shown=output.progress) as bars:
        for repo in repos:
            try:
                found += audit_flow(repo, hub(repo), court, bars)
            except ServiceError as error:
                codes.add(Exit.ACCESS if isinstance(error, AccessError) else Exit.NOT_EVALUATED)
                found.append(RefVerdict(repo, "(all refs)", "", "UNREADABLE", _said(error)))
    code = worst(codes | {_exit(found, fail_on)})
    verdicts: dict[Exit, Verdict] = {Exit.PASSED: "passed", Exit.NOT_EVALUATED: "inconclusive"}
    refs = tuple(
        RefRow(v.repo.text, v.ref, v.oid, v.status, v.detail, v.dir_hash, v.time, v.signer)
        for v in found
    )
    report = Report(
        command="audit",
        title="hubpolicy audit " + " ".join(repo.text for repo in repos),
        verdict=verdicts.get(code, "failed"),
        exit_code=code,
        findings=_findings(found),
        refs=refs,
        solo=place.trusted.trust.root.solo,
        closing=_tally(found),
    )
    finish(report, output)


def _exit(found: list[RefVerdict], fail_on: tuple[str, ...]) -> Exit:
    """By the worst: anything that is not attested blocks; unreadable is never passed."""
    from hubpolicy.cli.exits import Exit, worst
    from hubpolicy.flows.auditing import GREEN

    if not found:
        return Exit.NOT_EVALUATED
    codes = set()
    for verdict in found:
        if verdict.status == "UNREADABLE":
            codes.add(Exit.NOT_EVALUATED)
        elif verdict.status not in GREEN or verdict.status in fail_on:
            codes.add(Exit.BLOCKED)
    return worst(codes)


def _said(error: HubpolicyError) -> str:
    return f"{error.message} ({error.hint})" if error.hint else error.message


def _findings(found: list[RefVerdict]) -> tuple[Finding, ...]:
    """Each once, with the repository in the commands that they suggest."""
    from hubpolicy.cli.summaries import with_path

    return tuple(dict.fromkeys(
        finding for v in found for finding in with_path(v.findings, "PATH", v.repo.text)
    ))  # fmt: skip


def _tally(found: list[RefVerdict]) -> str:
    counts = {s: sum(v.status == s for v in found) for s in STATUSES}
    return ", ".join(f"{count} {status}" for status, count in counts.items() if count)
