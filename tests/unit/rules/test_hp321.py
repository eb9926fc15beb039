# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from hubpolicy.core.rules import hp321
from hubpolicy.domain.trust import Trust
from tests.golden.samples import CLOSURE, MANIFEST, ROOT, STATE, entry
from tests.unit.core.release_world import approval_line, changed, release

NO = approval_line(decision="reject")


def test_approvals_are_no_objection() -> None:
    assert hp321.check(release(approval_line())) == ()


@pytest.mark.parametrize("binds", ["closure", "card", "manifest"])
def test_a_rejection_blocks_whatever_it_binds(binds: str) -> None:
    (finding,) = hp321.check(release(approval_line(decision="reject", binds=binds)))
    assert finding.message == "sam rejected this release as safety: looked at it"
    assert finding.effect == "failed"


def test_others_do_not_outvote_it_and_it_does_not_end_by_itself() -> None:
    ended = approval_line(decision="reject", not_after="2026-01-01")
    seen = (NO.payload_sha256, ended.payload_sha256)
    others = (
        approval_line("sue", evidence=seen),
        approval_line("lee", role="legal", evidence=seen),
    )
    assert len(hp321.check(release(NO, ended, *others))) == 2


def test_a_rejection_of_other_bytes_says_nothing_about_these() -> None:
    other = approval_line(decision="reject", closure=(*CLOSURE, entry("gone.json", b"{}")))
    assert hp321.check(release(other)) == ()
    whole = approval_line(
        decision="reject", binds="manifest", manifest=changed(MANIFEST, "README.md")
    )
    assert hp321.check(release(whole)) == ()


def test_the_same_person_takes_it_back_by_an_approval_that_saw_it() -> None:
    seen = approval_line(evidence=(NO.payload_sha256,))
    assert hp321.check(release(NO, seen)) == ()
    with_other_key = approval_line("sam-2", evidence=(NO.payload_sha256,))
    assert hp321.check(release(NO, with_other_key)) == ()


def test_what_stands_are_the_lines_themselves() -> None:
    seen = approval_line(evidence=(NO.payload_sha256,))
    assert hp321.standing(release(NO, approval_line("sue"))) == (NO,)
    assert hp321.standing(release(NO, seen)) == ()


def test_an_approval_that_did_not_see_it_takes_nothing_back() -> None:
    assert len(hp321.check(release(NO, approval_line()))) == 1
    elsewhere = approval_line(evidence=(NO.payload_sha256,), closure=(entry("gone.json", b"{}"),))
    assert len(hp321.check(release(NO, elsewhere))) == 1


def test_a_second_no_takes_nothing_back() -> None:
    again = approval_line(decision="reject", evidence=(NO.payload_sha256,))
    assert len(hp321.check(release(NO, again))) == 2


def test_a_yes_in_another_role_takes_nothing_back() -> None:
    roles = tuple(
        role._replace(principals=role.principals | {"sam"}) if "legal" in role.name else role
        for role in ROOT.roles
    )
    trust = Trust(ROOT._replace(roles=roles), STATE)
    legal = approval_line(role="legal", evidence=(NO.payload_sha256,), trust=trust)
    assert len(hp321.check(release(NO, legal))) == 1
