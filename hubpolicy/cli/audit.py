# SPDX-License-Identifier: Apache-2.0
"""``hubpolicy audit``: what stands on the hub, ref by ref."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from hubpolicy.cli.options import Output, RepoName, report_options

if TYPE_CHECKING:
    from hubpolicy.cli.exits import Exit
    from hubpolicy.cli.wiring import Seat
    from hubpolicy.core.baseline import Baseline
    from hubpolicy.domain.finding import Finding, Verdict
    from hubpolicy.domain.release import RepoId
    from hubpolicy.errors import HubpolicyError
    from hubpolicy.flows.auditing import RefVerdict

STATUSES = (
    "ATTESTED", "ATTESTED_WAIVED", "STALE", "BASELINE", "UNATTESTED", "MODIFIED", "REVOKED",
    "UNREADABLE",
)  # fmt: skip


@click.command(
    epilog="""\b
Examples:
  hubpolicy audit acme/my-model
  hubpolicy audit acme/one acme/two --format json
  hubpolicy audit acme/my-model --fail-on STALE
\b
BASELINE: listed by `hubpolicy adopt` as it stood there, and never judged.
\b
Exit codes: 0 all attested (or adopted), 1 something is not, 2 usage or policy, 3 a ref could not
be read, 4 permission.
"""
)
@click.argument("repos", type=RepoName(), nargs=-1, required=True)
@click.option("--fail-on", type=click.Choice(["STALE", "ATTESTED_WAIVED", "BASELINE"]),
              multiple=True, help="Also exit 1 on this verdict.")  # fmt: skip
@report_options
def audit(*, repos: tuple[RepoId, ...], fail_on: tuple[str, ...], output: Output) -> None:
    """Judge every branch, tag and pull-request ref of REPOS, without downloading weights."""
    from hubpolicy.adapters.clock import SystemClock
    from hubpolicy.cli.exits import Exit, worst
    from hubpolicy.cli.output import finish
    from hubpolicy.cli.progress import Bars
    from hubpolicy.cli.wiring import hub, require_may_speak, seat
    from hubpolicy.errors import AccessError, ServiceError
    from hubpolicy.flows.assemble import assemble_listing
    from hubpolicy.flows.auditing import Court, RefVerdict
    from hubpolicy.flows.auditing import audit as audit_flow
    from hubpolicy.render.report import RefRow, Report

    place = seat()
    require_may_speak(place, *(repo.namespace for repo in repos))
    now = SystemClock().now()
    court = Court(
        place.policy, place.trusted.trust, now, assemble_listing, baseline_of(place),
        place.governing,
    )  # fmt: skip
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


def baseline_of(place: Seat) -> Baseline:
    """What was adopted, as it lies in the user's configuration."""
    from hubpolicy.cli.wiring import BASELINE_DOCUMENT

    return baseline_at(place, Path(place.home.path(*BASELINE_DOCUMENT)))


def baseline_at(place: Seat, path: Path) -> Baseline:
    """What was adopted, or nothing: a baseline that does not hold makes nothing green.

    Raises:
        ConfigError: it is malformed.

    """
    from hubpolicy.adapters.home import read_config
    from hubpolicy.core.baseline import Baseline, verify_baseline
    from hubpolicy.errors import VerificationError
    from hubpolicy.render.escape import terminal

    if not path.exists():
        return Baseline()
    raw = read_config(str(path))
    try:
        return verify_baseline(raw, place.trusted.trust, place.policy, where=str(path))
    except VerificationError as error:
        click.echo(f"the baseline is not used: {terminal(error.message)}", err=True)
        return Baseline()


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
    from hubpolicy.core.rules import hp602

    adopted = {v.repo.text: tuple(w.ref for w in found if w.repo == v.repo and _is_baseline(w))
               for v in found if _is_baseline(v)}  # fmt: skip
    return tuple(dict.fromkeys((
        *(finding for v in found for finding in with_path(v.findings, "PATH", v.repo.text)),
        *(finding for repo, refs in adopted.items() for finding in hp602.check(repo, refs)),
    )))  # fmt: skip


def _is_baseline(verdict: RefVerdict) -> bool:
    return verdict.status == "BASELINE"


def _tally(found: list[RefVerdict]) -> str:
    counts = {s: sum(v.status == s for v in found) for s in STATUSES}
    return ", ".join(f"{count} {status}" for status, count in counts.items() if count)
