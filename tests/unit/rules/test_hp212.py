# SPDX-License-Identifier: Apache-2.0
"""A language that the scorer does not know is never green."""

from __future__ import annotations

import pytest

from hubpolicy.core.rules import hp212
from hubpolicy.core.rules.hp2 import recompute
from hubpolicy.domain.finding import verdict_of
from tests.unit.rules.toxicity_values import POLICY, RESULT, SUITE

FRENCH = SUITE._replace(id="TX-4-fr", language="fr")


@pytest.mark.parametrize(
    ("declared", "found"),
    [((), []), (("en",), []), (("en", "fr"), ["fr"]), (("de", "en", "fr"), ["de", "fr"])],
)
def test_declared_languages_are_those_of_the_scorer(
    declared: tuple[str, ...], found: list[str]
) -> None:
    findings = hp212.check(RESULT, declared)
    assert [f.message.split("'")[1] for f in findings] == found
    assert all(f.effect == "inconclusive" and "screen-en" in f.message for f in findings)


def test_a_suite_in_a_language_that_was_only_guessed_at_blocks() -> None:
    result = RESULT._replace(suites=(SUITE, FRENCH), records=RESULT.records._replace(count=6000))
    _, findings = recompute(result, POLICY, min_level=4, released_on="2026-11-22T16:00:00Z")
    assert ([f.rule for f in findings], verdict_of(findings)) == (["HP212"], "inconclusive")


def test_a_scorer_that_knows_it_judges_it() -> None:
    scorer = RESULT.scorer._replace(languages=("en", "fr"))
    assert hp212.check(RESULT._replace(suites=(SUITE, FRENCH), scorer=scorer), ("en", "fr")) == ()
