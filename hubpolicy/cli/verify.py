# SPDX-License-Identifier: Apache-2.0
"""``hubpolicy verify``: recompute the verdict, step by step."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hubpolicy.cli.options import Output, RepoName, endpoint, report_options
from hubpolicy.errors import ConfigError

if TYPE_CHECKING:
    from hubpolicy.cli.wiring import Seat
    from hubpolicy.core.evidence import Evidence
    from hubpolicy.domain.finding import Decision, Finding
    from hubpolicy.domain.release import RepoId
    from hubpolicy.ports import Progress
    from hubpolicy.render.report import Row


@click.command(
    epilog="""\b
Examples:
  hubpolicy verify ./my-model --repo acme/my-model
  hubpolicy verify ./my-model --revision v1.0     the bytes in git, not the work tree
  hubpolicy verify acme/my-model                  what stands on the hub (main)
  hubpolicy verify acme/my-model@refs/pr/2
  hubpolicy verify ./my-model --records           recompute the counts too
  hubpolicy verify ./my-model --rescore 20        score 20 kept texts again
\b
Exit codes: 0 passed, 1 blocked, 2 usage or policy, 4 permission, 5 approvals pending.
"""
)
@click.argument("target")
@click.option("--repo", type=RepoName(), help="Where it shall be published: NAMESPACE/NAME.")
@click.option("--revision", default="", help="A git revision of the repository at TARGET.")
@click.option("--records", is_flag=True, help="Recompute the counts from the published records.")
@click.option("--rescore", metavar="N", type=click.IntRange(1),
              help="Score N kept texts of the signed run again.")  # fmt: skip
@report_options
def verify(
    *, target: str, repo: RepoId | None, revision: str, records: bool, rescore: int | None,
    output: Output,
) -> None:  # fmt: skip
    """Verify a folder, a git revision or a repository on the hub, by its evidence alone."""
    from hubpolicy.cli.exits import for_decision
    from hubpolicy.cli.output import finish
    from hubpolicy.cli.progress import Bars
    from hubpolicy.cli.summaries import manifest_summary, measurement_rows, toxicity_rows, with_path
    from hubpolicy.cli.wiring import seat
    from hubpolicy.render.report import Report

    place = seat()
    with Bars(shown=output.progress) as bars:
        evidence, files = gather(target, repo, revision, place, bars)
    decision, steps = judged_steps(evidence)
    if records:
        from hubpolicy.cli.records import records_step

        decision, step = records_step(evidence, files, decision)
        steps = (*steps, step)
    if rescore is not None:
        from hubpolicy.cli.spots import rescore_step

        decision, step = rescore_step(evidence, files, rescore, place, decision)
        steps = (*steps, step)
    solo = place.trusted.trust.root.solo
    report = Report(
        command="verify",
        title=f"hubpolicy verify {shlex.quote(target)}" + (f" at {revision}" if revision else ""),
        verdict=decision.verdict,
        exit_code=for_decision(decision, gate=True),
        findings=with_path(decision.findings, target, repo.text if repo else ""),
        waived=decision.waived,
        rows=(*steps, *toxicity_rows(evidence)),
        measurements=measurement_rows(evidence),
        manifest=manifest_summary(evidence.manifest) if evidence.manifest else None,
        solo=solo,
        closing=_target_note(evidence),
    )
    finish(report, output)


def gather(
    target: str, repo: RepoId | None, revision: str, place: Seat, progress: Progress
) -> tuple[Evidence, tuple[tuple[str, bytes], ...]]:
    """Evidence, and the evidence files, of whatever the target is."""
    from hubpolicy.adapters.clock import SystemClock
    from hubpolicy.cli.wiring import folder, git_release
    from hubpolicy.flows.assemble import assemble

    now = SystemClock().now()
    policy, trust = place.trusted.policy, place.trusted.trust
    if not target or not Path(target).is_dir():  # Path('') is here: an unset variable, no folder
        if revision:
            message = f"got --revision with {target!r}, expected a folder of a git repository"
            hint = f"on the hub a revision goes behind the name: {target}@{revision}"
            raise ConfigError(message, hint=hint)
        return _from_hub(target, place, now)
    reader = git_release(target, revision) if revision else folder(target, progress)
    files = tuple((file.path, file.content) for file in reader.evidence_files())
    return assemble(reader, repo, policy, trust, now), files


def _from_hub(target: str, place: Seat, now: str) -> tuple[Evidence, tuple[tuple[str, bytes], ...]]:
    from hubpolicy.cli.wiring import hub
    from hubpolicy.domain.release import parse_repo_id
    from hubpolicy.errors import MalformedError
    from hubpolicy.flows.assemble import assemble_listing
    from hubpolicy.flows.auditing import read_evidence, resolve_revision

    name, _, revision = target.partition("@")
    try:
        repo = parse_repo_id(name, endpoint=endpoint())
    except MalformedError as error:
        message = f"got {target!r}, expected a folder or NAMESPACE/NAME[@REVISION]"
        raise ConfigError(message, hint="hubpolicy verify --help") from error
    client = hub(repo)
    oid = resolve_revision(client, repo, revision or "main")
    listing = client.listing(repo, oid)
    files = read_evidence(repo, oid, listing, client)
    policy, trust = place.trusted.policy, place.trusted.trust
    evidence = assemble_listing(listing, files, repo, policy, trust, now)
    return evidence, tuple((file.path, file.content) for file in files)


def judged_steps(evidence: Evidence) -> tuple[Decision, tuple[Row, ...]]:
    """The decision, and what each numbered step found."""
    from hubpolicy.core.judge import STEPS, judge, step_findings, weigh
    from hubpolicy.domain.finding import Severity, verdict_of
    from hubpolicy.render.report import Row

    decision = judge(evidence)
    rows = []
    for number, step in enumerate(STEPS, start=1):
        weighed = tuple(weigh(f, evidence.policy) for f in step_findings(evidence, step))
        kept: tuple[Finding, ...] = tuple(f for f in weighed if f not in decision.waived)
        errors = sum(f.severity is Severity.ERROR for f in kept)
        text = "ok" if verdict_of(kept) == "passed" else f"{errors} finding(s)"
        rows.append(Row(f"{number}. {step.title}", text))
    return decision, tuple(rows)


def _target_note(evidence: Evidence) -> str:
    from hubpolicy.core.lines import select
    from hubpolicy.domain.statement import ReleaseSummary

    releases = select(evidence.lines, ReleaseSummary)
    if evidence.target is not None or not releases:
        return ""
    return f"attested for {releases[-1][1].resource_uri}; not compared: no --repo was given"
