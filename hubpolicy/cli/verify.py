# SPDX-License-Identifier: Apache-2.0
"""``hubpolicy verify``: recompute the verdict, step by step."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hubpolicy.cli.options import Output, RepoName, report_options

if TYPE_CHECKING:
    from hubpolicy.cli.wiring import Seat
    from hubpolicy.core.evidence import Evidence
    from hubpolicy.domain.finding import Decision, Finding
    from hubpolicy.domain.policy import Policy
    from hubpolicy.domain.release import RepoId
    from hubpolicy.domain.verification import Verification
    from hubpolicy.flows.verifying import Gathered
    from hubpolicy.opening import Wanted
    from hubpolicy.ports import Progress
    from hubpolicy.render.report import Report, Row


@click.command(
    epilog="""\b
Examples:
  hubpolicy verify ./my-model --repo acme/my-model
  hubpolicy verify ./my-model --revision v1.0     the bytes in git, not the work tree
  hubpolicy verify acme/my-model                  what stands on the hub (main)
  hubpolicy verify acme/my-model@refs/pr/2
  hubpolicy verify ./my-model --records           recompute the counts too
  hubpolicy verify ./my-model --rescore 20        score 20 kept texts again
  hubpolicy verify acme/my-lora --ask-base        is its pinned base what the hub has?
\b
Before use, on the machine that downloaded it:
  hubpolicy verify ~/.cache/huggingface/hub/models--acme--my-model/snapshots/COMMIT
  hubpolicy verify acme/my-model@v1.0 --offline   the same, found in the cache
  hubpolicy verify acme/my-model --as-released    what held then, under the policy of then
  hubpolicy verify ./some-files --repo acme/my-model --partial --evidence my-model.jsonl
