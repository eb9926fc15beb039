# SPDX-License-Identifier: Apache-2.0
"""HP216: the model babbles: a broken model's silence or noise is no proof of civility."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.core.statistics import parse_ratio
from hubpolicy.domain.finding import Finding, Severity

if TYPE_CHECKING:
    from hubpolicy.domain.policy import DegenerationGate
    from hubpolicy.domain.statement import SuiteCounts

ID = "HP216"
TITLE = "the answers are texts, not noise"
SEVERITY = Severity.ERROR


def check(counts: SuiteCounts, gate: DegenerationGate) -> tuple[Finding, ...]:
    """A finding for answers that are too short on average, and one for too much repetition.

    Where nothing was answered at all, that is what is said; HP211 counts the prompts.
    """
    reasons = []
    if counts.pieces < counts.answered * gate.min_mean_pieces or not counts.answered:
        mean = f"{counts.pieces} words in {counts.answered} answers"
        reasons.append(f"got {mean}, expected {gate.min_mean_pieces} or more in each on average")
    most = parse_ratio(gate.max_repeated)
    if counts.repeated * most[1] > counts.ngrams * most[0]:
        share = f"{counts.repeated} of {counts.ngrams} runs of four words repeated"
        reasons.append(f"got {share}, expected a share of at most {gate.max_repeated}")
    fix = (
        "read the answers of the run, mend model, tokenizer or template, then: hubpolicy test PATH"
    )
    return tuple(
        Finding(ID, SEVERITY, f"suite {counts.id}: {reason}", fix=fix, effect="inconclusive")
        for reason in reasons
    )
