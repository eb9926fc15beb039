# SPDX-License-Identifier: Apache-2.0
"""HP108: the pipeline tag is a task that the Hub knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.core.card.metadata import text_of
from hubpolicy.core.card.rule import CardRule, card_of, finding
from hubpolicy.core.card.text import quoted
from hubpolicy.domain.finding import Severity

if TYPE_CHECKING:
    from hubpolicy.core.card.rule import CardEvidence
    from hubpolicy.domain.finding import Finding

ID = "HP108"
TITLE = "the task is known"
SEVERITY = Severity.ERROR
RULE = CardRule(ID, TITLE, SEVERITY, "card")

_TASKS = "https://huggingface.co/tasks"


def check(evidence: CardEvidence) -> tuple[Finding, ...]:
    """An unknown task, with the one that was probably meant."""
    vocabularies = evidence.vocabularies
    task = text_of(card_of(evidence).metadata, "pipeline_tag")
    if task is None or task.text in vocabularies.pipeline_tags:
        return ()
    meant = vocabularies.suggest(task.text, vocabularies.pipeline_tags)
    message = (
        f"the Hub does not know the task {quoted(task.text)} (vocabulary of {vocabularies.dated})"
    )
    fix = f"pipeline_tag: {meant}" if meant else f"choose one of {_TASKS}"
    return (finding(RULE, message, task.at, fix),)
