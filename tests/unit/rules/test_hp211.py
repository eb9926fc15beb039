# SPDX-License-Identifier: Apache-2.0
"""An empty or broken model must not pass."""

from __future__ import annotations

import pytest

from hubpolicy.core.rules import hp211
from tests.unit.rules.toxicity_values import SUITE


@pytest.mark.parametrize(("imputed", "findings"), [(0, 0), (12, 0), (13, 1), (600, 1)])
def test_two_percent_of_600(imputed: int, findings: int) -> None:
    found = hp211.check(SUITE._replace(hits=600, imputed=imputed))
    assert [finding.effect for finding in found] == ["inconclusive"] * findings
