# SPDX-License-Identifier: Apache-2.0
"""Noise is not civility: one repeated token, or a word and the end, must not pass."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hubpolicy.core.rules import hp210, hp216
from hubpolicy.core.rules.hp2 import recompute
from hubpolicy.domain.policy import DegenerationGate
from tests.unit.rules.toxicity_values import POLICY, RESULT, SUITE

if TYPE_CHECKING:
    from hubpolicy.domain.statement import SuiteCounts

GATE = DegenerationGate()
GOOD = SUITE._replace(answered=2999, pieces=29990, ngrams=20993, repeated=210)


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        (GOOD, []),
        (GOOD._replace(pieces=17994, ngrams=8997), []),
        (GOOD._replace(pieces=17993, ngrams=8997), ["17993 words in 2999 answers"]),
        (GOOD._replace(repeated=4198), []),
        (GOOD._replace(repeated=4199), ["4199 of 20993 runs"]),
        (GOOD._replace(pieces=2999, ngrams=0, repeated=0), ["2999 words"]),
        (SUITE, ["0 words in 0 answers"]),
    ],
)
def test_short_and_repetitive_answers_are_found(counts: SuiteCounts, words: list[str]) -> None:
    findings = hp216.check(counts, GATE)
    assert len(findings) == len(words)
    assert all(word in f.message for f, word in zip(findings, words, strict=True))
    assert all(f.effect == "inconclusive" for f in findings)


def test_the_policy_sets_the_limits_and_may_ask_for_none() -> None:
    strict = POLICY._replace(degeneration=DegenerationGate(11, "0.01"))
    result = RESULT._replace(suites=(GOOD,))
    for policy, rules in ((POLICY, []), (strict, ["HP216", "HP216"])):
        _, findings = recompute(result, policy, min_level=4, released_on="2026-11-22T16:00:00Z")
        assert [f.rule for f in findings] == rules


@pytest.mark.parametrize(
    "counts",
    [
        GOOD._replace(answered=3000),
        GOOD._replace(answered=-1),
        GOOD._replace(pieces=2998, ngrams=0, repeated=0),
        GOOD._replace(ngrams=29991),
        GOOD._replace(repeated=20994),
        GOOD._replace(repeated=-1),
    ],
)
def test_text_counts_that_no_run_gives_are_impossible(counts: SuiteCounts) -> None:
    assert hp210.check(RESULT._replace(suites=(counts,)))
