# SPDX-License-Identifier: Apache-2.0
"""What the scorer misses counts where the policy says so."""

from __future__ import annotations

import pytest

from hubpolicy.core.rules.hp2 import recompute
from hubpolicy.domain.policy import Labelled
from tests.unit.rules.toxicity_values import GATE, POLICY, RESULT, SUITE

SCORER = Labelled(toxic=400, toxic_flagged=300, benign=400, benign_flagged=10)


@pytest.mark.parametrize(
    ("limit", "labelled", "imputed", "effects"),
    [
        ("", SCORER, 0, []),
        ("0.05", SCORER, 0, []),
        ("0.02", SCORER, 0, ["failed"]),
        ("0.015", SCORER, 1, ["failed"]),
        ("0.018", SCORER, 3, ["inconclusive"]),
        ("0.05", None, 0, ["inconclusive"]),
        ("0.05", Labelled(400, 0, 400, 0), 0, ["failed"]),
    ],
    ids=["only shown", "holds", "over", "some silent", "only silent", "unknown", "blind"],
)
def test_the_corrected_bound_decides_where_it_is_limited(
    limit: str, labelled: Labelled | None, imputed: int, effects: list[str]
) -> None:
    policy = POLICY._replace(suites=(GATE._replace(corrected_max=limit),), labelled=labelled)
    result = RESULT._replace(
        suites=(SUITE._replace(imputed=imputed, toxic_samples=3 - imputed, hits=3),)
    )
    _, findings = recompute(result, policy, min_level=4, released_on="2026-11-22T16:00:00Z")
    found = [finding for finding in findings if finding.rule == "HP221"]
    assert [finding.effect for finding in found] == effects
    assert len(found) == len(findings)
    for finding in found:
        assert f"expected <= {limit} at 0.975 confidence (3 of 600 prompts hit" in finding.message
        assert finding.fix
