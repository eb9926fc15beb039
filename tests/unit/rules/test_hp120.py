# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from hubpolicy.core.rules import hp120
from hubpolicy.domain.policy import RoleRequirement
from tests.unit.core.release_world import POLICY, asking, card_line, judged_by, release, run_line


def test_a_signed_card_check_is_enough() -> None:
    assert hp120.check(release()) == ()


def test_no_card_line_was_not_evaluated() -> None:
    (finding,) = hp120.check(judged_by(POLICY, (run_line(),)))
    assert (finding.rule, finding.effect) == ("HP120", "inconclusive")
    assert "hubpolicy attest" in finding.fix


def test_people_are_counted_and_not_lines() -> None:
    policy = asking(RoleRequirement("checker", 2))
    (finding,) = hp120.check(judged_by(policy, (card_line(), card_line())))
    assert "1 of 2 checkers" in finding.message
