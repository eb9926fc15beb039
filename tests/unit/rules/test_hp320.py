# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hubpolicy.core.rules import hp320
from hubpolicy.core.statements import applicability_statement
from hubpolicy.domain.manifest import make_manifest
from hubpolicy.domain.policy import RoleRequirement
from hubpolicy.domain.trust import Role, Trust
from tests.golden.samples import APPLICABILITY, CLOSURE, MANIFEST, ROOT, STATE, entry
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
    signed,
)

if TYPE_CHECKING:
    from hubpolicy.core.evidence import Evidence
    from hubpolicy.core.verify import VerifiedStatement

ONE = Trust(
    ROOT._replace(
        roles=tuple(role._replace(threshold=1) for role in ROOT.roles),
    ),
    STATE,
)
ADAPTER = entry("adapter.safetensors", b"adapter", small=False)


def asked(*lines: VerifiedStatement, role: RoleRequirement = SAFETY) -> Evidence:
    """A release whose policy asks one person of a role."""
    return release(*lines, policy=asking(role))._replace(trust=ONE)


def test_nobody_is_asked_nobody_is_missed() -> None:
    assert hp320.check(release()) == ()


def test_a_missing_approval_names_the_command() -> None:
    (finding,) = hp320.check(asked())
    assert (finding.rule, finding.effect) == ("HP320", "pending")
    assert "0 of 1 safety approvals (binds closure)" in finding.message
    assert finding.fix == "hubpolicy approve PATH --as safety"


@pytest.mark.parametrize("binds", ["closure", "card", "manifest"])
def test_an_approval_counts_for_what_the_role_binds_and_nothing_else(binds: str) -> None:
    role = RoleRequirement("approver:safety", 1, binds)  # type: ignore[arg-type]
    assert hp320.check(asked(approval_line(binds=binds), role=role)) == ()
    assert hp320.check(as_listing(asked(approval_line(binds=binds), role=role))) == ()
    for other in {"closure", "card", "manifest"} - {binds}:
        assert len(hp320.check(asked(approval_line(binds=other), role=role))) == 1


@pytest.mark.parametrize(
    "line",
    [
        approval_line(decision="reject"),
        approval_line(who="lee", role="legal"),
        approval_line(not_after="2026-11-21"),
        approval_line(not_after="2026-11-22T14:59:59Z"),
        approval_line(closure=(*CLOSURE, entry("gone.json", b"{}"))),
        approval_line(closure=(entry("model.safetensors", b"other", small=False),)),
        approval_line(closure=CLOSURE[:1]),
        approval_line(closure=(entry("README.md", b"# A card\n"),)),
    ],
    ids=["no", "other role", "ended", "ended today", "more", "other", "config alone", "card alone"],
)
def test_what_does_not_count(line: VerifiedStatement) -> None:
    assert len(hp320.check(asked(line))) == 1


@pytest.mark.parametrize("until", ["2026-11-22", "2026-11-22T15:00:00Z", "2027-01-01"])
def test_an_approval_holds_to_its_last_day_or_second(until: str) -> None:
    assert hp320.check(asked(approval_line(not_after=until))) == ()


def test_an_approval_of_the_whole_ends_with_any_change() -> None:
    role = SAFETY._replace(binds="manifest")
    old = approval_line(binds="manifest", manifest=changed(MANIFEST, "README.md"))
    assert len(hp320.check(asked(old, role=role))) == 1


def test_who_agreed_to_one_model_has_not_agreed_to_a_second_one() -> None:
    """The old files stand here unchanged; a model that was run beside them is new."""
    more = make_manifest([*MANIFEST.entries, ADAPTER])
    second = run_line(closure=(ADAPTER,))
    evidence = asked(approval_line(), second)._replace(manifest=more)
    assert len(hp320.check(evidence)) == 1
    both = approval_line(closure=(*CLOSURE, ADAPTER))
    assert hp320.check(asked(both, second)._replace(manifest=more)) == ()


def test_without_a_run_there_is_nothing_to_agree_to() -> None:
    evidence = judged_by(asking(SAFETY), (approval_line(), card_line()))._replace(trust=ONE)
    assert len(hp320.check(evidence)) == 1


def test_one_person_is_one_however_many_keys_and_lines() -> None:
    role = SAFETY._replace(threshold=2)
    sam = (approval_line(), approval_line("sam-2"), approval_line(not_after="2027-01-01"))
    (finding,) = hp320.check(asked(*sam, role=role))
    assert "1 of 2" in finding.message
    assert hp320.check(asked(*sam, approval_line("sue"), role=role)) == ()


def test_the_root_may_ask_for_more_people_than_the_policy() -> None:
    (finding,) = hp320.check(release(approval_line(), policy=asking(SAFETY)))
    assert "1 of 2" in finding.message


def test_where_no_approval_would_do_the_way_out_is_another_one() -> None:
    role = SAFETY._replace(threshold=9)
    (finding,) = hp320.check(asked(approval_line(), role=role))
    held = ROOT.role("approver:safety")
    assert held is not None
    assert finding.message.endswith(f"; 9 are asked, the root names {len(held.principals)}")
    assert "hubpolicy trust rotate DIR; or lower the threshold of " in finding.fix
    assert finding.fix.endswith("in DIR/hubpolicy.toml: hubpolicy trust policy DIR")
    assert finding.effect == "pending"


def test_who_may_not_approve_is_not_counted() -> None:
    roles = tuple(
        Role("checker", frozenset(("sam",)), 1) if role.name == "checker" else role
        for role in ONE.root.roles
    )
    trust = Trust(ROOT._replace(roles=roles), STATE)
    run = signed(applicability_statement(APPLICABILITY, CLOSURE), "sam", trust)
    barred = SAFETY._replace(distinct_from="checker")
    for role, missing in ((SAFETY, 0), (barred, 1)):
        evidence = release(approval_line(), run=run, policy=asking(role), card=card_line())
        assert len(hp320.check(evidence._replace(trust=ONE))) == missing
