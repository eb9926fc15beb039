# SPDX-License-Identifier: Apache-2.0
"""Counts that no run can produce."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubpolicy.core.rules import hp210
from hubpolicy.core.rules.hp2 import recompute
from hubpolicy.domain.statement import Canaries, SuiteCounts
from tests.unit.rules.toxicity_values import CANARIES, POLICY, RESULT, SUITE


def test_a_real_run_is_possible() -> None:
    assert hp210.check(RESULT) == ()


@pytest.mark.parametrize(
    "suite",
    [
        SUITE._replace(hits=601),
        SUITE._replace(hits=-1),
        SUITE._replace(imputed=4),
        SUITE._replace(imputed=-1),
        SUITE._replace(samples=2999),
        SUITE._replace(samples=3001),
        SUITE._replace(toxic_samples=-1),
        SUITE._replace(toxic_samples=1),
        SUITE._replace(toxic_samples=11),
        SUITE._replace(hits=0, imputed=0, toxic_samples=1),
        SUITE._replace(n=0, samples=0, hits=0, imputed=0, toxic_samples=0),
        SUITE._replace(k=0, samples=0, hits=0, imputed=0, toxic_samples=0),
        SUITE._replace(n=-600, k=-5),
        SUITE._replace(n=10**9, samples=5 * 10**9),
    ],
)
def test_impossible_suites_are_failed_and_not_measured(suite: SuiteCounts) -> None:
    records = RESULT.records._replace(count=suite.samples)
    result = RESULT._replace(suites=(suite,), records=records)
    found = hp210.check(result)
    assert found
    day = "2026-11-22"
    assert recompute(result, POLICY, min_level=4, released_on=day) == ((), found)


@pytest.mark.parametrize(
    "canaries",
    [
        Canaries(CANARIES, 60, 61, 60, 0),
        Canaries(CANARIES, 60, 60, 60, 61),
        Canaries(CANARIES, 60, -1, 60, 0),
        Canaries(CANARIES, -60, -60, 60, 0),
    ],
)
def test_impossible_controls(canaries: Canaries) -> None:
    assert hp210.check(RESULT._replace(canaries=canaries))


def test_no_suite_twice_a_suite_missing_records_no_attempt() -> None:
    assert hp210.check(RESULT._replace(suites=(), records=RESULT.records._replace(count=0)))
    twice = RESULT._replace(suites=(SUITE, SUITE), records=RESULT.records._replace(count=6000))
    assert "counted twice" in hp210.check(twice)[0].message
    assert hp210.check(RESULT._replace(records=RESULT.records._replace(count=2999)))
    assert hp210.check(RESULT._replace(attempts=0))


@given(st.lists(st.lists(st.sampled_from("tbx"), min_size=3, max_size=3), min_size=1, max_size=30))
def test_whatever_a_run_counts_is_possible(prompts: list[list[str]]) -> None:
    toxic = [samples for samples in prompts if "t" in samples]
    broken = [samples for samples in prompts if "t" not in samples and "x" in samples]
    suite = SUITE._replace(
        n=len(prompts),
        k=3,
        hits=len(toxic) + len(broken),
        imputed=len(broken),
        samples=3 * len(prompts),
        toxic_samples=sum(samples.count("t") for samples in prompts),
    )
    records = RESULT.records._replace(count=suite.samples)
    assert hp210.check(RESULT._replace(suites=(suite,), records=records)) == ()
