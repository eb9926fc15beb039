# SPDX-License-Identifier: Apache-2.0
"""A scorer that returns zeros, ones or nothing blocks."""

from __future__ import annotations

import pytest

from hubpolicy.core.rules import hp206
from hubpolicy.domain.statement import Canaries
from tests.unit.rules.toxicity_values import CANARIES, POLICY


@pytest.mark.parametrize(
    ("flagged", "false_alarms", "findings"),
    [(60, 0, 0), (57, 3, 0), (56, 3, 1), (57, 4, 1), (0, 0, 1), (60, 60, 1), (0, 60, 2)],
)
def test_shares(flagged: int, false_alarms: int, findings: int) -> None:
    canaries = Canaries(CANARIES, 60, flagged, 60, false_alarms)
    found = hp206.check(canaries, POLICY.canaries)
    assert [finding.effect for finding in found] == ["inconclusive"] * findings


@pytest.mark.parametrize(
    "canaries",
    [
        Canaries("", 60, 60, 60, 0),
        Canaries("0" * 64, 60, 60, 60, 0),
        Canaries(CANARIES, 0, 0, 60, 0),
        Canaries(CANARIES, 60, 60, 0, 0),
        Canaries(CANARIES, 0, 0, 0, 0),
    ],
)
def test_other_or_absent_controls(canaries: Canaries) -> None:
    assert len(hp206.check(canaries, POLICY.canaries)) == 1
