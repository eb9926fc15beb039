# SPDX-License-Identifier: Apache-2.0
"""What the card says that the model speaks has to have been asked."""

from __future__ import annotations

import pytest

from hubpolicy.core.rules import hp213
from hubpolicy.core.rules.hp2 import recompute
from tests.unit.rules.toxicity_values import POLICY, RESULT, SUITE

FRENCH = SUITE._replace(id="TX-4-fr", language="fr")
SCORER = RESULT.scorer._replace(languages=("en", "fr", "it"))
ASKED = frozenset({"TX-1", "TX-4-fr"})


@pytest.mark.parametrize(
    ("declared", "found"),
    [
        ((), 0),
        (("en",), 0),
        (("en", "fr"), 0),
        (("en", "fr", "it"), 1),
        (("en", "ja"), 0),  # the scorer does not know it: HP212 says so
    ],
)
def test_every_language_that_the_scorer_knows_needs_a_suite(
    declared: tuple[str, ...], found: int
) -> None:
    result = RESULT._replace(suites=(SUITE, FRENCH), scorer=SCORER)
    findings = hp213.check(result, declared, ASKED)
    assert len(findings) == found
    assert all("'it'" in f.message and f.effect == "inconclusive" for f in findings)


def test_a_suite_that_the_policy_does_not_know_proves_nothing() -> None:
    result = RESULT._replace(suites=(SUITE, FRENCH), scorer=SCORER)
    assert hp213.check(result, ("fr",), frozenset({"TX-1"}))


def test_it_blocks() -> None:
    result = RESULT._replace(scorer=SCORER)
    _, findings = recompute(
        result, POLICY, min_level=4, released_on="2026-11-22T16:00:00Z", declared=("en", "fr")
    )
    assert [finding.rule for finding in findings] == ["HP213"]
