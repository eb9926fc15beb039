# SPDX-License-Identifier: Apache-2.0
"""The extra step of ``hubpolicy verify --records``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.core.coverage import closure_digest, runs
from hubpolicy.core.evidence_files import records_path, unpack_records
from hubpolicy.core.recount import recount
from hubpolicy.domain.finding import Decision, Finding, Severity, verdict_of
from hubpolicy.domain.statement import ToxicityResult
from hubpolicy.errors import ConfigError, MalformedError
from hubpolicy.render.report import Row

if TYPE_CHECKING:
    from hubpolicy.core.evidence import Evidence


def records_step(
    evidence: Evidence, files: tuple[tuple[str, bytes], ...], decision: Decision
) -> tuple[Decision, Row]:
    """Recount every run that is about these bytes; what is not available is said, not assumed."""
    found: list[Finding] = []
    counted = 0
    for line in runs(evidence):
        if isinstance(line.predicate, ToxicityResult):
            own = _recount(line.predicate, closure_digest(line), dict(files))
            found += own
            counted += not own
    findings = (*decision.findings, *found)
    text = f"{counted} run(s) recounted" if counted else "records not available"
    text = f"{len(found)} finding(s)" if found else text
    return Decision(verdict_of(findings), findings, decision.waived), Row("7. records", text)


def _recount(result: ToxicityResult, closure: str, files: dict[str, bytes]) -> tuple[Finding, ...]:
    from hubpolicy.adapters import assets
    from hubpolicy.adapters.scorers.bundle import read_bundle
    from hubpolicy.adapters.scorers.description import parse_description

    path = records_path(result.records.sha256)
    if path not in files:
        return (_missing("records not available: they were not published with the release"),)
    try:
        plan = assets.plan(result.plan)
        bundle = read_bundle(assets.scorer_folder(result.scorer.id))
        records = unpack_records(files[path], where=path)
    except (ConfigError, MalformedError) as error:
        return (_missing(f"records cannot be recounted here: {error.message}"),)
    if plan.sha256 != result.plan_sha256 or bundle.sha256 != result.scorer.sha256:
        return (_missing("records cannot be recounted here: another plan or scorer is installed"),)
    thresholds = parse_description(bundle.description).thresholds
    return recount(result, closure, records, plan, thresholds)


def _missing(text: str) -> Finding:
    """Asked for and not possible: never green."""
    fix = 'set records = "publish" in the policy, and hubpolicy test PATH'
    return Finding("HP210", Severity.ERROR, text, None, fix, "inconclusive")
