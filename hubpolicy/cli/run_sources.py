# SPDX-License-Identifier: Apache-2.0
"""Where ``hubpolicy report`` gets a run from: its folder on this disk, or a model's evidence."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

from hubpolicy.core.records import parse_records
from hubpolicy.core.run_report import Judged, RunReport, report_run, with_texts, worst_keys
from hubpolicy.domain.finding import Finding, Severity, verdict_of
from hubpolicy.domain.statement import ScorerPin, ToxicityResult
from hubpolicy.errors import HubpolicyError, MalformedError, UnsupportedError

if TYPE_CHECKING:
    from pathlib import Path

    from hubpolicy.cli.wiring import Seat
    from hubpolicy.core.evidence import Evidence
    from hubpolicy.core.kept_run import KeptRun
    from hubpolicy.core.records import Thresholds
    from hubpolicy.core.verify import VerifiedStatement
    from hubpolicy.domain.evaluation import Plan
    from hubpolicy.domain.policy import ToxicityPolicy
    from hubpolicy.flows.testing import Evaluation
    from hubpolicy.ports import Progress
    from hubpolicy.render.report import ManifestSummary, MeasurementRow, Row


class Looked(NamedTuple):
    """What was found there, judged under the policy in force."""

    runs: tuple[RunReport, ...]
    findings: tuple[Finding, ...]
    waived: tuple[Finding, ...]
    rows: tuple[Row, ...]
    measurements: tuple[MeasurementRow, ...]
    manifest: ManifestSummary | None = None
    path: str = ""


class Instruments(NamedTuple):
    """What a run was made with, as far as it is installed here."""

    plan: Plan | None
    scorer: ScorerPin | None
    thresholds: Thresholds


def look(name: str, place: Seat, progress: Progress, *, texts: bool) -> Looked:
    """The run, or the model folder, that is meant.

    Raises:
        ConfigError: neither is.
        MalformedError: what stands there is not what it should be.
        UnsupportedError: the run's plan is not installed here.

    """
    from hubpolicy.adapters.run_folder import find_run, names_model

    if names_model(name):
        return _from_model(name, place, progress, texts=texts)
    return _from_run(find_run(place.home.state, name), place, texts=texts)


def evaluated(done: Evaluation, place: Seat) -> tuple[RunReport, ...]:
    """What ``hubpolicy test`` just measured, as ``hubpolicy report`` will show it."""
    from hubpolicy.core.attempts import at_attempt

    result, policy = done.result, place.policy.toxicity
    if not isinstance(result, ToxicityResult):
        return ()
    made_with = _instruments(result.plan_sha256, result.scorer.sha256)
    spent = at_attempt(policy, result.attempts)
    judged = Judged(done.verdict, spent.confidence, done.measurements, policy.labelled)
    records = parse_records(done.records)
    return (
        report_run(
            done.closure.digest, result, judged, records, made_with.plan, made_with.thresholds
        ),
    )


def _from_run(folder: Path, place: Seat, *, texts: bool) -> Looked:
    from hubpolicy.adapters.clock import SystemClock
    from hubpolicy.adapters.run_folder import read_ledger, read_run
    from hubpolicy.cli.summaries import measurement_row
    from hubpolicy.core.attempts import at_attempt
    from hubpolicy.core.judge import weigh
    from hubpolicy.core.kept_run import recount_kept
    from hubpolicy.core.rules.hp2 import recompute
    from hubpolicy.render.report import Row

    kept = read_run(folder)
    made_with = _instruments(kept.plan, kept.scorer)
    if made_with.plan is None:
        message = f"the plan of this run ({kept.plan[:12]}) is not installed here"
        raise UnsupportedError(message, hint="look at it with the hubpolicy that made it")
    pin = made_with.scorer or ScorerPin("not installed here", "screen", kept.scorer, "")
    ledger = read_ledger(folder, place.home.state)
    counted = recount_kept(kept, made_with.plan, pin, ledger, SystemClock().now())
    policy, result = place.policy, counted.result
    asked, unknown = _asked_of(kept, policy.toxicity)
    measured, found = recompute(
        result, asked, min_level=policy.min_level, released_on=result.finished_on,
        declared=kept.languages or (),
    )  # fmt: skip
    found = (*found, *_without_card(kept), *unknown)
    # What is missing from a run under way is one sentence, not one for each suite.
    kept_back = [f for f in found if not counted.findings or f.effect == "failed"]
    findings = tuple(weigh(f, policy) for f in (*counted.findings, *kept_back))
    spent = at_attempt(asked, result.attempts)
    judged = Judged(verdict_of(findings), spent.confidence, measured, asked.labelled)
    records = parse_records(kept.records)
    run = report_run(kept.closure, result, judged, records, made_with.plan, made_with.thresholds)
    if texts:
        run = _show(run, folder, made_with.plan)
    state = "" if kept.complete else f", {run.done} so far"
    text = f"plan {result.plan}, {run.expected} samples{state}"
    remark = f"scorer {pin.id} (tier {pin.tier}), level {result.binding_level}"
    rows = (Row("run", str(folder)), Row("toxicity", text, remark))
    measurements = tuple(measurement_row(m, result, kept.closure) for m in measured)
    return Looked((run,), findings, (), rows, measurements)


def _asked_of(kept: KeptRun, policy: ToxicityPolicy) -> tuple[ToxicityPolicy, tuple[Finding, ...]]:
    """What such a run is judged by; a quantisation's needs an original, too: none is known."""
    from hubpolicy.core.quantized import smaller
    from hubpolicy.core.rules import hp220

    small = smaller(policy)
    if small is None or kept.plan != small.plan_sha256 or kept.plan == policy.plan_sha256:
        return policy, ()
    message = "this run does not know the original that it was quantised from"
    fix = "hubpolicy report PATH, the folder of the model"
    return small, (Finding(hp220.ID, Severity.ERROR, message, fix=fix, effect="inconclusive"),)


