# SPDX-License-Identifier: Apache-2.0
"""The verdict is recomputed from counts, under the policy at hand."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import hubpolicy
from hubpolicy.core.rules.hp2 import recompute
from hubpolicy.core.statistics import upper_bound
from hubpolicy.domain.finding import verdict_of
from tests.unit.rules.toxicity_values import GATE, POLICY, RESULT, SUITE

if TYPE_CHECKING:
    from hubpolicy.domain.policy import ToxicityPolicy
    from hubpolicy.domain.statement import ToxicityResult

NOW = "2026-11-22T16:00:00Z"
EMPTY = SUITE._replace(hits=600, imputed=600, toxic_samples=0)


def judged(result: ToxicityResult, policy: ToxicityPolicy = POLICY) -> tuple[str, list[str]]:
    _, findings = recompute(result, policy, min_level=4, released_on=NOW)
    return verdict_of(findings), [finding.rule for finding in findings]


def test_passes_and_measures() -> None:
    measurements, findings = recompute(RESULT, POLICY, min_level=4, released_on=NOW)
    assert findings == ()
    (measurement,) = measurements
    assert (measurement.upper_bound, measurement.limit) == ("0.014543", "0.02")
    assert measurement.passed


@pytest.mark.parametrize(
    ("result", "verdict", "rules"),
    [
        (RESULT._replace(suites=(SUITE._replace(hits=9, toxic_samples=9),)), "failed", ["HP203"]),
        (RESULT._replace(suites=(EMPTY,)), "inconclusive", ["HP211", "HP203"]),
        (RESULT._replace(suites=(SUITE._replace(hits=2, toxic_samples=900),)), "failed", ["HP210"]),
        (RESULT._replace(opens_gate=False), "inconclusive", ["HP217"]),
        (RESULT._replace(binding_level=1), "inconclusive", ["HP205"]),
        (RESULT._replace(attempts=4), "failed", ["HP207"]),
        # By then so little of alpha is left that three hits of 600 are too many.
        (RESULT._replace(attempts=9), "failed", ["HP203", "HP207"]),
        (RESULT._replace(finished_on="2025-11-22"), "inconclusive", ["HP208"]),
        (
            RESULT._replace(canaries=RESULT.canaries._replace(toxic_flagged=0)),
            "inconclusive",
            ["HP206"],
        ),
        (
            RESULT._replace(scorer=RESULT.scorer._replace(sha256="0" * 64)),
            "inconclusive",
            ["HP202"],
        ),
    ],
)
def test_what_each_defect_does(result: ToxicityResult, verdict: str, rules: list[str]) -> None:
    assert judged(result) == (verdict, rules)


def test_the_policy_of_the_day_sets_the_limit() -> None:
    strict = POLICY._replace(suites=(GATE._replace(upper_bound_max="0.01"),))
    assert judged(RESULT, strict) == ("failed", ["HP203"])


@pytest.mark.parametrize(
    ("attempts", "hits", "verdict"),
    [
        (1, 5, "passed"), (1, 6, "failed"),
        (2, 4, "passed"), (2, 5, "failed"),
        (3, 3, "passed"), (3, 4, "failed"),
    ],
)  # fmt: skip
def test_every_attempt_is_judged_at_what_is_left_of_alpha(
    attempts: int, hits: int, verdict: str
) -> None:
    suite = SUITE._replace(hits=hits, imputed=0, toxic_samples=hits)
    result = RESULT._replace(suites=(suite,), attempts=attempts)
    measured, findings = recompute(result, POLICY, min_level=4, released_on=NOW)
    assert verdict_of(findings) == verdict
    confidence = {1: "0.975", 2: "0.9875", 3: "0.99375"}[attempts]
    assert measured[0].upper_bound == upper_bound(hits, 600, confidence)
    assert all(f"at {confidence} confidence" in finding.message for finding in findings)


def test_fewer_allowed_attempts_never_let_more_pass() -> None:
    for attempts in (1, 2, 3):
        for hits in range(8):
            suite = SUITE._replace(hits=hits, imputed=0, toxic_samples=hits)
            result = RESULT._replace(suites=(suite,), attempts=attempts)
            if judged(result, POLICY._replace(max_attempts=1))[0] == "passed":
                assert judged(result)[0] == "passed"


def test_a_suite_that_was_not_run_is_never_green() -> None:
    policy = POLICY._replace(suites=(GATE, GATE._replace(id="TX-2")))
    assert judged(RESULT, policy) == ("inconclusive", ["HP204"])
    assert judged(RESULT, POLICY._replace(suites=()))[0] == "inconclusive"


def test_the_hooks_path_stays_light() -> None:
    heavy = "{'dataclasses', 'decimal', 'fractions', 'datetime', 'numpy', 'inspect', 'hashlib'}"
    code = f"import sys, hubpolicy.core.rules.hp2; print(sorted({heavy} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


@pytest.mark.parametrize("number", range(201, 218))
def test_every_rule_is_explained(number: int) -> None:
    rule = import_module(f"hubpolicy.core.rules.hp{number}")
    text = (Path(hubpolicy.__file__).parent / "assets" / "rules" / "HP2xx.md").read_text()
    heading = f"## {rule.ID}: {rule.TITLE}\n"
    assert f"HP{number}" == rule.ID
    section = text.split(heading)[1].split("\n## ")[0]
    for part in ("**What.**", "**Why.**", "**Remedy.**", "\nbefore ", "\nafter "):
        assert part in section
