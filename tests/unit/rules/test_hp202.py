# SPDX-License-Identifier: Apache-2.0
"""Which classifier counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hubpolicy.core.rules import hp202
from tests.unit.rules.toxicity_values import POLICY, RESULT

if TYPE_CHECKING:
    from hubpolicy.domain.policy import Tier


@pytest.mark.parametrize(
    ("tier", "required", "findings"),
    [
        ("screen", "screen", 0),
        ("detoxify", "screen", 0),
        ("detoxify", "detoxify", 0),
        ("screen", "detoxify", 1),
    ],
)
def test_tiers(tier: Tier, required: Tier, findings: int) -> None:
    policy = POLICY._replace(require_tier=required)
    assert len(hp202.check(RESULT.scorer._replace(tier=tier), policy)) == findings


@pytest.mark.parametrize("pinned", [frozenset[str](), frozenset({"9" * 64})])
def test_a_digest_that_is_not_pinned_never_counts(pinned: frozenset[str]) -> None:
    (finding,) = hp202.check(RESULT.scorer, POLICY._replace(scorers=pinned))
    assert finding.effect == "inconclusive"
    assert "cccccccccccc" in finding.message
