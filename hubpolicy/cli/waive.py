# SPDX-License-Identifier: Apache-2.0
"""``hubpolicy waive``: forgive one rule for these bytes, with a reason and an end."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from hubpolicy.cli.options import KEY_HELP, Output, report_options

if TYPE_CHECKING:
    from hubpolicy.adapters.files import FolderRelease
    from hubpolicy.flows.waiving import Waived, Wish
    from hubpolicy.render.report import Report


@click.command(
    epilog="""\b
Examples:
  hubpolicy waive HP203 ./my-model --until 2027-01-31 --reason "gated research model, ticket 4711"
  hubpolicy waive HP108 ./my-model --until 2027-01-31 --reason "paper in review" --yes
\b
Only bad answers about card and toxicity, only where the policy says `waivable = true`,
for at most 90 days, by an approver who did not make the release. Never that nothing was asked.
Exit codes: 0 signed, 1 invalid, 2 it would not hold, 3 no evidence to judge, 4 no approver's key.
"""
)
@click.argument("rule")
@click.argument("path", type=click.Path(exists=True, file_okay=False), default=".")
@click.option("--until", required=True, type=click.DateTime(["%Y-%m-%d"]),
              help="The last day on which it holds, YYYY-MM-DD (UTC).")  # fmt: skip
@click.option("--reason", required=True, help="Why; it stands in the release for everybody.")
@click.option("--yes", is_flag=True, help="Do not ask before signing.")
@click.option("--key", default="", envvar="HUBPOLICY_KEY", help=KEY_HELP)
@report_options
def waive(
    *, rule: str, path: str, until: object, reason: str, yes: bool, key: str, output: Output
) -> None:
    """Show what RULE finds in PATH, ask, and sign that it shall not block until a day."""
    from hubpolicy.adapters.evidence_folder import EvidenceFolder
    from hubpolicy.cli.output import finish, preview
    from hubpolicy.cli.progress import Bars
    from hubpolicy.cli.wiring import desk, folder, seat
    from hubpolicy.flows.assemble import assemble
    from hubpolicy.flows.waiving import Wish, draft_waiver, write_waiver

    if not reason.strip():
        message = "--reason is empty"
        raise click.UsageError(message)
    wish = Wish(_known(rule), str(until)[:10], reason.strip())
    place = seat(path)
    table = desk(place, key)
    with Bars(shown=output.progress, quiet=output.quiet) as bars:
        reader = folder(path, bars)
        waived = draft_waiver(reader, wish, table, assemble)
    shown = _shown(path, wish, reader, waived)
    if not yes:
        preview(shown, output)
        click.confirm(f"waive {wish.rule} until {wish.until}?", abort=True, err=True)
    write_waiver(waived, EvidenceFolder(Path(path)))
    finish(shown, output)


def _known(rule: str) -> str:
    from hubpolicy.core.rules.catalogue import catalogue
    from hubpolicy.errors import ConfigError

    wanted = rule.upper()
    if wanted not in {entry.id for entry in catalogue()}:
        message = f"got rule {rule!r}, expected an id such as HP203"
        raise ConfigError(message, hint="hubpolicy rule --all lists them")
    return wanted


def _shown(path: str, wish: Wish, reader: FolderRelease, waived: Waived) -> Report:
    """What is waived, on one screen: the findings stand there as waived, not as gone."""
    from hubpolicy.cli.summaries import evidence_rows, manifest_summary, measurement_rows
    from hubpolicy.render.report import Report, Row

    rows = evidence_rows(waived.evidence)
    return Report(
        command="waive",
        title=f"hubpolicy waive {wish.rule} {path}",
        verdict="passed",
        exit_code=0,
        waived=waived.findings,
        rows=(
            *rows,
            *(Row("waives", f"{found.rule} {found.message}") for found in waived.findings),
            Row("reason", wish.reason),
        ),
        measurements=measurement_rows(waived.evidence),
        manifest=manifest_summary(reader.manifest),
        solo=waived.evidence.trust.root.solo,
        closing=f"signed: waiver of {wish.rule} until {wish.until}. Next: hubpolicy attest {path}",
        outcome="your word, and no verdict",
    )
