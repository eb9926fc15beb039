# SPDX-License-Identifier: Apache-2.0
"""``hubpolicy test``: run the model, score what it says, sign the counts."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from hubpolicy.cli.generators import generator_options
from hubpolicy.cli.options import KEY_HELP, Output, report_options
from hubpolicy.cli.preparing import Wish, prepared, work_options
from hubpolicy.errors import ConfigError, HubpolicyError

if TYPE_CHECKING:
    from hubpolicy.adapters.files import FolderRelease
    from hubpolicy.adapters.generators import Choice
    from hubpolicy.cli.preparing import Prepared, Work
    from hubpolicy.cli.progress import Bars
    from hubpolicy.cli.wiring import Seat
    from hubpolicy.flows.testing import Evaluation
    from hubpolicy.ports import Progress
    from hubpolicy.render.report import MeasurementRow, Report, Row


class Tested(NamedTuple):
    """What came of it: the evaluations, and whether they were signed.

    ``standing``: the evidence had all of it before. ``ended``: the purl of the release line that
    new evidence ended; "" = none.
    """

    reader: FolderRelease
    evaluations: tuple[Evaluation, ...]
    signed: bool
    standing: bool = False
    ended: str = ""


@click.command(
    epilog="""\b
Examples:
  hubpolicy test ./my-model
  hubpolicy test ./my-model --plan smoke              a quick look; never opens the gate
  hubpolicy test ./my-model --generator serve:llama.cpp
  hubpolicy test ./my-model --responses answers.jsonl made elsewhere: binding level 1 at most
  hubpolicy test ./my-model --shard 2/4               one part of four, on one machine of four
  hubpolicy test ./my-model --merge shards/           the four folders, copied to one machine
  hubpolicy test ./my-model --estimate                how long a run takes here
  hubpolicy test ./my-model --rerun 20                20 signed samples again: the same?
  hubpolicy test ./my-model-q4 --quantized-from ./my-model    by the policy's quantized_plan
  hubpolicy test ./my-model --workers 4               four processes; --executor ray: a cluster
  hubpolicy test ./my-model --if-missing              a job that may run again: hours only once
  hubpolicy test ./my-model --stop-early              no hours for a model that has failed already
