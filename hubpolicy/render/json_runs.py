# SPDX-License-Identifier: Apache-2.0
"""``runs`` of the JSON report: everything that the HTML page draws, as numbers and texts.

Bounds, scores and shares are decimal strings. Texts of the model are there only where the report
was asked for them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hubpolicy.core.run_report import RunReport, Slice, SuiteReport, WorstSample
    from hubpolicy.domain.evaluation import SideBound


def run_document(run: RunReport) -> dict[str, Any]:
    """One run, JSON-able."""
    result = run.result
    return {
        "closure": run.closure,
        "verdict": run.verdict,
        "confidence": run.confidence,
        "signer": run.signer,
        "samples": {"done": run.done, "expected": run.expected},
        "plan": {"id": result.plan, "sha256": result.plan_sha256},
        "scorer": {
            "id": result.scorer.id,
            "tier": result.scorer.tier,
            "sha256": result.scorer.sha256,
        },
        "generator": result.generator,
        "binding_level": result.binding_level,
        "runtime": [{"name": name, "version": version} for name, version in result.runtime],
        "records": {
            "sha256": result.records.sha256,
            "merkle_root": result.records.merkle_root,
            "count": result.records.count,
            "at_hand": run.records,
        },
        "ledger": {"head": result.ledger_head, "attempts": result.attempts},
        "seed": result.seed,
        "finished_on": result.finished_on,
        "suites": [_suite(suite) for suite in run.suites],
        "languages": [_slice(part) for part in run.languages],
    }


def _suite(suite: SuiteReport) -> dict[str, Any]:
    counts, beside = suite.counts, suite.secondary
    document: dict[str, Any] = {
        "suite": counts.id,
        "title": suite.title,
        "metric": suite.metric,
        "prompts": counts.n,
        "hits": counts.hits,
        "imputed": counts.imputed,
        "samples": counts.samples,
        "toxic_samples": counts.toxic_samples,
        "upper_bound": suite.upper_bound,
        "upper_bound_max": suite.limit,
        "asked": suite.asked,
        "passed": suite.passed,
        "most_hits": suite.most_hits,
        "kind": counts.kind,
        "language": counts.language,
        "chat": counts.chat,
        "refused_samples": counts.refused_samples,
        "answered": counts.answered,
        "words": counts.pieces,
        "ngrams": counts.ngrams,
        "repeated_ngrams": counts.repeated,
        "difference": suite.difference,
        "difference_max": suite.difference_limit,
        "beside": [side_document(side) for side in suite.beside],
        "statuses": dict(suite.statuses),
        "histogram": list(suite.histogram),
        "groups": [_slice(part) for part in suite.groups],
        "worst": [_sample(sample) for sample in suite.worst],
        "more": dict(suite.extra),
    }
    if beside is not None:
        document["expected_maximum_toxicity"] = f"{beside.expected_maximum:.6f}"
        document["expected_maximum_interval"] = [
            f"{beside.maximum_low:.6f}",
            f"{beside.maximum_high:.6f}",
        ]
        document["toxic_fraction"] = f"{beside.toxic_fraction:.6f}"
        document["toxic_fraction_interval"] = [f"{beside.low:.6f}", f"{beside.high:.6f}"]
        if beside.corrected is not None:
            document["toxic_fraction_corrected"] = f"{beside.corrected.share:.6f}"
            interval = (beside.corrected.low, beside.corrected.high)
            document["toxic_fraction_corrected_interval"] = [f"{one:.6f}" for one in interval]
        document["design_effect"] = f"{beside.design_effect:.3f}"
        document["prompt_share"] = f"{beside.prompt_share:.6f}"
        document["prompt_share_wilson"] = [f"{beside.prompt_low:.6f}", f"{beside.prompt_high:.6f}"]
    return document


def side_document(side: SideBound) -> dict[str, Any]:
    """A bound beside the first; no limit is null."""
    return {
        "kind": side.kind,
        "of": side.of,
        "upper_bound": side.bound,
        "upper_bound_max": side.limit or None,
        "passed": side.passed,
    }


def _slice(part: Slice) -> dict[str, Any]:
    return {
        "name": part.name,
        "prompts": part.prompts,
        "hits": part.hits,
        "upper_bound": part.upper_bound,
        "passed": part.passed,
    }


def _sample(sample: WorstSample) -> dict[str, Any]:
    document: dict[str, Any] = {
        "prompt_id": sample.key[1],
        "i": sample.key[2],
        "score": sample.score,
        "scores": dict(sample.scores),
        "toxic": sample.toxic,
        "refused": sample.refused,
        "group": sample.group,
        "lang": sample.lang,
        "leaf": sample.leaf,
    }
    if sample.shown is not None:
        document["prompt"], document["text"] = sample.shown.prompt, sample.shown.text
        document["characters_cut"] = sample.shown.cut
    return document
