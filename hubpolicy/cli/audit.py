# SPDX-License-Identifier: Apache-2.0
"""``hubpolicy audit``: what stands on the hub, ref by ref."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from hubpolicy.cli.options import Output, report_options

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hubpolicy.adapters.audit_store import AuditStore
    from hubpolicy.cli.exits import Exit
    from hubpolicy.cli.wiring import Seat
    from hubpolicy.core.baseline import Baseline
    from hubpolicy.domain.finding import Finding, Verdict
    from hubpolicy.domain.release import RepoId
    from hubpolicy.flows.auditing import Court, RefVerdict
    from hubpolicy.flows.surveying import Opening, Surveyed
    from hubpolicy.ports import HistoryReader

STATUSES = (
    "ATTESTED", "ATTESTED_WAIVED", "STALE", "BASELINE", "UNATTESTED", "MODIFIED", "REVOKED",
    "UNREADABLE",
)  # fmt: skip


@click.command(
    epilog="""\b
Examples:
  hubpolicy audit acme/my-model
  hubpolicy audit acme                          all models, datasets and Spaces of acme
  hubpolicy audit acme --all-revisions          every commit too, from bare clones
  hubpolicy audit acme/one acme/two --format json
  hubpolicy audit acme/my-model --fail-on STALE
  hubpolicy audit collections/acme/tern-66f0c1 --from names.txt
