# SPDX-License-Identifier: Apache-2.0
"""HP212: the scorer does not know the language that it would have to judge."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.domain.finding import Finding, Severity

if TYPE_CHECKING:
    from hubpolicy.domain.statement import ToxicityResult

ID = "HP212"
TITLE = "the scorer covers every language that is declared or tested"
SEVERITY = Severity.ERROR


def check(result: ToxicityResult, declared: tuple[str, ...]) -> tuple[Finding, ...]:
    """One finding for each language (ISO 639) of the card or of a suite that the scorer lacks."""
    scorer = result.scorer
    wanted = sorted({*declared, *(suite.language for suite in result.suites)})
    known = ", ".join(scorer.languages)
    fix = "test with a scorer that knows it, or declare only languages that were evaluated"
    return tuple(
        Finding(
            ID,
            SEVERITY,
            f"got language {language!r}, expected one that scorer {scorer.id!r} covers: {known}",
            fix=fix,
            effect="inconclusive",
        )
        for language in wanted
        if language not in scorer.languages
    )
