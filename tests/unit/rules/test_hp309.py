# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hubpolicy.core.judge import judge
from hubpolicy.core.rules import hp309
from hubpolicy.domain.finding import Severity
from hubpolicy.domain.policy import RoleRequirement, RuleSetting
from hubpolicy.domain.trust import OlderPolicy, Trust
from tests.golden.samples import ROOT, STATE, sha
from tests.unit.core.release_world import POLICY, asking, release, rules_of, with_digest

if TYPE_CHECKING:
    from hubpolicy.domain.policy import Policy

LATER = with_digest(POLICY._replace(version=8))


def counting(sha256: str = POLICY.sha256, until: str = "2026-12-31") -> Trust:
    """Trust under policy 8, in which policy 7 counts until that day."""
    older = (OlderPolicy(POLICY.version, sha256, until),)
    return Trust(ROOT, STATE._replace(policy_version=8, older_policies=older))


def test_the_policy_in_force_passes_and_any_other_does_not() -> None:
    assert hp309.check(release()) == ()
    (finding,) = hp309.check(release()._replace(policy=LATER))
    assert "version 8" in finding.message
    assert "nothing is tested twice" in finding.fix


@pytest.mark.parametrize(
    ("trust", "said"),
    [
        (counting(), ""),
        (counting(until="2026-11-22"), ""),  # today is its last day
        (counting(until="2026-11-21"), "(version 7), which counted until 2026-11-21, in force is"),
        (counting(sha("another policy")), "made under policy"),
    ],
)
def test_an_older_policy_counts_until_the_day_that_the_state_gives(trust: Trust, said: str) -> None:
    evidence = release()._replace(policy=LATER, trust=trust)
    found = hp309.check(evidence)
    assert bool(found) == bool(said)
    assert judge(evidence).verdict == ("failed" if said else "passed")
    assert all(said in finding.message for finding in found)


FIRST, *OTHERS = POLICY.toxicity.suites


@pytest.mark.parametrize(
    ("stricter", "rule"),
    [
        (
            POLICY._replace(
                toxicity=POLICY.toxicity._replace(
                    suites=(FIRST._replace(upper_bound_max="0.001"), *OTHERS)
                )
            ),
            "HP203",
        ),
        (
            POLICY._replace(
                toxicity=POLICY.toxicity._replace(suites=(FIRST._replace(n=601), *OTHERS))
            ),
            "HP204",
        ),
        (POLICY._replace(toxicity=POLICY.toxicity._replace(require_tier="detoxify")), "HP202"),
        (POLICY._replace(min_level=5), "HP205"),
        (POLICY._replace(weights=("gguf",)), "HP413"),
        (POLICY._replace(card=POLICY.card._replace(schema_sha256=sha("x"))), "HP121"),
        (asking(RoleRequirement("approver:safety", 1, "closure")), "HP320"),
        (POLICY._replace(rules=(RuleSetting("HP110", Severity.ERROR, waivable=False),)), "HP122"),
    ],
)
def test_all_else_is_judged_by_the_policy_in_force(stricter: Policy, rule: str) -> None:
    """An older policy spares the signature, and none of what the newer one asks for."""
    newer = with_digest(stricter._replace(version=8))
    decision = judge(release()._replace(policy=newer, trust=counting()))
    assert decision.verdict != "passed"
    assert rules_of(decision) == {rule}
