# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from hubpolicy.core.bundle import make_bundle
from hubpolicy.core.oms import oms_statement
from hubpolicy.core.rules import hp322
from hubpolicy.core.verify import verify_model_signature
from hubpolicy.domain.policy import RoleRequirement
from hubpolicy.domain.trust import Role, Trust
from tests.golden.samples import MANIFEST, NOW, ROOT, STATE, signer
from tests.unit.core.release_world import (
    POLICY,
    asking,
    card_line,
    judged_by,
    release,
    release_line,
    run_line,
)

APART = asking(RoleRequirement("checker", 1, distinct_from="releaser"))
BOTH = Trust(
    ROOT._replace(
        roles=tuple(
            Role("checker", frozenset(("ci", "rita")), 1) if role.name == "checker" else role
            for role in ROOT.roles
        )
    ),
    STATE,
)


def test_two_people_in_two_roles_pass() -> None:
    assert hp322.check(release(policy=APART)) == ()


def test_one_person_in_both_roles_blocks_only_where_the_policy_says_so() -> None:
    card = card_line(who="rita", trust=BOTH)
    lines = (card, run_line(), release_line((card, run_line())))
    (finding,) = hp322.check(judged_by(APART, lines))
    assert "rita signed as checker and as releaser" in finding.message
    assert hp322.check(judged_by(POLICY, lines)) == ()


def test_the_model_signature_is_a_releasers_signature() -> None:
    raw = make_bundle(oms_statement(MANIFEST, "wizard-7b"), signer("rita"))
    signature = verify_model_signature(raw, BOTH, MANIFEST, now=NOW)
    lines = (card_line(who="rita", trust=BOTH), run_line())
    evidence = judged_by(APART, lines)
    assert hp322.check(evidence) == ()
    assert len(hp322.check(evidence._replace(model_signature=signature))) == 1


def test_holding_both_roles_is_fine_as_long_as_one_is_used() -> None:
    lines = (card_line(trust=BOTH), run_line(trust=BOTH), release_line((), trust=BOTH))
    assert hp322.check(judged_by(APART, lines, trust=BOTH)) == ()
