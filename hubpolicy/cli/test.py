# SPDX-License-Identifier: Apache-2.0
"""``hubpolicy test``: run the model, score what it says, sign the counts."""

from __future__ import annotations

import gzip
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from hubpolicy.cli.generators import Stage, generator_options
from hubpolicy.cli.options import Output, report_options
from hubpolicy.errors import ConfigError

if TYPE_CHECKING:
    from hubpolicy.adapters.files import FolderRelease
    from hubpolicy.adapters.generators import Choice
    from hubpolicy.cli.wiring import Seat
    from hubpolicy.domain.evaluation import Plan
    from hubpolicy.flows.testing import Bench, Evaluation
    from hubpolicy.ports import Progress, Signer
    from hubpolicy.render.report import MeasurementRow, Row


class Wish(NamedTuple):
    """What was asked for on the command line."""

    path: str
    plan: str
    speak: Choice
    key: str


class Tested(NamedTuple):
    """What came of it: the evaluations, and whether they were signed."""

    reader: FolderRelease
    evaluations: tuple[Evaluation, ...]
    signed: bool


@click.command(
    epilog="""\b
Examples:
  hubpolicy test ./my-model
  hubpolicy test ./my-model --plan smoke              a quick look; never opens the gate
  hubpolicy test ./my-model --generator serve:llama.cpp
  hubpolicy test ./my-model --responses answers.jsonl made elsewhere: binding level 1 at most
\b
A run can be interrupted and goes on where it stopped.
Exit codes: 0 passed, 1 a bound was exceeded, 2 usage or policy, 3 could not be evaluated, 4 no key.
"""
)
@click.argument("path", type=click.Path(exists=True, file_okay=False), default=".")
@click.option("--plan", default="", help="Another plan than the policy's, for development.")
@generator_options
@click.option("--key", default="", envvar="HUBPOLICY_KEY", help="Signing key, file:PATH.")
@report_options
def test(*, path: str, plan: str, speak: Choice, key: str, output: Output) -> None:
    """Run the toxicity suites of your policy on the model in PATH, and sign what was counted."""
    from hubpolicy.cli.exits import for_findings
    from hubpolicy.cli.output import finish
    from hubpolicy.cli.progress import Bars
    from hubpolicy.cli.summaries import bytes_row, manifest_summary, with_path
    from hubpolicy.cli.wiring import seat
    from hubpolicy.domain.finding import verdict_of
    from hubpolicy.render.report import Report

    place = seat()
    wish = Wish(path, plan, speak, key)
    with Bars(shown=output.progress, quiet=output.quiet) as bars:
        done = run_and_sign(wish, place, bars)
    found = tuple(f for evaluation in done.evaluations for f in evaluation.findings)
    findings = with_path(found, path)
    report = Report(
        command="test",
        title=f"hubpolicy test {path}",
        verdict=verdict_of(findings),
        exit_code=for_findings(findings, gate=False),
        findings=findings,
        rows=(bytes_row(done.reader.manifest), *(_row(one) for one in done.evaluations)),
        measurements=tuple(row for one in done.evaluations for row in _measurements(one)),
        manifest=manifest_summary(done.reader.manifest),
        solo=place.trusted.trust.root.solo,
        closing=_closing(done, path),
    )
    finish(report, output)


def sign_run(path: str, key: str, place: Seat, progress: Progress) -> Tested:
    """The policy's own test of a folder. Shared with ``push --test``."""
    from hubpolicy.adapters.generators import AUTO

    return run_and_sign(Wish(path, "", AUTO, key), place, progress)


