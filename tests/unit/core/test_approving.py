# SPDX-License-Identifier: Apache-2.0
"""What an approval would be about, and whose word would count, before anybody signs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hubpolicy.core.approving import (
    Wish,
    check_approver,
    draft_approval,
    requirement,
    said_before,
    so_far,
    subjects,
    waivers,
)
from hubpolicy.domain.manifest import Manifest
from hubpolicy.domain.policy import RoleRequirement
from hubpolicy.domain.statement import Waiver
from hubpolicy.domain.trust import Role, Trust
from hubpolicy.errors import AccessError, ConfigError, ServiceError
from tests.golden.samples import CLOSURE, MANIFEST, TRUST
from tests.unit.core.release_world import (
    SAFETY,
    approval_line,
    as_listing,
    asking,
    card_line,
    changed,
    judged_by,
    release,
    run_line,
    unreleased,
    waiver_line,
)

if TYPE_CHECKING:
    from hubpolicy.core.evidence import Evidence
    from hubpolicy.domain.statement import Approval

YES = Wish("safety", reject=False, reason="", not_after="2027-02-28")
APART = RoleRequirement("approver:safety", 1, "closure", "releaser")


def named(evidence: Evidence, approval: Approval) -> list[str]:
    return [subject.name for subject in subjects(evidence, approval)]


@pytest.mark.parametrize(
    ("binds", "expected"),
    [
        ("closure", [entry.path for entry in CLOSURE]),
        ("card", ["README.md"]),
        ("manifest", [".", *(entry.path for entry in MANIFEST.entries)]),
    ],
)
def test_a_role_binds_what_the_policy_says(binds: str, expected: list[str]) -> None:
    asked = RoleRequirement("approver:safety", 2, binds)  # type: ignore[arg-type]
    evidence = unreleased(policy=asking(asked))
    approval = draft_approval(evidence, "sam", YES)
    assert (approval.binds, approval.decision, approval.approver) == (binds, "approve", "sam")
    assert named(evidence, approval) == expected
    assert approval.evidence == tuple(sorted(line.payload_sha256 for line in evidence.lines))


def test_a_role_that_the_policy_does_not_ask_binds_the_whole() -> None:
    evidence = unreleased()
    assert requirement(evidence, "safety") == RoleRequirement("approver:safety", 1)
    no = draft_approval(evidence, "sam", YES._replace(reject=True, reason="see 4711"))
    assert (no.binds, no.decision, no.reason) == ("manifest", "reject", "see 4711")


def without(path: str) -> Manifest:
    return Manifest(tuple(entry for entry in MANIFEST.entries if entry.path != path))


@pytest.mark.parametrize(
    ("binds", "evidence", "word"),
    [
        ("closure", judged_by(asking(SAFETY), (card_line(),)), "no run"),
        (
            "closure",
            judged_by(asking(SAFETY), (run_line(),), changed(MANIFEST, "model.safetensors")),
            "no run",
        ),
        ("card", judged_by(asking(), (run_line(),), without("README.md")), "no README.md"),
        ("manifest", judged_by(asking(), (run_line(),), Manifest(())), "no file"),
    ],
)
def test_what_is_not_there_is_not_approved(binds: str, evidence: Evidence, word: str) -> None:
    approval = draft_approval(evidence, "sam", YES)._replace(binds=binds)  # type: ignore[arg-type]
    with pytest.raises(ServiceError, match=word):
        subjects(evidence, approval)


def test_a_listing_alone_is_not_approved() -> None:
    evidence = as_listing(release())
    with pytest.raises(ConfigError, match="got a listing"):
        subjects(evidence, draft_approval(evidence, "sam", YES))


def test_holders_of_a_role_may_and_others_hear_who_can() -> None:
    evidence = unreleased(policy=asking(SAFETY))
    check_approver(evidence, "sam", "safety")
    for who, role, message, hint in (
        ("lee", "safety", "lee holds approver:legal", "sam, sue can"),
        ("", "safety", "this key holds no role", "sam, sue can"),
        ("sam", "ethics", "sam holds approver:safety", "approvers for legal, safety"),
    ):
        with pytest.raises(AccessError, match=message) as caught:
            check_approver(evidence, who, role)
        assert hint in caught.value.hint


def test_a_role_is_named_without_what_the_root_calls_it() -> None:
    evidence = unreleased(policy=asking(SAFETY))
    with pytest.raises(ConfigError, match="expected it without") as caught:
        check_approver(evidence, "sam", "approver:safety")
    assert caught.value.hint == "--as safety"


def test_where_nobody_approves_anything_that_is_said() -> None:
    roles = tuple(role for role in TRUST.root.roles if "approver" not in role.name)
    evidence = unreleased()._replace(trust=Trust(TRUST.root._replace(roles=roles), TRUST.state))
    with pytest.raises(AccessError) as caught:
        check_approver(evidence, "sam", "safety")
    assert "approvers for nothing" in caught.value.hint


def test_the_releaser_may_not_where_the_policy_keeps_them_apart() -> None:
    roles = tuple(
        Role(r.name, r.principals | {"rita"}, r.threshold) if r.name == SAFETY.role else r
        for r in TRUST.root.roles
    )
    trust = Trust(TRUST.root._replace(roles=roles), TRUST.state)
    released = release(policy=asking(APART), trust=trust)
    with pytest.raises(AccessError, match="rita signed as releaser"):
        check_approver(released, "rita", "safety")
    check_approver(released, "sam", "safety")
    together = asking(APART._replace(distinct_from=""))
    check_approver(release(policy=together, trust=trust), "rita", "safety")


def test_missing_approvals_and_release_lines_are_not_held_against_it() -> None:
    assert so_far(unreleased(policy=asking(SAFETY))) == ()
    found = so_far(judged_by(asking(SAFETY), (card_line(),)))
    assert {finding.rule for finding in found} == {"HP201"}


def test_waivers_are_listed_with_why_they_do_not_hold() -> None:
    waiver = Waiver("HP112", "lee", "no licence yet", "2026-12-31")
    ((found, refusal),) = waivers(unreleased(waiver_line(waiver)))
    assert found == waiver
    assert "the policy does not mark the rule as waivable" in refusal
    assert waivers(unreleased()) == ()


def test_what_one_person_said_about_these_bytes() -> None:
    lines = (approval_line(), approval_line("sue"), approval_line(decision="reject"))
    evidence = unreleased(*lines, policy=asking(SAFETY))
    said = said_before(evidence, "sam", "safety")
    assert sorted(approval.decision for approval in said) == ["approve", "reject"]
    assert said_before(evidence, "sam", "legal") == ()
    elsewhere = evidence._replace(manifest=changed(MANIFEST, "config.json"))
    assert said_before(elsewhere, "sam", "safety") == ()
