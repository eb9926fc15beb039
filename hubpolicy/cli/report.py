# SPDX-License-Identifier: Apache-2.0
"""``hubpolicy report``: a run as a page, for people who decide, and saved audits as one."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hubpolicy.cli.options import Output, report_options
from hubpolicy.cli.report_merge import merge
from hubpolicy.errors import ConfigError

if TYPE_CHECKING:
    from hubpolicy.cli.run_sources import Looked
    from hubpolicy.cli.wiring import Seat
    from hubpolicy.ports import Progress


@click.command(
    "report",
    epilog="""\b
Examples:
  hubpolicy report ./my-model -o report.html      from the signed counts and the records at hand
  hubpolicy report 4b33002c -o report.html        a run on this disk, finished or not
  hubpolicy report ./my-model --format markdown   for a pull request
  hubpolicy report ./my-model --update-card ./my-model
  hubpolicy report merge one.json two.json -o all.html     saved audits as one
\b
RUN is a model folder with evidence, a run's folder, or the first characters of a run's id. A folder
whose name is merge is ./merge, since `hubpolicy report merge` joins audits. The page
is one file without scripts; it holds no text of the model unless you say --show-samples.
Exit codes: 0 passed, 1 a bound was exceeded, 2 usage or policy, 3 could not be evaluated.
""",
)
@click.argument("run", metavar="RUN")
@click.option("--show-samples", is_flag=True,
              help="Put prompts and answers of the worst samples into the report.")  # fmt: skip
@click.option("--update-card", type=click.Path(exists=True, file_okay=False), metavar="PATH",
              help="Write the attested numbers into PATH/README.md.")  # fmt: skip
@report_options
def show(*, run: str, show_samples: bool, update_card: str | None, output: Output) -> None:
    """Show what a run measured: bounds beside limits, scores, groups, languages, provenance."""
    from hubpolicy.cli.exits import for_findings
    from hubpolicy.cli.output import finish
    from hubpolicy.cli.progress import Bars
    from hubpolicy.cli.run_sources import look
    from hubpolicy.cli.wiring import seat
    from hubpolicy.domain.finding import verdict_of
    from hubpolicy.render.report import Report

    _refuse_inside(run, output)
    place = seat(run)
    with Bars(shown=output.progress, quiet=output.quiet) as bars:
        seen = look(run, place, bars, texts=show_samples)
        written = _update(update_card, seen, place, bars) if update_card else ""
    finish(
        Report(
            command="report",
            title=f"hubpolicy report {run}",
            verdict=verdict_of(seen.findings),
            exit_code=for_findings(seen.findings, gate=False),
            findings=seen.findings,
            waived=seen.waived,
            rows=seen.rows,
            manifest=seen.manifest,
            measurements=seen.measurements,
            closing=_closing(seen, run, written, output),
            solo=place.trusted.trust.root.solo,
            runs=seen.runs,
        ),
        output,
    )


def _refuse_inside(run: str, output: Output) -> None:
    """A page in the folder of a release would be released too, and void what is signed of it."""
    from hubpolicy.adapters.run_folder import names_model
    from hubpolicy.cli.output import inside, page_beside

    there = inside(output, run) if names_model(run) else ()
    if there:
        message = f"got -o {there[0]}, expected a file outside of {run}: it would be released too"
        page = shlex.quote(page_beside(run))
        raise ConfigError(message, hint=f"hubpolicy report {shlex.quote(run)} -o {page}")


def _update(path: str, seen: Looked, place: Seat, progress: Progress) -> str:
    from hubpolicy.cli.card_numbers import update
    from hubpolicy.cli.run_sources import look

    same = bool(seen.path) and Path(path).resolve() == Path(seen.path).resolve()
    return update(path, seen, seen if same else look(path, place, progress, texts=False))


def _closing(seen: Looked, run: str, written: str, output: Output) -> str:
    from hubpolicy.cli.output import page_beside

    lines = [written] if written else []
    files = [path for _, path in output.files]
    if files:
        lines.append(f"written: {', '.join(files)}")
    elif output.format == "text" and seen.runs:
        page = shlex.quote(page_beside(run))
        lines.append(f"as a page: hubpolicy report {shlex.quote(run)} -o {page}")
    return "\n".join(lines)


class _Report(click.Group):
    """``merge FILE...`` if that is the first word; else everything is about a RUN."""

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        """Of the group where one of its commands is named, else of :func:`show`."""
        if args and args[0] in self.commands:
            return super().make_context(info_name, args, parent, **extra)
        return show.make_context(info_name, args, parent, **extra)


report = _Report("report", commands=[merge])
