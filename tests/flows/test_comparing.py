# SPDX-License-Identifier: Apache-2.0
"""``policy diff --org``: what stands on a hub, judged under a policy that may come."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hubpolicy.domain.policy import RoleRequirement
from hubpolicy.errors import AccessError, ConfigError
from hubpolicy.flows.assemble import assemble_listing
from hubpolicy.flows.comparing import Change, compare
from tests.flows.audited import ADA, put, stricter
from tests.flows.publishing_world import NOW, WEIGHTS, gate

if TYPE_CHECKING:
    from hubpolicy.domain.policy import Policy
    from hubpolicy.flows.comparing import Compared
    from tests.flows.publishing_world import World

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")


def compared(world: World, new: Policy, *, old: Policy | None = None, now: str = NOW) -> Compared:
    policy, trust = gate(ADA)
    change = Change(old or policy, new, trust, now, assemble_listing)
    (found,) = compare((world.repo,), world.client(), change, world.notes)
    return found


def needed(world: World, new: Policy) -> tuple[tuple[str, ...], tuple[str, ...]]:
    found = compared(world, new)
    assert found.standing is not None
    assert found.standing.held
    return found.standing.needs, found.standing.others


def test_under_the_same_policy_a_release_stays_valid(world: World) -> None:
    done = world.publish()
    found = compared(world, gate(ADA)[0])
    assert found.standing is not None
    assert (found.oid, found.standing.verdict) == (done.oid, "valid")


def test_a_new_digest_asks_for_a_signature_and_no_run(world: World) -> None:
    world.publish()
    assert needed(world, stricter(version=2)) == (("signature",), ())


def test_each_need_is_found_in_the_evidence(world: World) -> None:
    world.publish()
    policy = gate(ADA)[0]
    toxicity = policy.toxicity
    suite = toxicity.suites[0]
    approver = RoleRequirement("approver:safety", 1, "closure")
    larger = toxicity._replace(suites=(suite._replace(n=600),))
    lower = toxicity._replace(suites=(suite._replace(upper_bound_max="0.001"),))
    assert needed(world, stricter(roles=(*policy.roles, approver))) == (
        ("signature", "approval"), ())  # fmt: skip
    assert needed(world, stricter(toxicity=larger)) == (("signature", "run"), ())
    assert needed(world, stricter(toxicity=lower)) == (("signature",), ("HP203",))
    assert needed(world, stricter(weights=("onnx",))) == (("signature", "bytes"), ())


def test_nothing_is_fetched_but_evidence_and_nothing_is_written(world: World) -> None:
    world.publish()
    world.asked()
    compared(world, stricter(version=2))
    asked = world.asked()
    assert {a.method for a in asked} == {"GET"}
    assert all(WEIGHTS not in a.path for a in asked)


def test_what_was_bad_before_is_said(world: World) -> None:
    world.publish()
    put(world, WEIGHTS, b"\0swapped")
    found = compared(world, stricter(version=2))
    assert found.standing is not None
    assert not found.standing.held
    assert "run" in found.standing.needs


def test_under_an_old_policy_that_expired_nothing_held(world: World) -> None:
    world.publish()
    found = compared(world, stricter(version=2), old=stricter(expires="2025-12-31"))
    assert found.standing is not None
    assert not found.standing.held


def test_a_new_policy_that_expired_judges_nothing(world: World) -> None:
    world.publish()
    with pytest.raises(ConfigError, match="expired"):
        compared(world, stricter(expires="2025-12-31"))


def test_a_repository_that_cannot_be_read_is_said_and_others_are_judged(world: World) -> None:
    world.publish()
    policy, trust = gate(ADA)
    change = Change(policy, stricter(version=2), trust, NOW, assemble_listing)
    gone = world.repo._replace(name="gone")
    world.api.create_repo(f"acme/{world.repo.name}-empty")
    empty = world.repo._replace(name=f"{world.repo.name}-empty")
    found = compare((gone, empty, world.repo), world.client(), change, world.notes)
    assert [one.standing is None for one in found] == [True, False, False]
    assert found[0].reason


def test_who_may_not_read_is_told_so(world: World) -> None:
    world.publish()
    world.faults(world.at("GET", ".*", status=403))
    with pytest.raises(AccessError):
        compared(world, stricter(version=2))