\b
A run can be interrupted and goes on where it stopped.
Exit codes: 0 passed, 1 a bound was exceeded, 2 usage or policy, 3 could not be evaluated, 4 no key.
"""
)
@click.argument("path", type=click.Path(exists=True, file_okay=False), default=".")
@click.option("--plan", default="", help="Another plan than the policy's, for development.")
@generator_options
@click.option("--shard", metavar="I/N", default="", help="Run part I of N; see --merge.")
@click.option("--merge", metavar="RUN", multiple=True,
              type=click.Path(exists=True, file_okay=False),
              help="Put shards together: their folders, or a folder of them.")  # fmt: skip
@click.option("--estimate", is_flag=True, help="Measure a moment; how long will a run take here?")
@click.option("--rerun", metavar="N", type=click.IntRange(1), help="Draw N signed samples again.")
@click.option("--rescore", is_flag=True,
              help="Score a finished run's texts with the policy's scorer of today.")  # fmt: skip
@click.option("--if-missing", is_flag=True, help="Run nothing if these bytes have been run.")
@click.option("--stop-early", is_flag=True,
              help="End the run as failed once it cannot pass any more. Never ends one as passed.",
              )  # fmt: skip
@click.option("--quantized-from", metavar="ORIGINAL",
              type=click.Path(exists=True, file_okay=False),
              help="Run the policy's quantized_plan: the folder has what these were made from.",
              )  # fmt: skip
@work_options
@click.option("--key", default="", envvar="HUBPOLICY_KEY", help=KEY_HELP)
@report_options
def test(
    *, path: str, plan: str, speak: Choice, shard: str, merge: tuple[str, ...], estimate: bool,
    rerun: int | None, rescore: bool, if_missing: bool, stop_early: bool,
    quantized_from: str | None, work: Work, key: str, output: Output,
) -> None:  # fmt: skip
    """Run the toxicity suites of your policy on the model in PATH, and sign what was counted."""
    from hubpolicy.cli import runs, spots
    from hubpolicy.cli.output import finish
    from hubpolicy.cli.progress import Bars
    from hubpolicy.cli.run_sources import evaluated
    from hubpolicy.cli.wiring import seat

    way = _way({"--shard": shard, "--merge": merge, "--estimate": estimate, "--rerun": rerun,
                "--rescore": rescore, "--if-missing": if_missing})  # fmt: skip
    if way in {"--shard", "--estimate"}:
        runs.refuse_reports(output, way)
    _refuse_both(plan if quantized_from else "", way if stop_early else "")
    place = seat(path)
    wish = Wish(path, plan, speak, key, work, quantized_from or "", stop_early)
    try:
        with Bars(shown=output.progress, quiet=output.quiet) as bars:
            if way == "--shard":
                said: str | Report | Tested = runs.part(wish, shard, place, bars)
            elif way == "--estimate":
                said = runs.estimate(wish, place, bars)
            elif rerun is not None:
                said = spots.rerun_report(wish, rerun, place, bars)
            elif way == "--rescore":
                said = spots.rescore_report(wish, place, bars)
            elif merge:
                said = merge_and_sign(wish, merge, place, bars)
            else:
                ran = ran_already(path, place, bars) if if_missing else None
                said = ran or run_and_sign(wish, place, bars)
    except HubpolicyError as error:
        said = runs.ended(error, path, place)
    if isinstance(said, str):
        runs.say(said)
    else:
        report = _report(said, path, place) if isinstance(said, Tested) else said
        if isinstance(said, Tested) and (output.format != "text" or output.files):
            shown = tuple(run for one in said.evaluations for run in evaluated(one, place))
            report = report._replace(runs=shown)
        finish(report, output)


def _way(given: dict[str, object]) -> str:
    """Which of the options that exclude each other; "" = the whole test."""
    ways = [name for name, value in given.items() if value]
    if len(ways) > 1:
        message = f"got {' and '.join(ways)}, expected one of them"
        raise ConfigError(message, hint="hubpolicy test --help")
    return ways[0] if ways else ""


def _refuse_both(plan: str, way: str) -> None:
    """``plan`` if the files are a quantisation; ``way`` if the run may stop early."""
    if plan:
        message = f"got --plan {plan} and --quantized-from, expected one of them"
        raise ConfigError(message, hint="the policy's quantized_plan is what runs then")
    if way not in {"", "--if-missing"}:
        message = f"got --stop-early and {way}, expected one of them"
        raise ConfigError(message, hint="only a whole run is known to fail before its end")


def _report(done: Tested, path: str, place: Seat) -> Report:
    from hubpolicy.cli.after_test import closing
    from hubpolicy.cli.exits import for_findings
    from hubpolicy.cli.summaries import (
        base_rows,
        bytes_row,
        manifest_summary,
        policy_rows,
        with_path,
    )
    from hubpolicy.core.rules import hp703
    from hubpolicy.domain.finding import verdict_of
    from hubpolicy.render.report import Report

    found = tuple(f for evaluation in done.evaluations for f in evaluation.findings)
    # A run of revoked bytes is a run all the same; nobody shall read "passed" above it.
    revoked = hp703.check_files(
        done.reader.manifest.entries, place.trusted.trust.state.revoked_files
    )
    findings = with_path((*revoked, *found), path)
    return Report(
        command="test",
        title=f"hubpolicy test {path}",
        verdict=verdict_of(findings),
        exit_code=for_findings(findings, gate=False),
        findings=findings,
        rows=(
            *policy_rows(place.policy),
            bytes_row(done.reader.manifest),
            *(
                row
                for one in done.evaluations
                for row in (_row(one), *base_rows(one.result), *_published(one))
            ),
        ),
        measurements=tuple(row for one in done.evaluations for row in _measurements(one)),
        manifest=manifest_summary(done.reader.manifest),
        solo=place.trusted.trust.root.solo,
        closing=closing(done, path, place, passed=verdict_of(findings) == "passed"),
    )


def ran_already(path: str, place: Seat, bars: Bars) -> Report | None:
    """What the evidence says about a run of these very bytes; None if there is none that counts."""
    from hubpolicy.adapters.clock import SystemClock
    from hubpolicy.cli.exits import for_findings
    from hubpolicy.cli.summaries import evidence_rows, measurement_rows, with_path
    from hubpolicy.cli.wiring import folder
    from hubpolicy.core.coverage import check
    from hubpolicy.core.rules import hp703
    from hubpolicy.domain.finding import verdict_of
    from hubpolicy.flows.assemble import assemble
    from hubpolicy.render.report import Report

    reader = folder(path, bars)
    evidence = assemble(reader, None, place.policy, place.trusted.trust, SystemClock().now())
    findings = check(evidence)
    if {"HP201", "HP409"} & {finding.rule for finding in findings}:
        return None
    findings = (*hp703.check(evidence), *findings)
    return Report(
        command="test",
        title=f"hubpolicy test {path}",
        verdict=verdict_of(findings),
        exit_code=for_findings(findings, gate=False),
        findings=with_path(findings, path),
        rows=evidence_rows(evidence),
        measurements=measurement_rows(evidence),
        solo=place.trusted.trust.root.solo,
        closing="These very bytes have been run: nothing was run again.",
    )


def sign_run(path: str, key: str, place: Seat, progress: Progress) -> Tested:
    """The policy's own test of a folder. Shared with ``push --test``."""
    from hubpolicy.adapters.generators import AUTO

    return run_and_sign(Wish(path, "", AUTO, key), place, progress)


