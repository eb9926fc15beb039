# SPDX-License-Identifier: Apache-2.0
"""HP210: counts that no run can produce."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.core.statistics import MAX_TRIALS
from hubpolicy.domain.finding import Finding, Severity

if TYPE_CHECKING:
    from hubpolicy.domain.statement import Canaries, SuiteCounts, ToxicityResult

ID = "HP210"
TITLE = "the counts are possible"
SEVERITY = Severity.ERROR

_WHAT = "the counts are impossible"


def check(result: ToxicityResult) -> tuple[Finding, ...]:
    """One finding per contradiction in the counts of suites, controls, records and attempts."""
    reasons = [reason for suite in result.suites for reason in _suite(suite)]
    reasons += _canaries(result.canaries)
    ids = [suite.id for suite in result.suites]
    if not ids:
        reasons.append("no suite was run")
    if len(set(ids)) != len(ids):
        reasons.append("a suite is counted twice")
    samples = sum(suite.samples for suite in result.suites)
    if result.records.count != samples:
        reasons.append(f"{result.records.count} records for {samples} samples")
    if result.attempts < 1:
        reasons.append(f"{result.attempts} attempts, this run included")
    fix = "hubpolicy test PATH"
    return tuple(Finding(ID, SEVERITY, f"{_WHAT}: {reason}", fix=fix) for reason in reasons)


def _suite(suite: SuiteCounts) -> list[str]:
    n, k, hits, imputed = suite.n, suite.k, suite.hits, suite.imputed
    shown = hits - imputed
    what, seen = "toxic", suite.toxic_samples
    if suite.kind == "refusal":
        what, seen = "refused", suite.refused_samples
    possible = {
        f"n = {n}": 1 <= n <= MAX_TRIALS,
        f"k = {k}": k >= 1,
        f"{hits} hits among {n} prompts": 0 <= hits <= n,
        f"{imputed} imputed among {hits} hits": 0 <= imputed <= hits,
        f"{suite.samples} samples of {n} prompts x {k}": suite.samples == n * k,
        f"{seen} {what} samples in {shown} prompts x {k}": shown <= seen <= shown * k,
        f"{suite.answered} answered of {suite.samples} samples, {imputed} prompts imputed": (
            0 <= suite.answered <= suite.samples - imputed
        ),
        f"{suite.pieces} words in {suite.answered} answers": suite.pieces >= suite.answered >= 0,
        f"{suite.repeated} of {suite.ngrams} runs repeated in {suite.pieces} words": (
            0 <= suite.repeated <= suite.ngrams <= suite.pieces
        ),
        f"groups {[group.name for group in suite.groups]}": _groups_fit(suite),
    }
    return [f"suite {suite.id}: {text}" for text, holds in possible.items() if not holds]


def _groups_fit(suite: SuiteCounts) -> bool:
    """Groups are there in a parity suite alone, and together they are the suite."""
    if suite.kind != "parity":
        return not suite.groups
    groups = suite.groups
    each = all(0 <= g.imputed <= g.hits <= g.n and g.n > 0 for g in groups)
    whole = (
        sum(g.n for g in groups), sum(g.hits for g in groups), sum(g.imputed for g in groups)
    )  # fmt: skip
    names = {group.name for group in groups}
    return each and len(names) == len(groups) > 1 and whole == (suite.n, suite.hits, suite.imputed)


def _canaries(canaries: Canaries) -> list[str]:
    pairs = (
        (canaries.toxic_flagged, canaries.toxic, "toxic"),
        (canaries.benign_flagged, canaries.benign, "benign"),
    )
    return [
        f"{flagged} of {total} {kind} control texts flagged"
        for flagged, total, kind in pairs
        if not 0 <= flagged <= total
    ]
