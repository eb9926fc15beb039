# SPDX-License-Identifier: Apache-2.0
"""``hubpolicy approve``: agree to a release, or reject it, in a role."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hubpolicy.cli.options import Output, RepoName, report_options
from hubpolicy.errors import AccessError, ConfigError

if TYPE_CHECKING:
    from hubpolicy.adapters.files import FolderRelease
    from hubpolicy.core.evidence import Evidence
    from hubpolicy.domain.policy import Binds
    from hubpolicy.domain.release import RepoId
    from hubpolicy.domain.statement import Approval, Subject
    from hubpolicy.domain.trust import Trust
    from hubpolicy.render.report import Report


@click.command(
    epilog="""\b
Examples:
  hubpolicy approve ./my-model --as safety
  hubpolicy approve ./my-model --as legal --reason "licence checked" --yes
  hubpolicy approve ./my-model --as safety --reject --reason "see ticket 4711"
"""
)
@click.argument("path", type=click.Path(exists=True, file_okay=False), default=".")
@click.option("--as", "role", required=True, help="Your role, for example safety.")
@click.option("--repo", type=RepoName(), help="Where it will be published: NAMESPACE/NAME.")
@click.option("--reason", default="", help="Why; needed to reject.")
@click.option("--reject", is_flag=True, help="Say no.")
@click.option("--days", default=90, show_default=True, type=click.IntRange(1, 366),
              help="How long the approval holds.")  # fmt: skip
@click.option("--yes", is_flag=True, help="Do not ask before signing.")
@click.option("--key", default="", envvar="HUBPOLICY_KEY", help="Signing key, file:PATH.")
@report_options
def approve(
    *,
    path: str,
    role: str,
    repo: RepoId | None,
    reason: str,
    reject: bool,
    days: int,
    yes: bool,
    key: str,
    output: Output,
) -> None:
    """Show what PATH is, ask, and sign an approval of it."""
    from hubpolicy.adapters.clock import SystemClock
    from hubpolicy.adapters.evidence_folder import EvidenceFolder
    from hubpolicy.cli.output import finish, hint
    from hubpolicy.cli.progress import Bars
    from hubpolicy.cli.wiring import folder, seat, signer
    from hubpolicy.core.bundle import make_bundle
    from hubpolicy.core.line_files import approval_path
    from hubpolicy.core.statements import approval_statement
    from hubpolicy.core.verify import verify_bundle
    from hubpolicy.domain.statement import Approval
    from hubpolicy.flows.assemble import assemble
    from hubpolicy.render.text import render

    if reject and not reason:
        message = "--reject needs a --reason"
        raise click.UsageError(message)
    place = seat()
    hand = signer(place.home, key)
    with Bars(shown=output.progress) as bars:
        reader = folder(path, bars)
        now = SystemClock().now()
        evidence = assemble(reader, repo, place.policy, place.trusted.trust, now)
    approval = Approval(
        role=role,
        decision="reject" if reject else "approve",
        reason=reason,
        binds=_binds(evidence, role),
        evidence=tuple(sorted(line.payload_sha256 for line in evidence.lines)),
        not_after=(date.fromisoformat(now[:10]) + timedelta(days=days)).isoformat(),
        approver=_approver(place.trusted.trust, hand.keyid, role),
    )
    shown = _shown(path, reader, evidence, approval)
    if not yes:
        hint(render(shown._replace(closing="")), output)
        click.confirm(f"{approval.decision} as {role}?", abort=True, err=True)
    payload = approval_statement(approval, _subjects(evidence, approval))
    raw = make_bundle(payload, hand)
    line = verify_bundle(raw, place.trusted.trust, now=now, where="the new approval")
    EvidenceFolder(Path(path)).write(approval_path(line.payload_sha256), raw.rstrip(b"\n") + b"\n")
    finish(shown, output)


def _shown(path: str, reader: FolderRelease, evidence: Evidence, approval: Approval) -> Report:
    """What is approved, on one screen."""
    from hubpolicy.cli.summaries import evidence_rows, manifest_summary, measurement_rows
    from hubpolicy.render.report import Report

    return Report(
        command="approve",
        title=f"hubpolicy approve {path} as {approval.role}",
        verdict="passed",
        exit_code=0,
        rows=evidence_rows(evidence),
        measurements=measurement_rows(evidence),
        manifest=manifest_summary(reader.manifest),
        solo=evidence.trust.root.solo,
        closing=f"signed: {approval.decision} as {approval.role}, binds {approval.binds}, "
        f"until {approval.not_after}. Next: hubpolicy attest {path}",
    )


def _approver(trust: Trust, keyid: str, role: str) -> str:
    """Who holds the key at hand, if they hold the role.

    Raises:
        AccessError: they do not, or nobody knows the key.

    """
    key = trust.root.key(keyid)
    held = trust.root.roles_of(key.principal) if key is not None else frozenset()
    if key is None or f"approver:{role}" not in held:
        who = key.principal if key is not None else f"the key {keyid[:16]}"
        roles = ", ".join(sorted(held)) or "no role"
        message = f"got role {role!r}, and {who} holds {roles}"
        raise AccessError(message, hint="hubpolicy trust show lists who holds which role")
    return key.principal


def _binds(evidence: Evidence, role: str) -> Binds:
    """What an approval in that role is about, as the policy says; the whole if it asks nothing."""
    for requirement in evidence.policy.roles:
        if requirement.role == f"approver:{role}":
            return requirement.binds
    return "manifest"


def _subjects(evidence: Evidence, approval: Approval) -> tuple[Subject, ...]:
    from hubpolicy.core.coverage import closure_paths, runs
    from hubpolicy.core.statements import file_subject, whole_subject

    manifest = evidence.manifest
    if manifest is None:
        message = "got a listing, expected the bytes that are to be approved"
        raise ConfigError(message)
    if approval.binds == "manifest":
        return (whole_subject(manifest), *map(file_subject, manifest.entries))
    wanted = {"README.md"}
    if approval.binds == "closure":
        wanted = {path for line in runs(evidence) for path in closure_paths(line)}
        if not wanted:
            message = "there is no run to approve: no toxicity evidence is about these bytes"
            raise ConfigError(message, hint="hubpolicy test PATH")
    return tuple(file_subject(entry) for entry in manifest.entries if entry.path in wanted)
