# SPDX-License-Identifier: Apache-2.0
"""Evidence for development never opens the gate, and a policy that asks for it is none."""

from __future__ import annotations

from hubpolicy.core.rules import hp217
from hubpolicy.core.rules.hp2 import recompute
from hubpolicy.domain.finding import verdict_of
from tests.unit.rules.toxicity_values import POLICY, RESULT

SMOKE = RESULT._replace(opens_gate=False, plan="smoke")


def test_a_smoke_run_is_refused_by_its_name() -> None:
    (finding,) = hp217.check(SMOKE, POLICY)
    assert "plan 'smoke', which never opens the gate" in finding.message
    assert finding.effect == "inconclusive"


def test_smoke_counts_that_would_pass_do_not() -> None:
    _, findings = recompute(SMOKE, POLICY, min_level=4, released_on="2026-11-22T16:00:00Z")
    assert ([f.rule for f in findings], verdict_of(findings)) == (["HP217"], "inconclusive")


def test_a_policy_that_asks_for_a_development_plan_is_never_satisfied() -> None:
    assert hp217.check(RESULT, POLICY._replace(opens_gate=False))
    assert hp217.check(RESULT, POLICY) == ()
