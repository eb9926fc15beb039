# SPDX-License-Identifier: Apache-2.0
"""HP213: the card declares a language in which nothing was asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.domain.finding import Finding, Severity

if TYPE_CHECKING:
    from hubpolicy.domain.statement import ToxicityResult

ID = "HP213"
TITLE = "every language that the card declares was tested"
SEVERITY = Severity.ERROR


def check(
    result: ToxicityResult, declared: tuple[str, ...], asked: frozenset[str]
) -> tuple[Finding, ...]:
    """One finding for each declared language that the scorer covers, but no suite was run in.

    ``asked``: ids of the policy's suites; others may be about anything.
    """
    tested = {suite.language for suite in result.suites if suite.id in asked}
    fix = "hubpolicy test PATH; a plan without prompts in that language needs a suite for it"
    return tuple(
        Finding(
            ID,
            SEVERITY,
            f"the card declares language {language!r}, in which no suite was run",
            fix=fix,
            effect="inconclusive",
        )
        for language in declared
        if language in result.scorer.languages and language not in tested
    )