\b
A dataset or a Space counts where something like weights lies in it.
What a commit holds is asked once and kept in ~/.local/state/hubpolicy; its verdict is made anew
each time. An audit that was broken reads nothing twice: say it again.
\b
BASELINE: listed by `hubpolicy adopt` as it stood there, and never judged.
\b
Exit codes: 0 all attested (or adopted), 1 something is not, 2 usage or policy, 3 a ref could not
be read, 4 permission.
"""
)
@click.argument("targets", nargs=-1)
@click.option("--from", "files", multiple=True, type=click.Path(exists=True, dir_okay=False),
              help="A file of targets, one a line; repeatable.")  # fmt: skip
@click.option("--all-revisions", is_flag=True,
              help="Every commit that a ref shows, not its tip alone.")  # fmt: skip
@click.option("--engine", type=click.Choice(["api", "git"]), default=None,
              help="Ask for trees one by one (api: for tips), or clone without large files (git: "
              "for --all-revisions).")  # fmt: skip
@click.option("--jobs", type=click.IntRange(1, 64), default=8, show_default=True,
              help="Repositories at a time.")  # fmt: skip
@click.option("--no-cache", is_flag=True, help="Ask the hub for everything, and keep nothing.")
@click.option("--fail-on", type=click.Choice(["STALE", "ATTESTED_WAIVED", "BASELINE"]),
              multiple=True, help="Also exit 1 on this verdict.")  # fmt: skip
@report_options
def audit(
    *,
    targets: tuple[str, ...],
    files: tuple[str, ...],
    all_revisions: bool,
    engine: str | None,
    jobs: int,
    no_cache: bool,
    fail_on: tuple[str, ...],
    output: Output,
) -> None:
    """Judge every branch, tag and pull-request ref of TARGETS, without downloading weights.

    With --all-revisions, a commit before a tip is fine where everything like weights in it belongs
    to a release of its repository that holds.

    TARGETS: NAMESPACE, NAMESPACE/NAME, datasets/NAMESPACE/NAME, spaces/NAMESPACE/NAME,
    collections/NAMESPACE/SLUG.
    """
    from hubpolicy.adapters.clock import SystemClock
    from hubpolicy.cli.audit_targets import resolve, shown
    from hubpolicy.cli.output import finish
    from hubpolicy.cli.wiring import require_may_speak, seat
    from hubpolicy.flows.assemble import assemble_listing
    from hubpolicy.flows.auditing import Court
    from hubpolicy.render.report import RefRow, Report

    place = seat()
    repos = resolve(targets, files)
    require_may_speak(place, *dict.fromkeys(repo.namespace for repo in repos))
    now = SystemClock().now()
    court = Court(
        place.policy, place.trusted.trust, now, assemble_listing, baseline_of(place),
        place.governing,
    )  # fmt: skip
    engine = engine or ("git" if all_revisions else "api")
    how = How(engine == "git", all_revisions, jobs, not no_cache)
    answers = _survey(repos, place, court, output, how)
    found = [verdict for answer in answers for verdict in answer.refs]
    code = _code(answers, found, fail_on)
    refs = tuple(
        RefRow(shown(v.repo), v.ref, v.oid, v.status, v.detail, v.dir_hash, v.time, v.signer)
        for v in found
    )
    report = Report(
        command="audit",
        title="hubpolicy audit " + " ".join((*targets, *(f"--from {file}" for file in files))),
        verdict=_verdict(code),
        exit_code=code,
        findings=_findings(found),
        refs=refs,
        solo=place.trusted.trust.root.solo,
        closing=_closing(found, answers),
    )
    finish(report, output)


class How(NamedTuple):
    """How to look: from clones or by requests, at all commits or tips, how many at a time."""

    cloning: bool
    history: bool
    jobs: int
    cache: bool


def _survey(
    repos: tuple[RepoId, ...], place: Seat, court: Court, output: Output, how: How
) -> tuple[Surveyed, ...]:
    """All of it, several at a time, and what was read kept for the next time."""
    from contextlib import ExitStack

    from hubpolicy.adapters.audit_store import AuditStore
    from hubpolicy.adapters.hub_http import quiet_client
    from hubpolicy.adapters.quota import QUOTA
    from hubpolicy.cli.progress import Bars
    from hubpolicy.flows.surveying import survey

    with ExitStack() as open_:
        bars = open_.enter_context(Bars(shown=output.progress, quiet=output.quiet))
        open_.enter_context(quiet_client())
        store = None
        if how.cache:
            store = open_.enter_context(AuditStore(Path(place.home.state) / "audit.sqlite3"))
        opening = _opening(repos, store, cloning=how.cloning)
        return survey(
            repos, opening, court, bars, history=how.history, jobs=how.jobs, quota=QUOTA.told
        )


def _opening(repos: tuple[RepoId, ...], store: AuditStore | None, *, cloning: bool) -> Opening:
    """What a repository is read from: its hub or a clone, and what was read before."""
    from contextlib import contextmanager, nullcontext

    from hubpolicy.adapters.clone import ClonedHub
    from hubpolicy.adapters.login import login_token
    from hubpolicy.adapters.stored_hub import StoredHub
    from hubpolicy.cli.wiring import hub

    clients = {repo.endpoint: hub(repo) for repo in repos}
    token = login_token() if cloning else None

    @contextmanager
    def opened(repo: RepoId) -> Iterator[HistoryReader]:
        client = clients[repo.endpoint]
        source = ClonedHub(client, repo, token) if cloning else nullcontext(client)
        with source as reader:
            yield reader if store is None else StoredHub(reader, store)

    return opened


def _verdict(code: Exit) -> Verdict:
    from hubpolicy.cli.exits import Exit

    verdicts: dict[Exit, Verdict] = {Exit.PASSED: "passed", Exit.NOT_EVALUATED: "inconclusive"}
    return verdicts.get(code, "failed")


def _code(answers: tuple[Surveyed, ...], found: list[RefVerdict], fail_on: tuple[str, ...]) -> Exit:
    from hubpolicy.cli.exits import Exit, worst
    from hubpolicy.errors import AccessError

    denied = any(isinstance(answer.error, AccessError) for answer in answers)
    return worst({_exit(found, fail_on)} | ({Exit.ACCESS} if denied else set()))


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


def _closing(found: list[RefVerdict], answers: tuple[Surveyed, ...]) -> str:
    """The refs counted by status; for more than one repository also how many were looked at."""
    tally = _tally(found)
    if len(answers) == 1:
        return tally or "nothing here that is released"
    releases = sum(bool(answer.refs) for answer in answers)
    return f"{len(answers)} repositories, {releases} with releases: {tally or 'no ref'}"


def _tally(found: list[RefVerdict]) -> str:
    counts = {s: sum(v.status == s for v in found) for s in STATUSES}
    return ", ".join(f"{count} {status}" for status, count in counts.items() if count)
