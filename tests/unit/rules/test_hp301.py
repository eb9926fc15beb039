# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from hubpolicy.core.rules import hp301
from hubpolicy.domain.policy import RoleRequirement
from hubpolicy.domain.trust import Role, Trust
from tests.golden.samples import ROOT, STATE, SUMMARY, key
from tests.unit.core.release_world import POLICY, asking, judged_by, release, release_line

NO = SUMMARY._replace(result="FAILED")


def test_one_releaser_is_enough_unless_more_are_asked() -> None:
    assert hp301.check(release()) == ()
    (finding,) = hp301.check(release(policy=asking(RoleRequirement("releaser", 2))))
    assert "1 of 2 releasers" in finding.message


def test_no_line_is_inconclusive_and_a_no_is_a_no() -> None:
    (missing,) = hp301.check(judged_by(POLICY, ()))
    assert missing.effect == "inconclusive"
    findings = hp301.check(judged_by(POLICY, (release_line((), summary=NO),)))
    assert {finding.effect for finding in findings} == {"failed"}
    assert [f.message for f in findings] == [
        "rita signed a release line that says FAILED",
        "0 of 1 releasers signed a release line that says PASSED",
    ]


def test_a_yes_by_somebody_else_does_not_outvote_a_no() -> None:
    both = (release_line(()), release_line((), summary=NO))
    assert len(hp301.check(judged_by(POLICY, both))) == 1


def test_one_person_with_two_keys_is_one() -> None:
    roles = tuple(
        Role("releaser", frozenset(("rita", "sam")), 1) if role.name == "releaser" else role
        for role in ROOT.roles
    )
    trust = Trust(ROOT._replace(keys=(*ROOT.keys, key("rita-2", "rita")), roles=roles), STATE)
    policy = asking(RoleRequirement("releaser", 2))
    twice = (release_line((), trust=trust), release_line((), who="rita-2", trust=trust))
    assert len(hp301.check(judged_by(policy, twice, trust=trust))) == 1
    others = (twice[0], release_line((), who="sam", trust=trust))
    assert hp301.check(judged_by(policy, others, trust=trust)) == ()