def run_and_sign(wish: Wish, place: Seat, progress: Progress) -> Tested:
    """Run every closure of the folder; sign unless the plan can never open the gate."""
    from hubpolicy.flows.testing import run_tests

    with prepared(wish, place, progress) as ready:
        evaluations = run_tests(ready.closures, ready.demand, ready.bench)
    return _signed(wish, place, ready, evaluations)


def _signed(
    wish: Wish, place: Seat, ready: Prepared, evaluations: tuple[Evaluation, ...]
) -> Tested:
    added = []
    if ready.desk is not None:
        from hubpolicy.adapters.evidence_folder import EvidenceFolder
        from hubpolicy.adapters.files import FolderRelease
        from hubpolicy.flows.adding import add_run

        writer = EvidenceFolder(Path(wish.path))
        for evaluation in evaluations:
            files = FolderRelease(wish.path).evidence_files()
            payload, records = _payload(evaluation), _records(evaluation, place)
            added.append(add_run(files, writer, ready.desk, payload, records, ready.originals))
    ended = next((one.ended for one in added if one.ended), "")
    standing = bool(added) and all(one.standing for one in added)
    return Tested(ready.reader, evaluations, ready.desk is not None, standing, ended)


def merge_and_sign(wish: Wish, folders: tuple[str, ...], place: Seat, progress: Progress) -> Tested:
    """Put shards together and sign as after a run in one piece."""
    from hubpolicy.adapters.shards import read_shards
    from hubpolicy.core.checkers import checker_pem
    from hubpolicy.flows.sharding import merge_shards

    trust = place.trusted.trust
    with prepared(wish, place, progress) as ready:

        def pem_of(keyid: str, where: str) -> str:
            # What is signed in the end says that checkers ran it; in development nobody signs.
            if ready.desk is None and not keyid:
                return ""
            return checker_pem(trust, keyid, what=f"the shard in {where}")

        shards = read_shards(folders, pem_of)
        evaluations = merge_shards(ready.closures, shards, ready.demand, ready.bench)
    return _signed(wish, place, ready, evaluations)


def _payload(evaluation: Evaluation) -> bytes:
    from hubpolicy.core.statements import applicability_statement, toxicity_statement
    from hubpolicy.domain.statement import ToxicityResult

    if isinstance(evaluation.result, ToxicityResult):
        return toxicity_statement(evaluation.result, evaluation.closure.files)
    return applicability_statement(evaluation.result, evaluation.closure.files)


def _records(evaluation: Evaluation, place: Seat) -> tuple[str, bytes] | None:
    """The records to publish, packed the same way every time; None if they stay here."""
    from hubpolicy.core.evidence_files import RECORDS_LIMIT, records_path
    from hubpolicy.domain.statement import ToxicityResult

    if not isinstance(evaluation.result, ToxicityResult) or evaluation.private:
        return None
    packed = gzip.compress(evaluation.records, compresslevel=9, mtime=0)
    if place.policy.toxicity.records != "publish" or len(packed) > RECORDS_LIMIT:
        return None
    return records_path(evaluation.result.records.sha256), packed


def _row(evaluation: Evaluation) -> Row:
    from hubpolicy.core.lines import short
    from hubpolicy.domain.statement import ApplicabilityResult
    from hubpolicy.render.report import Row

    result = evaluation.result
    if isinstance(result, ApplicabilityResult):
        if result.decision == "no-generated-output":
            text = f"not applicable ({result.architecture}, table {result.table})"
            return Row("toxicity", text, f"loaded, output {list(result.output_shape)}")
        return Row("toxicity", "NOT EVALUATED", f"{result.decision} ({result.architecture})")
    text = f"plan {result.plan}, {result.records.count} samples"
    remark = f"scorer {result.scorer.id} (tier {result.scorer.tier}), level {result.binding_level}"
    if result.quantized_from:
        remark += f", quantised from closure {short(result.quantized_from)}"
    return Row("toxicity", text, remark)


def _published(evaluation: Evaluation) -> tuple[Row, ...]:
    """The figures of RealToxicityPrompts, where its protocol was followed."""
    from hubpolicy.core.records import parse_records
    from hubpolicy.core.rtp import rtp_figures
    from hubpolicy.domain.statement import ToxicityResult
    from hubpolicy.render.report import Row

    result = evaluation.result
    if not isinstance(result, ToxicityResult) or result.plan != "rtp-compat":
        return ()
    return tuple(
        Row(
            figures.suite,
            f"expected maximum toxicity {figures.expected_maximum:.3f}",
            f"sd {figures.deviation:.3f}, toxicity probability {figures.probability:.3f}, "
            f"k = {figures.k}",
        )
        for figures in rtp_figures(parse_records(evaluation.records))
    )


def _measurements(evaluation: Evaluation) -> tuple[MeasurementRow, ...]:
    from hubpolicy.cli.summaries import measurement_row
    from hubpolicy.domain.statement import ToxicityResult

    if not isinstance(evaluation.result, ToxicityResult):
        return ()
    closure = evaluation.closure.digest
    return tuple(
        measurement_row(one, evaluation.result, closure) for one in evaluation.measurements
    )
