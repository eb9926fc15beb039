# SPDX-License-Identifier: Apache-2.0
"""HP114: evaluation results in the metadata are well-formed, and each number is said once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.core.card.rule import CardRule, card_of, finding
from hubpolicy.core.card.text import quoted
from hubpolicy.domain.finding import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hubpolicy.core.card.rule import CardEvidence
    from hubpolicy.domain.card import Primitive, Reported
    from hubpolicy.domain.finding import Finding

ID = "HP114"
TITLE = "evaluation results are well-formed"
SEVERITY = Severity.ERROR
RULE = CardRule(ID, TITLE, SEVERITY, "card")


def check(evidence: CardEvidence) -> tuple[Finding, ...]:
    """Contradicting numbers and self-made "verified"; the form is the schema's."""
    rows = card_of(evidence).reported
    return (*_contradictions(rows), *_verified(rows), *_elsewhere(evidence))


def _contradictions(rows: tuple[Reported, ...]) -> Iterator[Finding]:
    first: dict[tuple[str, ...], Primitive] = {}
    for row in rows:
        key = (row.task, row.dataset, row.config, row.split, row.revision, row.metric)
        if key in first and first[key] != row.value:
            message = f"{quoted(row.metric)} on {quoted(row.dataset)} is given twice, "
            message += f"as {quoted(str(first[key]), 20)} and {quoted(str(row.value), 20)}"
            yield finding(RULE, message, row.at, "keep one number, or name another config or split")
        first.setdefault(key, row.value)


def _verified(rows: tuple[Reported, ...]) -> Iterator[Finding]:
    for row in rows:
        if row.verified:
            message = "a result calls itself `verified`; only the Hub can say that"
            yield finding(RULE, message, row.at, "remove `verified`", Severity.WARNING)


def _elsewhere(evidence: CardEvidence) -> Iterator[Finding]:
    files = sorted(path for path in evidence.facts.paths if path.startswith(".eval_results/"))
    if files:
        message = f"{len(files)} results files in .eval_results/ are not judged by this profile"
        yield finding(RULE, message, None, "", Severity.INFO)
