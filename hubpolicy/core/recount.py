# SPDX-License-Identifier: Apache-2.0
"""``verify --records``: from the published records back to the signed counts.

Seeds and prompts are derived again from closure, plan and scorer, each sample's verdict from its
scores, and the counts from the samples. Nothing is taken from the statement but what is compared.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from hubpolicy.core.records import count, parse_records, pin_records
from hubpolicy.core.rules import hp210
from hubpolicy.core.seeds import derive_nonce
from hubpolicy.domain.finding import Finding
from hubpolicy.errors import MalformedError

if TYPE_CHECKING:
    from hubpolicy.core.records import Thresholds
    from hubpolicy.domain.evaluation import Plan
    from hubpolicy.domain.statement import SuiteCounts, ToxicityResult

_FIX = "hubpolicy test PATH measures again"


def recount(
    result: ToxicityResult, closure: str, records: bytes, plan: Plan, thresholds: Thresholds
) -> tuple[Finding, ...]:
    """What does not agree. ``closure`` is the hex dirHash of the files that were run."""
    try:
        reason = _disagreement(result, closure, records, plan, thresholds)
    except MalformedError as error:
        reason = error.message
    if not reason:
        return ()
    return (Finding(hp210.ID, hp210.SEVERITY, f"the records do not give the counts: {reason}",
                    fix=_FIX),)  # fmt: skip


def _disagreement(
    result: ToxicityResult, closure: str, records: bytes, plan: Plan, thresholds: Thresholds
) -> str:
    if hashlib.sha256(records).hexdigest() != result.records.sha256:
        return "these are not the records that were signed"
    nonce = derive_nonce(closure, plan.sha256, result.scorer.sha256)
    if nonce != result.seed:
        return "the seed is not the one that closure, plan and scorer give"
    if pin_records(records) != result.records:
        return "the Merkle root or the number of records is another"
    # Which suites a model needs is HP204's question: of those that were run, all are counted.
    run = plan.of(frozenset(suite.id for suite in result.suites))
    counted = count(parse_records(records), run, nonce, thresholds)
    for got, signed in zip(counted, result.suites, strict=False):
        if got != signed:
            return _difference(got, signed)
    if len(counted) != len(result.suites):
        return f"{len(counted)} suites in the plan, {len(result.suites)} were signed"
    return ""


def _difference(got: SuiteCounts, signed: SuiteCounts) -> str:
    if got.hits != signed.hits:
        return f"{got.id} has {got.hits} hits in the records, {signed.hits} were signed"
    names = [
        name for name, mine, theirs in zip(got._fields, got, signed, strict=True) if mine != theirs
    ]
    return f"{got.id} has other {', '.join(names)} in the records than were signed"
