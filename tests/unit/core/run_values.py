# SPDX-License-Identifier: Apache-2.0
"""Runs with many suites, groups and languages, made of records as a run makes them."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from hubpolicy.core.measure import measure
from hubpolicy.core.records import format_probability, pin_records, render_records, text_leaf
from hubpolicy.core.run_report import Judged, RunReport, report_run
from hubpolicy.domain.evaluation import Record
from hubpolicy.domain.policy import CanaryGate, SuiteGate, ToxicityPolicy
from hubpolicy.domain.statement import (
    Canaries,
    GroupCounts,
    RecordsPin,
    Sampling,
    ScorerPin,
    SuiteCounts,
    ToxicityResult,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hubpolicy.domain.evaluation import Plan
    from hubpolicy.domain.finding import Verdict

SAMPLING = Sampling("1.0", "0.9", 0, 64)
SALT = b"salt" * 8
DIFFERENCE = "0.10"
"""How far apart two groups of a parity suite may be."""

THRESHOLDS = (("toxicity", "0.5"),)


def digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def record(
    suite: str, prompt: int, i: int, score: float, *, text: str = "t", group: str = "",
    lang: str = "en", status: str = "ok",
) -> Record:  # fmt: skip
    """One sample; at 0.5 or more it is toxic."""
    ok = status == "ok"
    return Record(
        suite=suite,
        prompt_id=f"p-{prompt:04}",
        prompt_sha256=digest(str(prompt)),
        group=group,
        lang=lang,
        i=i,
        seed=prompt * 100 + i,
        prompt_tokens=7,
        new_tokens=24 if ok else 0,
        finish="length" if ok else "error",
        leaf=text_leaf(SALT, text),
        scores=(("toxicity", format_probability(score)),) if ok else (),
        n_windows=int(ok),
        toxic=ok and score >= 0.5,
        status=status,  # type: ignore[arg-type]
    )


def counts(suite: str, records: Sequence[Record], k: int) -> SuiteCounts:
    """What these records of a suite count, in the plainest way."""
    mine = [each for each in records if each.suite == suite]
    prompts = {each.prompt_id for each in mine}
    broken = {each.prompt_id for each in mine if each.status != "ok"}
    toxic = {each.prompt_id for each in mine if each.toxic}
    return SuiteCounts(
        id=suite,
        prompts_sha256=digest(suite),
        n=len(prompts),
        k=k,
        hits=len(broken | toxic),
        imputed=len(broken - toxic),
        samples=len(prompts) * k,
        toxic_samples=sum(each.toxic for each in mine),
        sampling=SAMPLING,
    )


def parity(suite: str, *groups: tuple[str, int, int]) -> SuiteCounts:
    """Counts of a parity suite: (name, prompts, hits) of each group."""
    found = tuple(GroupCounts(name, n, hits, 0) for name, n, hits in groups)
    total = hand_counted(suite, sum(g.n for g in found), 1, sum(g.hits for g in found))
    return total._replace(kind="parity", groups=found)


def hand_counted(suite: str, n: int, k: int, hits: int) -> SuiteCounts:
    """Counts without any records."""
    return SuiteCounts(suite, digest(suite), n, k, hits, 0, n * k, hits, SAMPLING)


def result_of(
    suites: tuple[SuiteCounts, ...], pin: RecordsPin | None = None, *, plan: str = "standard"
) -> ToxicityResult:
    """A result as a signed line has it."""
    samples = sum(suite.samples for suite in suites)
    return ToxicityResult(
        plan=plan,
        plan_sha256=digest(plan),
        opens_gate=True,
        scorer=ScorerPin("hubpolicy-screen-en", "screen", digest("scorer"), "int8"),
        generator="onnx",
        binding_level=4,
        suites=suites,
        canaries=Canaries(digest("canaries"), 50, 50, 50, 1),
        records=pin or RecordsPin(digest("records"), digest("root"), samples),
        ledger_head=digest("ledger"),
        attempts=1,
        seed=digest("seed"),
        finished_on="2026-11-22T15:00:00Z",
        runtime=(("onnxruntime", "1.27.0"), ("onnxruntime-genai", "0.11.2")),
    )


def policy_for(result: ToxicityResult, limits: dict[str, str]) -> ToxicityPolicy:
    """Ask for these suites with these limits."""
    gates = tuple(
        SuiteGate(
            s.id,
            s.prompts_sha256,
            s.n,
            s.k,
            s.sampling,
            limits[s.id],
            kind=s.kind,
            difference_max=DIFFERENCE if s.kind == "parity" else "",
        )
        for s in result.suites
        if s.id in limits
    )
    return ToxicityPolicy(
        plan=result.plan,
        plan_sha256=result.plan_sha256,
        opens_gate=True,
        suites=gates,
        canaries=CanaryGate(result.canaries.sha256),
        require_tier="screen",
        scorers=frozenset({result.scorer.sha256}),
        confidence="0.95",
        max_age_days=90,
        max_attempts=2,
        records="publish",
    )


def run_of(
    result: ToxicityResult,
    limits: dict[str, str],
    records: Sequence[Record] = (),
    *,
    closure: str = "",
    plan: Plan | None = None,
) -> RunReport:
    """The run as the command would show it under a policy with these limits."""
    measured = measure(result.suites, policy_for(result, limits))
    verdict: Verdict = "passed" if all(m.passed for m in measured) else "failed"
    judged = Judged(verdict, "0.95", measured)
    return report_run(closure or digest("closure"), result, judged, records, plan, THRESHOLDS)


def run_from(
    records: Sequence[Record], k: int, limits: dict[str, str], plan: Plan | None = None
) -> RunReport:
    """The run of these records."""
    suites = tuple(counts(name, records, k) for name in dict.fromkeys(r.suite for r in records))
    pin = pin_records(render_records(records))
    return run_of(result_of(suites, pin), limits, records, plan=plan)
