# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from hubpolicy.core.rules import hp122
from hubpolicy.domain.finding import Severity
from hubpolicy.domain.statement import Waiver
from tests.golden.samples import CARD
from tests.unit.core.release_world import (
    POLICY,
    card_line,
    judged_by,
    release,
    setting,
    waiver_line,
)

FAILED = CARD._replace(passed=("HP101",), failed=("HP102", "HP103"))


def test_warnings_pass() -> None:
    assert CARD.warned == ("HP110",)
    assert hp122.check(release()) == ()


def test_failed_rules_are_named() -> None:
    (finding,) = hp122.check(judged_by(POLICY, (card_line(FAILED),)))
    assert (finding.rule, finding.effect) == ("HP122", "failed")
    assert "HP102, HP103" in finding.message


def test_a_warning_fails_where_the_policy_raises_the_rule() -> None:
    raised = setting("HP110", Severity.ERROR)
    (finding,) = hp122.check(release(policy=raised))
    assert "HP110" in finding.message
    assert hp122.check(release(policy=setting("HP110", Severity.WARNING))) == ()


def test_a_good_line_does_not_hide_a_bad_one() -> None:
    assert len(hp122.check(release(card_line(FAILED)))) == 1


def test_a_rule_with_a_waiver_stands_under_its_own_name() -> None:
    waiver = Waiver("HP102", "lee", "paper in review", "2026-12-31")
    policy = setting("HP102", Severity.ERROR, waivable=True)
    lines = (card_line(FAILED), waiver_line(waiver))
    found = hp122.check(judged_by(policy, lines))
    assert [(f.rule, f.message) for f in found] == [
        ("HP122", "the card fails HP103"),
        ("HP102", "the card fails HP102"),
    ]