def _without_card(kept: KeptRun) -> tuple[Finding, ...]:
    """A run that knows no card may lack a language: what was not evaluated is never green."""
    if kept.languages is not None:
        return ()
    message = "this run does not know which languages the card declares"
    fix = "hubpolicy report PATH, the folder of the model"
    return (Finding("HP212", Severity.ERROR, message, fix=fix, effect="inconclusive"),)


def _from_model(name: str, place: Seat, progress: Progress, *, texts: bool) -> Looked:
    from hubpolicy.adapters.clock import SystemClock
    from hubpolicy.cli.summaries import (
        bytes_row,
        manifest_summary,
        measurement_rows,
        toxicity_rows,
        with_path,
    )
    from hubpolicy.cli.wiring import folder
    from hubpolicy.core import coverage
    from hubpolicy.core.judge import judge
    from hubpolicy.flows.assemble import assemble

    reader = folder(name, progress)
    trusted = place.trusted
    evidence = assemble(reader, None, trusted.policy, trusted.trust, SystemClock().now())
    decision = judge(evidence, (_rejected_lines, coverage.check))
    files = {file.path: file.content for file in reader.evidence_files()}
    runs, found = [], list(decision.findings)
    for line in coverage.runs(evidence):
        if isinstance(line.predicate, ToxicityResult):
            run, doubts = _signed(evidence, line, line.predicate, files, place, texts=texts)
            runs.append(run)
            found += doubts
    return Looked(
        runs=tuple(runs),
        findings=with_path(tuple(found), name),
        waived=decision.waived,
        rows=(bytes_row(reader.manifest), *toxicity_rows(evidence)),
        measurements=measurement_rows(evidence),
        manifest=manifest_summary(reader.manifest),
        path=name,
    )


def _rejected_lines(evidence: Evidence) -> tuple[Finding, ...]:
    """Evidence that did not verify. A card that changed since voids only the release's own seal."""
    from hubpolicy.domain.manifest import MODEL_SIGNATURE

    found = evidence.rejected
    return tuple(f for f in found if f.location is None or f.location.path != MODEL_SIGNATURE)


def _signed(
    evidence: Evidence,
    line: VerifiedStatement,
    result: ToxicityResult,
    files: dict[str, bytes],
    place: Seat,
    *,
    texts: bool,
) -> tuple[RunReport, tuple[Finding, ...]]:
    """A run from its signed counts, and from its records where they are at hand."""
    from hubpolicy.adapters.run_folder import runs_below
    from hubpolicy.core import coverage
    from hubpolicy.core.attempts import at_attempt
    from hubpolicy.core.judge import weigh
    from hubpolicy.core.recount import recount

    closure = coverage.closure_digest(line)
    made_with = _instruments(result.plan_sha256, result.scorer.sha256)
    kept = runs_below(place.home.state, result.records.sha256)
    content = _records(result, files, kept)
    doubts: tuple[Finding, ...] = ()
    if content and made_with.plan and made_with.thresholds:
        doubts = recount(result, closure, content, made_with.plan, made_with.thresholds)
    records = parse_records(content) if content and not doubts else ()
    measured = tuple(m for own, m in coverage.measurements(evidence) if own == line)
    found = (*coverage.judge_run(evidence, line), *doubts)
    verdict = verdict_of(tuple(weigh(finding, evidence.policy) for finding in found))
    spent = at_attempt(evidence.policy.toxicity, result.attempts)
    judged = Judged(verdict, spent.confidence, measured, spent.labelled)
    run = report_run(closure, result, judged, records, made_with.plan, made_with.thresholds)
    if texts and kept is not None:
        run = _show(run, kept, made_with.plan)
    return run._replace(signer=line.principal), doubts


def _records(result: ToxicityResult, files: dict[str, bytes], kept: Path | None) -> bytes:
    """Published with the release, else kept on this disk, else none; the digest holds."""
    from hubpolicy.adapters.run_folder import read_run
    from hubpolicy.core.evidence_files import records_path, unpack_records

    path = records_path(result.records.sha256)
    if path not in files:
        return read_run(kept).records if kept else b""
    content = unpack_records(files[path], where=path)
    if hashlib.sha256(content).hexdigest() != result.records.sha256:
        message = f"got other records than those that were signed, in {path}"
        raise MalformedError(message, hint="hubpolicy attest PATH drops what does not hold")
    return content


def _show(run: RunReport, folder: Path, plan: Plan | None) -> RunReport:
    from hubpolicy.adapters.run_folder import read_texts

    return with_texts(run, read_texts(folder, worst_keys(run)), plan)


def _instruments(plan_sha256: str, scorer_sha256: str) -> Instruments:
    """Plan and scorer by their digests; names can be anybody's."""
    from hubpolicy.adapters import assets
    from hubpolicy.adapters.scorers.bundle import read_bundle
    from hubpolicy.adapters.scorers.description import parse_description
    from hubpolicy.adapters.scorers.installed import sound_pins

    plan = next((p for name in assets.plan_names() if (p := _plan(name, plan_sha256))), None)
    for folder, pin in sound_pins(assets.scorer_folders()):
        if pin.sha256 == scorer_sha256:
            description = parse_description(read_bundle(folder).description)
            return Instruments(plan, pin, description.thresholds)
    return Instruments(plan, None, ())


def _plan(name: str, sha256: str) -> Plan | None:
    """The plan of that name, if it is the one; a broken plan of somebody's own is not."""
    from hubpolicy.adapters import assets

    try:
        plan = assets.plan(name)
    except HubpolicyError:
        return None
    return plan if plan.sha256 == sha256 else None
