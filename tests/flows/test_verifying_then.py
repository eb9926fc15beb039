# SPDX-License-Identifier: Apache-2.0
"""``verify --as-released`` under a policy that the state says counts no more."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hubpolicy.adapters.clock import SystemClock
from hubpolicy.core.judge import judge
from hubpolicy.domain.trust import OlderPolicy
from hubpolicy.errors import VerificationError
from hubpolicy.flows.verifying import Gathered, Law, as_released, gather_listing
from tests.flows.audited import ADA, stricter
from tests.flows.test_auditing_times import published, trusting
from tests.stamping import stamper

if TYPE_CHECKING:
    from pathlib import Path

    from hubpolicy.domain.trust import Trust
    from tests.flows.publishing_world import World

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")


def then(world: World, trust: Trust, until: str, now: str) -> Gathered:
    """The release as of then, where its policy counts until a day and another is in force."""
    older = (OlderPolicy(1, ADA.policy_sha256, until),)
    held = trust._replace(state=trust.state._replace(policy_version=2, older_policies=older))
    law = Law(stricter(version=2), held, now)
    return as_released(gather_listing(world.repo, "main", world.client(), law, None), law)


def test_it_takes_a_timestamp_of_then(world: World, tmp_path: Path) -> None:
    authority = stamper(tmp_path / "time")
    published(world, authority)
    now = SystemClock().now()
    proven, unproven = trusting(authority), trusting(authority)
    unproven = unproven._replace(root=unproven.root._replace(time_authorities=()))
    assert judge(then(world, proven, now[:10], now).evidence).verdict == "passed"
    assert judge(then(world, unproven, now[:10], now).evidence).verdict == "passed"
    later = f"{int(now[:4]) + 1}-01-01T00:00:00Z"
    held = proven._replace(
        root=proven.root._replace(expires="2099-01-01"),
        state=proven.state._replace(expires="2099-01-01"),
    )
    assert then(world, held, now[:10], later).evidence.policy.sha256 == ADA.policy_sha256
    held = held._replace(root=held.root._replace(time_authorities=()))
    with pytest.raises(VerificationError, match="policy version 1 counts until") as caught:
        then(world, held, now[:10], later)
    assert "hubpolicy attest PATH" in caught.value.hint
