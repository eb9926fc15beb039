# SPDX-License-Identifier: Apache-2.0
"""``hubpolicy push``: publish a folder, if and only if the verdict is ``passed``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from hubpolicy.cli.options import Output, RepoName, report_options
from hubpolicy.errors import AccessError

if TYPE_CHECKING:
    from hubpolicy.adapters.files import FolderRelease
    from hubpolicy.cli.progress import Bars
    from hubpolicy.cli.wiring import Seat
    from hubpolicy.core.evidence import Evidence
    from hubpolicy.domain.release import RepoId
    from hubpolicy.flows.pushing import Pushed


@click.command(
    epilog="""\b
Examples:
  hubpolicy push ./my-model acme/my-model
  hubpolicy push ./my-model acme/my-model --private
  hubpolicy push ./my-model acme/my-model --dry-run    judge, upload nothing
  hubpolicy push ./my-model acme/my-model --test       run what is missing first
\b
HF_ENDPOINT names another hub. Login: hf auth login, or HF_TOKEN.
Exit codes: 0 published, 1 blocked, 2 usage or policy, 4 permission, 5 approvals pending.
"""
)
@click.argument("path", type=click.Path(exists=True, file_okay=False))
@click.argument("repo", type=RepoName())
@click.option("--private", is_flag=True, help="Leave the repository private.")
@click.option("-m", "--message", default="", help="Commit message.")
@click.option("--dry-run", is_flag=True, help="Judge and say what would go; upload nothing.")
@click.option("--test", "run_test", is_flag=True, help="Run the toxicity test if it is missing.")
@click.option("--no-attest", is_flag=True, help="Sign nothing; only verify what is there.")
@click.option("--key", default="", envvar="HUBPOLICY_KEY", help="Signing key, file:PATH.")
@report_options
def push(
    *,
    path: str,
    repo: RepoId,
    private: bool,
    message: str,
    dry_run: bool,
    run_test: bool,
    no_attest: bool,
    key: str,
    output: Output,
) -> None:
    """Publish PATH as REPO. Nothing is uploaded before the verdict is passed."""
    from hubpolicy.cli.exits import for_decision
    from hubpolicy.cli.output import finish
    from hubpolicy.cli.progress import Bars
    from hubpolicy.cli.summaries import (
        evidence_rows,
        manifest_summary,
        measurement_rows,
        with_path,
    )
    from hubpolicy.cli.wiring import seat
    from hubpolicy.render.report import Report

    place = seat()
    with Bars(shown=output.progress, quiet=output.quiet) as bars:
        if run_test:
            _test_if_missing(path, key, place, bars)
        evidence, reader = _evidence(path, repo, key, place, bars, sign=not no_attest)
        done = _push(path, repo, evidence, reader, private, message, bars, dry_run=dry_run)
    report = Report(
        command="push",
        title=f"hubpolicy push {path} {repo.text}",
        verdict=done.decision.verdict,
        exit_code=for_decision(done.decision, gate=True),
        findings=with_path(done.decision.findings, path, repo.text),
        waived=done.decision.waived,
        rows=evidence_rows(evidence),
        measurements=measurement_rows(evidence),
        manifest=manifest_summary(reader.manifest),
        solo=place.trusted.trust.root.solo,
        closing=_closing(done, repo, dry_run=dry_run),
    )
    finish(report, output)


def _test_if_missing(path: str, key: str, place: Seat, bars: Bars) -> None:
    from hubpolicy.adapters.clock import SystemClock
    from hubpolicy.cli.test import sign_run
    from hubpolicy.cli.wiring import folder
    from hubpolicy.core.coverage import check
    from hubpolicy.flows.assemble import assemble

    reader = folder(path, bars)
    now = SystemClock().now()
    evidence = assemble(reader, None, place.policy, place.trusted.trust, now)
    if any(finding.rule in {"HP201", "HP409"} for finding in check(evidence)):
        sign_run(path, key, place, bars)


def _evidence(
    path: str, repo: RepoId, key: str, place: Seat, bars: Bars, *, sign: bool
) -> tuple[Evidence, FolderRelease]:
    """The folder's evidence; card and release lines are signed anew if that is all it takes."""
    from hubpolicy.adapters.clock import SystemClock
    from hubpolicy.cli.attest import attest_folder
    from hubpolicy.cli.wiring import folder
    from hubpolicy.core.judge import judge
    from hubpolicy.flows.assemble import assemble

    reader = folder(path, bars)
    now = SystemClock().now()
    evidence = assemble(reader, repo, place.policy, place.trusted.trust, now)
    if not sign or judge(evidence).verdict == "passed" or not _has_card(reader):
        return evidence, reader
    try:
        done = attest_folder(path, repo, key, place, bars, only_if_passed=True)
    except AccessError:
        return evidence, reader
    return (done.evidence, folder(path, bars)) if done.released else (evidence, reader)


def _has_card(reader: FolderRelease) -> bool:
    return any(entry.path == "README.md" for entry in reader.manifest.entries)


def _push(
    path: str,
    repo: RepoId,
    evidence: Evidence,
    reader: FolderRelease,
    private: bool,
    message: str,
    bars: Bars,
    *,
    dry_run: bool,
) -> Pushed:
    from hubpolicy.cli.wiring import hub
    from hubpolicy.core.judge import judge
    from hubpolicy.flows.pushing import Plan, Pushed
    from hubpolicy.flows.pushing import push as push_flow

    decision = judge(evidence)
    if dry_run or decision.verdict != "passed":
        return Pushed(decision, "", "", public=False, uploaded=0)
    text = message or f"Publish {reader.manifest.dir_hash[:12]} with evidence"
    plan = Plan(path, evidence, reader.evidence_files(), private, text)
    return push_flow(plan, repo, hub(repo), bars)


def _closing(done: Pushed, repo: RepoId, *, dry_run: bool) -> str:
    if not done.oid:
        return "Nothing was uploaded." + (" (dry run)" if dry_run else "")
    if done.decision.verdict != "passed":
        return f"commit {done.oid[:12]} is on the hub and is not published; see above"
    shown = "public" if done.public else "private"
    notes = "".join(f"  ({note})" for note in done.notes)
    return f"{repo.endpoint}/{repo.text} is {shown} at {done.oid[:12]}{notes}"
