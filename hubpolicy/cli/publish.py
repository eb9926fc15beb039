# SPDX-License-Identifier: Apache-2.0
"""``hubpolicy publish``: a private repository becomes public, if everything in it may."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from hubpolicy.cli.options import Output, RepoName, report_options

if TYPE_CHECKING:
    from hubpolicy.cli.wiring import Seat
    from hubpolicy.domain.release import RepoId
    from hubpolicy.flows.publishing import Published
    from hubpolicy.flows.verifying import Law


@click.command(
    epilog="""\b
Examples:
  hubpolicy publish acme/my-model
  hubpolicy publish acme/my-model --dry-run      what stands against it, if anything does
  hubpolicy publish acme/my-model --format json
\b
What is judged, now and under the policy in force: main and every other branch and tag that holds
weights; every weight in any revision that can be reached, pull requests included ([publish] history
= "all"; with "tips" older revisions are listed only); that nothing in it was revoked, and that no
card is under the embargo licence. Then it is made public, and looked at again: what moved meanwhile
was judged by nobody, and the repository is private again. A public one is judged and left as it is.
\b
Exit codes: 0 public, or may be (--dry-run); 1 blocked; 2 usage or policy; 4 permission;
5 approvals pending.
"""
)
@click.argument("repo", type=RepoName())
@click.option("--dry-run", is_flag=True, help="Judge everything; change nothing.")
@report_options
def publish(*, repo: RepoId, dry_run: bool, output: Output) -> None:
    """Make the private REPO public. Everything that becomes public is judged first."""
    from hubpolicy.cli.exits import for_decision
    from hubpolicy.cli.output import finish
    from hubpolicy.cli.progress import Bars
    from hubpolicy.cli.summaries import with_path
    from hubpolicy.cli.wiring import hub, require_may_speak, seat
    from hubpolicy.core.targets import require_known_namespace
    from hubpolicy.flows.publishing import publish as publish_flow
    from hubpolicy.render.report import RefRow, Report

    place = seat()
    require_known_namespace(place.policy, repo)
    require_may_speak(place, repo.namespace)
    with Bars(shown=output.progress, quiet=output.quiet) as bars:
        done = publish_flow(repo, hub(repo), law(place), bars, writing=not dry_run)
    refs = tuple(
        RefRow(v.repo.text, v.ref, v.oid, v.status, v.detail, v.dir_hash, v.time, v.signer)
        for v in done.refs
    )
    report = Report(
        command="publish",
        title=f"hubpolicy publish {repo.text}",
        verdict=done.decision.verdict,
        exit_code=for_decision(done.decision, gate=True),
        findings=with_path(done.decision.findings, "PATH", repo.text),
        refs=refs,
        solo=place.trusted.trust.root.solo,
        closing=_closing(done, repo, dry_run=dry_run),
    )
    finish(report, output)


def law(place: Seat) -> Law:
    """What a repository on the hub is judged by: the policy in force, and its own on top."""
    from hubpolicy.adapters.children import tightened
    from hubpolicy.adapters.clock import SystemClock
    from hubpolicy.core.policy_child import ChildFile
    from hubpolicy.domain.policy import CHILD_FILE
    from hubpolicy.flows.verifying import Law

    return Law(
        place.policy,
        place.trusted.trust,
        SystemClock().now(),
        lambda content: tightened(place.policy, (ChildFile(CHILD_FILE, content),)),
    )


def _closing(done: Published, repo: RepoId, *, dry_run: bool) -> str:
    shown = "public" if done.public else "private"
    if done.note:
        return f"{repo.text} {done.note}."
    if done.decision.verdict != "passed":
        return f"{repo.text} is {shown}: see above."
    if dry_run:
        return f"{repo.text} may become public. Nothing was changed (dry run)."
    return f"{repo.endpoint}/{repo.text} is public at {done.oid[:12]}"