\b
Exit codes: 0 passed, 1 blocked, 2 usage or policy, 4 permission, 5 approvals pending.
"""
)
@click.argument("target")
@click.option("--repo", type=RepoName(), help="Where it shall be published: NAMESPACE/NAME.")
@click.option("--revision", default="", help="A git revision of the repository at TARGET.")
@click.option("--evidence", default="", metavar="DIR|FILE",
              help="Take the evidence from there: a folder, or a file of bundles.")  # fmt: skip
@click.option("--save-evidence", default="", metavar="FILE",
              help="Keep the evidence in one file, for --evidence elsewhere.")  # fmt: skip
@click.option("--partial", is_flag=True,
              help="Some files of the release may be absent. Never in a gate.")  # fmt: skip
@click.option("--deep", is_flag=True,
              help="On a hub: read small files too, compare sha256 in place of SHA-1.")  # fmt: skip
@click.option("--as-released", is_flag=True,
              help="Judge as of then: that policy, that time, today's revocations.")  # fmt: skip
@click.option("--records", is_flag=True, help="Recompute the counts from the published records.")
@click.option("--rescore", metavar="N", type=click.IntRange(1),
              help="Score N kept texts of the signed run again.")  # fmt: skip
@click.option("--ask-base", is_flag=True,
              help="Of an adapter: compare the base that it pins with the hub.")  # fmt: skip
@report_options
def verify(
    *, target: str, repo: RepoId | None, revision: str, evidence: str, save_evidence: str,
    partial: bool, deep: bool, as_released: bool, records: bool, rescore: int | None,
    ask_base: bool, output: Output,
) -> None:  # fmt: skip
    """Verify a folder, a download, a git revision or a hub repository, by its evidence alone."""
    from hubpolicy.cli.output import finish
    from hubpolicy.cli.progress import Bars
    from hubpolicy.cli.wiring import seat
    from hubpolicy.opening import Wanted

    place = seat()
    wanted = Wanted(target, repo, revision, evidence, partial, output.offline, deep)
    if ask_base:
        from hubpolicy.cli.base_asked import base_step, refuse_offline

        refuse_offline(wanted)
    with Bars(shown=output.progress) as bars:
        gathered = gather(wanted, place, bars)
    if save_evidence:
        _save(gathered, save_evidence)
    today: tuple[Row, ...] = ()
    if as_released:
        gathered, today = _of_then(gathered, place)
    decision, steps = judged_steps(gathered.evidence)
    steps = (*steps, *today)
    if records:
        from hubpolicy.cli.records import records_step

        decision, step = records_step(gathered.evidence, gathered.files, decision)
        steps = (*steps, step)
    if rescore is not None:
        from hubpolicy.cli.spots import rescore_step

        files = gathered.files
        decision, step = rescore_step(gathered.evidence, files, rescore, place, decision)
        steps = (*steps, step)
    if ask_base:
        decision, step = base_step(gathered, wanted, decision)
        steps = (*steps, step)
    finish(_report(wanted, gathered, decision, steps), output)


def gather(wanted: Wanted, place: Seat, progress: Progress) -> Gathered:
    """Evidence, and the evidence files, of whatever is wanted, under what this person trusts."""
    from hubpolicy import opening
    from hubpolicy.adapters.children import tightened
    from hubpolicy.adapters.clock import SystemClock
    from hubpolicy.cli.wiring import require_may_speak
    from hubpolicy.core.policy_child import ChildFile
    from hubpolicy.domain.policy import CHILD_FILE
    from hubpolicy.flows.verifying import Law

    def under(content: bytes) -> Policy:
        children = (*place.children, ChildFile(CHILD_FILE, content))
        return tightened(place.governing, children)

    law = Law(place.policy, place.trusted.trust, SystemClock().now(), under)
    gathered = opening.gather(wanted, law, progress)
    require_may_speak(place, *opening.namespaces_of(gathered.evidence))
    return gathered


def _of_then(gathered: Gathered, place: Seat) -> tuple[Gathered, tuple[Row, ...]]:
    """The release as of then, and what the policy in force says of it today."""
    from hubpolicy.core.judge import judge
    from hubpolicy.domain.finding import Severity
    from hubpolicy.errors import ConfigError
    from hubpolicy.flows.verifying import Law, as_released
    from hubpolicy.render.report import Row

    if place.children:
        message = "got --as-released and a child policy, expected one: the policy is that of then"
        raise ConfigError(message, hint="leave -c out, and unset HUBPOLICY_CONFIG")
    now = gathered.evidence.now
    then = as_released(gathered, Law(place.governing, place.trusted.trust, now))
    found = [f for f in judge(gathered.evidence).findings if f.severity is Severity.ERROR]
    text = f"STALE: {found[0].rule} {found[0].message}" if found else "the same"
    policy = then.evidence.policy
    return then, (
        Row("as of", then.evidence.now, f"under {policy.id} version {policy.version}"),
        Row("today", text),
    )


def judged_steps(evidence: Evidence) -> tuple[Decision, tuple[Row, ...]]:
    """The decision, and what each numbered step found."""
    from hubpolicy.core.judge import STEPS, judge, step_findings, weigh
    from hubpolicy.domain.finding import Severity, verdict_of
    from hubpolicy.render.report import Row

    decision = judge(evidence)
    rows = []
    shown: set[Finding] = set()
    for number, step in enumerate(STEPS, start=1):
        weighed = {weigh(f, evidence.policy) for f in step_findings(evidence, step)}
        kept = tuple(weighed.difference(decision.waived))
        # What follows from another finding, or was found before, is not told twice below.
        told = weighed.intersection(decision.findings) - shown
        shown |= told
        errors = sum(f.severity is Severity.ERROR for f in told)
        text = f"{errors} finding(s)" if errors else "follows from another step"
        rows.append(Row(f"{number}. {step.title}", "ok" if verdict_of(kept) == "passed" else text))
    return decision, tuple(rows)


def _report(
    wanted: Wanted, gathered: Gathered, decision: Decision, steps: tuple[Row, ...]
) -> Report:
    from hubpolicy.cli.exits import for_decision
    from hubpolicy.cli.summaries import (
        foreign_rows,
        manifest_summary,
        measurement_rows,
        policy_rows,
        release_row,
        signature_rows,
        toxicity_rows,
    )
    from hubpolicy.flows.verifying import verification_of
    from hubpolicy.render.report import Report

    evidence = gathered.evidence
    answer = verification_of(gathered, decision)
    at = f" at {wanted.revision}" if wanted.revision else ""
    target = evidence.target.text if evidence.target is not None else ""
    manifest = None if answer.absent else evidence.manifest
    return Report(
        command="verify",
        title=f"hubpolicy verify {shlex.quote(wanted.target)}{at}",
        verdict=decision.verdict,
        exit_code=for_decision(decision, gate=True),
        findings=_remedies(decision.findings, gathered, wanted.target, target),
        waived=decision.waived,
        rows=(
            *policy_rows(evidence.policy),
            *_origin_rows(gathered, answer),
            *steps,
            *signature_rows(evidence),
            *toxicity_rows(evidence),
            *foreign_rows(evidence),
        ),
        measurements=measurement_rows(evidence),
        manifest=manifest_summary(manifest) if manifest is not None else None,
        solo=evidence.trust.root.solo,
        closing=_closing(gathered, answer),
        release=release_row(answer),
    )


def _origin_rows(gathered: Gathered, answer: Verification) -> tuple[Row, ...]:
    """What stands on a hub or came from there; and, of a download, how much of it is here."""
    from hubpolicy.core.lines import named
    from hubpolicy.render.report import Row

    rows = []
    target = gathered.evidence.target
    if target is not None and len(answer.revision) >= 40:
        rows.append(Row("revision", f"{target.text} at {answer.revision[:12]}"))
    if gathered.part:
        text = f"{answer.files_checked} of {answer.files_total} files"
        remark = f"not here, so not compared: {named(answer.absent)}" if answer.absent else ""
        rows.append(Row("here", text, remark))
    return tuple(rows)


def _remedies(
    findings: tuple[Finding, ...], gathered: Gathered, target: str, repo: str
) -> tuple[Finding, ...]:
    """What to type; whoever downloaded something cannot attest it."""
    from hubpolicy.cli.summaries import with_path

    if gathered.part:
        return tuple(finding._replace(fix="") for finding in findings)
    # What stands on a hub is judged here and mended in some folder.
    return with_path(findings, target if Path(target).is_dir() else "PATH", repo)


def _closing(gathered: Gathered, answer: Verification) -> str:
    if gathered.part and not answer.passed:
        if not answer.attested_for:
            return "No evidence that holds is here: ask the hub (without --offline), or --evidence"
        return "Do not use these files. Download them again, or ask those who published them."
    if answer.target or not answer.attested_for:
        return ""
    return f"attested for {answer.attested_for}; not compared: no --repo was given"


def _save(gathered: Gathered, path: str) -> None:
    from hubpolicy.adapters.atomic import write_atomic
    from hubpolicy.core.evidence_lines import join_evidence
    from hubpolicy.errors import ServiceError

    content = join_evidence(gathered.files)
    if not content:
        message = "there is no evidence to save"
        raise ServiceError(message, hint="hubpolicy audit NAMESPACE/NAME lists what is attested")
    write_atomic(path, content)