def run_and_sign(wish: Wish, place: Seat, progress: Progress) -> Tested:
    """Run every closure of the folder; sign unless the plan can never open the gate."""
    from hubpolicy.adapters.loaders import external_data
    from hubpolicy.cli.wiring import desk, folder
    from hubpolicy.core.checkers import checker_pem
    from hubpolicy.core.closure import closures, config_paths
    from hubpolicy.flows.testing import Demand, run_tests

    plan = _plan(wish.plan, place)
    # Ask for the key before hours of work, not after.
    table = desk(place, wish.key) if plan.opens_gate else None
    if table is not None:
        checker_pem(place.trusted.trust, table.signer.keyid, what="the run")
    reader = folder(wish.path, progress)
    manifest = reader.manifest
    configs = {path: reader.read(path) for path in config_paths(manifest)}
    demand = Demand(plan, place.policy.toxicity, place.policy.min_level)
    # The key that signs the counts seals the run's log too: what it did not seal is not resumed.
    signer = table.signer if table is not None else None
    external = external_data(Path(reader.root), reader.paths)
    with Stage(Path(wish.path).resolve(), wish.speak, place) as stage:
        bench = _bench(wish, reader, place, progress, signer, stage)
        evaluations = run_tests(closures(manifest, configs, external), demand, bench)
    if table is not None:
        from hubpolicy.adapters.evidence_folder import EvidenceFolder
        from hubpolicy.adapters.files import FolderRelease
        from hubpolicy.flows.attesting import add_run

        writer = EvidenceFolder(Path(wish.path))
        for evaluation in evaluations:
            files = FolderRelease(wish.path).evidence_files()
            add_run(files, writer, table, _payload(evaluation), _records(evaluation, place))
    return Tested(reader, evaluations, table is not None)


def _plan(name: str, place: Seat) -> Plan:
    from hubpolicy.adapters import assets

    wanted = place.policy.toxicity
    plan = assets.plan(name or wanted.plan)
    if not name and plan.sha256 != wanted.plan_sha256:
        message = f"the policy was signed for another version of plan {plan.id!r}"
        raise ConfigError(message, hint="hubpolicy policy sign")
    return plan


def _bench(
    wish: Wish,
    reader: FolderRelease,
    place: Seat,
    progress: Progress,
    signer: Signer | None,
    stage: Stage,
) -> Bench:
    from hubpolicy.adapters import assets
    from hubpolicy.adapters.clock import SystemClock
    from hubpolicy.adapters.loaders import FolderLoader
    from hubpolicy.adapters.runs import FileLedger, FolderRunStore
    from hubpolicy.adapters.scorers.session import open_scorer
    from hubpolicy.flows.testing import Bench

    return Bench(
        loader=FolderLoader(Path(wish.path).resolve()),
        open_generator=stage.open,
        open_scorer=lambda: open_scorer(
            assets.scorer_folder(assets.EMBEDDED_SCORER), expected=_scorer_pin(place)
        ),
        runs=FolderRunStore(place.home.state, signer),
        ledger=FileLedger(place.home.state),
        clock=SystemClock(),
        progress=progress,
        changed=lambda closure: tuple(
            path for path in reader.rehash(reader.manifest) if path in closure.paths
        ),
    )


def _scorer_pin(place: Seat) -> str:
    """The digest that the policy pins, if it is the embedded scorer's."""
    from hubpolicy.adapters import assets
    from hubpolicy.adapters.scorers.bundle import bundle_pin

    pin = bundle_pin(assets.scorer_folder(assets.EMBEDDED_SCORER))
    if pin.sha256 not in place.policy.toxicity.scorers:
        message = f"the policy pins another scorer than {pin.id} {pin.sha256[:12]}"
        raise ConfigError(message, hint="hubpolicy policy sign")
    return pin.sha256


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

    if not isinstance(evaluation.result, ToxicityResult):
        return None
    packed = gzip.compress(evaluation.records, compresslevel=9, mtime=0)
    if place.policy.toxicity.records != "publish" or len(packed) > RECORDS_LIMIT:
        return None
    return records_path(evaluation.result.records.sha256), packed


def _row(evaluation: Evaluation) -> Row:
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
    return Row("toxicity", text, remark)


def _measurements(evaluation: Evaluation) -> tuple[MeasurementRow, ...]:
    from hubpolicy.cli.summaries import measurement_row
    from hubpolicy.domain.statement import ToxicityResult

    if not isinstance(evaluation.result, ToxicityResult):
        return ()
    closure = evaluation.closure.digest
    return tuple(
        measurement_row(one, evaluation.result, closure) for one in evaluation.measurements
    )


def _closing(done: Tested, path: str) -> str:
    texts = [one.texts_path for one in done.evaluations if one.texts_path]
    kept = f"what the model said stays on this disk: {texts[0]}\n" if texts else ""
    if not done.signed:
        return f"{kept}Nothing was signed: this plan can never open the gate."
    signed = f"{kept}The counts were signed into {Path(path) / '.hubpolicy'}"
    if any(one.verdict != "passed" for one in done.evaluations):
        return signed
    return f"{signed}\nnext: hubpolicy push {shlex.quote(path)} NAMESPACE/NAME"
