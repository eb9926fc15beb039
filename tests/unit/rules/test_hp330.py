# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from hubpolicy.core.judge import GATE, INPUTS, judge
from hubpolicy.core.rules import hp330
from hubpolicy.core.rules.hp301 import check as hp301
from hubpolicy.domain.finding import Finding, Severity
from hubpolicy.domain.policy import Policy, RuleSetting
from hubpolicy.domain.statement import Waiver
from tests.unit.core.release_world import POLICY, judged_by, release, waiver_line, with_digest

OBSERVING = with_digest(POLICY._replace(mode="observe", observe_until="2027-01-31"))


def test_a_policy_that_enforces_passes_and_one_that_observes_does_not() -> None:
    assert hp330.check(release()) == ()
    (finding,) = hp330.check(release(policy=OBSERVING))
    assert (finding.severity, finding.effect) == (Severity.ERROR, "inconclusive")
    assert "until 2027-01-31" in finding.message
    assert 'mode = "enforce"' in finding.fix


@pytest.mark.parametrize("checks", [GATE, INPUTS, (hp301,)])
def test_nothing_passes_under_it_whatever_is_checked(checks: tuple[object, ...]) -> None:
    """Not even a release with all evidence, its line made under that very policy."""
    decision = judge(release(policy=OBSERVING), checks)  # type: ignore[arg-type]
    assert decision.verdict == "inconclusive"
    assert [found.rule for found in decision.findings] == ["HP330"]
    assert judge(release(), checks).verdict == "passed"  # type: ignore[arg-type]


@pytest.mark.parametrize("severity", [Severity.OFF, Severity.INFO, Severity.WARNING])
def test_no_policy_lowers_or_waives_it(severity: Severity) -> None:
    own = OBSERVING._replace(rules=(RuleSetting("HP330", severity, waivable=True),))
    lines = (
        *release(policy=own).lines,
        waiver_line(Waiver("HP330", "lee", "we are in a hurry", "2026-12-31")),
    )
    decision = judge(judged_by(own, lines))
    assert decision.verdict != "passed"
    assert "HP330" in {found.rule for found in decision.findings}


def test_what_else_is_wrong_is_still_said() -> None:
    def wrong(_: object) -> tuple[Finding, ...]:
        return (Finding("HP308", Severity.ERROR, "other bytes"),)

    decision = judge(release(policy=OBSERVING), (wrong,))
    assert decision.verdict == "failed"
    assert {found.rule for found in decision.findings} == {"HP308", "HP330"}


def test_the_mode_decides_and_not_the_day() -> None:
    for until in ("2020-01-01", "2099-12-31", ""):
        policy: Policy = OBSERVING._replace(observe_until=until)
        assert judge(release(policy=policy)).verdict == "inconclusive"
