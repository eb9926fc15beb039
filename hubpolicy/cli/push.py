# SPDX-License-Identifier: Apache-2.0
"""``hubpolicy push``: publish a folder, if and only if the verdict is ``passed``."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, NamedTuple

import click

from hubpolicy.cli.options import KEY_HELP, Output, RepoName, report_options
from hubpolicy.errors import HubpolicyError, ServiceError

if TYPE_CHECKING:
    from hubpolicy.adapters.files import FolderRelease
    from hubpolicy.adapters.hub import HubClient
    from hubpolicy.cli.progress import Bars
    from hubpolicy.cli.wiring import Seat
    from hubpolicy.core.evidence import Evidence
    from hubpolicy.domain.finding import Decision
    from hubpolicy.domain.manifest import EvidenceFile, Manifest
    from hubpolicy.domain.release import RepoId
    from hubpolicy.flows.pushing import Plan, Pushed


_NOTHING = "Nothing was uploaded."


class Judged(NamedTuple):
    """The folder as it was judged: what will be sent, and nothing that changed since."""

    evidence: Evidence
    files: tuple[EvidenceFile, ...]
    decision: Decision


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
@click.option(
    "--dry-run", is_flag=True, help="Judge and say what would go; write and upload nothing."
)
@click.option("--test", "run_test", is_flag=True, help="Run the toxicity test if it is missing.")
@click.option("--no-attest", is_flag=True, help="Sign nothing; only verify what is there.")
@click.option("--key", default="", envvar="HUBPOLICY_KEY", help=KEY_HELP)
@click.option("--timestamp", default="", metavar="URL", envvar="HUBPOLICY_TIMESTAMP",
              help="RFC 3161 time authority, if the release line is signed.")  # fmt: skip
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
    timestamp: str,
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
    from hubpolicy.cli.wiring import require_may_speak, seat
    from hubpolicy.core.targets import require_known_namespace
    from hubpolicy.flows.pushing import Plan, Pushed
    from hubpolicy.render.report import Report

    place = seat(path)
    require_known_namespace(place.policy, repo)
    require_may_speak(place, repo.namespace)
    with Bars(shown=output.progress, quiet=output.quiet) as bars:
        if run_test and not dry_run:
            _test_if_missing(path, key, place, bars)
        judged, reader = _judged(
            path, repo, key, place, bars, sign=not no_attest, writing=not dry_run,
            timestamp="" if dry_run else timestamp,
        )  # fmt: skip
    done, closing = Pushed(judged.decision, "", "", public=False, uploaded=0), _NOTHING
    if judged.decision.verdict == "passed":
        refuse_ignored(reader)
        text = message or f"Publish {_manifest(judged).dir_hash[:12]} with evidence"
        plan = Plan(path, judged.evidence, judged.files, private, text)
        done, closing = _go(plan, done, repo, output, dry_run=dry_run)
    report = Report(
        command="push",
        title=f"hubpolicy push {shlex.quote(path)} {repo.text}",
        verdict=done.decision.verdict,
        exit_code=for_decision(done.decision, gate=True),
        findings=with_path(done.decision.findings, path, repo.text),
        waived=done.decision.waived,
        rows=evidence_rows(judged.evidence),
        measurements=measurement_rows(judged.evidence),
        manifest=manifest_summary(_manifest(judged)),
        solo=place.trusted.trust.root.solo,
        closing=closing,
    )
    finish(report, output)


def _test_if_missing(path: str, key: str, place: Seat, bars: Bars) -> None:
    from hubpolicy.cli.test import ran_already, sign_run

    if ran_already(path, place, bars) is None:
        sign_run(path, key, place, bars)


def _judged(
    path: str, repo: RepoId, key: str, place: Seat, bars: Bars, *, sign: bool, writing: bool,
    timestamp: str,
) -> tuple[Judged, FolderRelease]:  # fmt: skip
    """The folder's evidence; card and release lines are signed anew if that is all it takes.

    If that is not enough, what is shown is what keeps the release from being signed.
    """
    from hubpolicy.adapters.clock import SystemClock
    from hubpolicy.cli.attest import attest_folder, service_at
    from hubpolicy.cli.wiring import folder, has_key
    from hubpolicy.core.judge import judge
    from hubpolicy.flows.assemble import assemble
    from hubpolicy.flows.attesting import Revised

    reader = folder(path, bars)
    files = reader.evidence_files()
    now = SystemClock().now()
    trust = place.trusted.trust
    evidence = assemble(Revised(reader, files), repo, place.policy, trust, now)
    found = Judged(evidence, files, judge(evidence))
    if found.decision.verdict == "passed" or not _has_card(reader):
        return found, reader
    if not sign or not has_key(place.home, key):
        return found, reader
    done = attest_folder(
        path,
        repo,
        key,
        place,
        bars,
        reader=reader,
        only_if_passed=True,
        writing=writing,
        permit=lambda: _ask_first(repo, evidence),
        time_service=service_at(timestamp, place, bars),
    )
    return Judged(done.evidence, done.files, _remembering(done.decision, found.decision)), reader


def _ask_first(repo: RepoId, evidence: Evidence) -> None:
    """A release line is not signed again for a place where this login may not write.

    Raises:
        AccessError: the hub says no.
        ServiceError: it does not answer.

    """
    from hubpolicy.cli.wiring import hub
    from hubpolicy.core.lines import select
    from hubpolicy.domain.statement import ReleaseSummary

    released = {summary.resource_uri for _, summary in select(evidence.lines, ReleaseSummary)}
    if repo.purl not in released:
        hub(repo).require_writable(repo)


def _remembering(decision: Decision, before: Decision) -> Decision:
    """What was not run is told by the sentence that knows the last run, of other bytes."""
    known = {finding.rule: finding for finding in before.findings if finding.rule == "HP201"}
    findings = tuple(known.get(finding.rule, finding) for finding in decision.findings)
    return decision._replace(findings=findings)


def _has_card(reader: FolderRelease) -> bool:
    return "README.md" in reader.paths


def refuse_ignored(reader: FolderRelease) -> None:
    """The Hub leaves out what the release's own ``.gitignore`` names: it would stand there cut.

    Raises:
        ServiceError: naming the files.

    """
    from hubpolicy.adapters.attributes import ignored
    from hubpolicy.core.lines import named

    paths = ignored(reader)
    if paths:
        message = f".gitignore leaves out {len(paths)} of these files: {named(paths)}"
        raise ServiceError(message, hint="remove the files or those lines; nothing was uploaded")


def _manifest(judged: Judged) -> Manifest:
    manifest = judged.evidence.manifest
    if manifest is None:  # a folder always has one
        message = "got a listing, expected a folder"
        raise ServiceError(message)
    return manifest


def _go(
    plan: Plan, done: Pushed, repo: RepoId, output: Output, *, dry_run: bool
) -> tuple[Pushed, str]:
    """Everything that talks to the hub. Here the official client draws the bars."""
    from hubpolicy.cli.progress import Bars
    from hubpolicy.cli.wiring import hub
    from hubpolicy.flows.pushing import push as push_flow

    client = hub(repo, bars=output.progress)
    if dry_run:
        return done, _would(plan, repo, client)
    done = push_flow(plan, repo, client, Bars(shown=False, quiet=output.quiet))
    return done, _closing(done, repo)


def _would(plan: Plan, repo: RepoId, client: HubClient) -> str:
    from hubpolicy.cli.summaries import human
    from hubpolicy.flows.pushing import difference

    try:
        change = difference(plan, repo, client)
    except HubpolicyError as error:
        return f"Nothing was uploaded (dry run); the hub could not be asked: {error.message}"
    removed = f", {len(change.removed)} would be removed there" if change.removed else ""
    return (
        f"{len(change.files)} files ({human(change.size)}) would go to {repo.text}{removed}. "
        "Nothing was uploaded (dry run)."
    )


def _closing(done: Pushed, repo: RepoId) -> str:
    if not done.oid:
        return _NOTHING
    shown = "public" if done.public else "private"
    if done.decision.verdict != "passed":
        return f"{repo.text} is {shown}, and these bytes were not published: see above."
    notes = "".join(f"  ({note})" for note in done.notes)
    return f"{repo.endpoint}/{repo.text} is {shown} at {done.oid[:12]}{notes}"
