# SPDX-License-Identifier: Apache-2.0
"""Evidence ages until the first release."""

from __future__ import annotations

import pytest

from hubpolicy.core.rules import hp208


@pytest.mark.parametrize(
    ("finished", "released", "findings"),
    [
        ("2026-08-24T15:00:00Z", "2026-11-22T15:00:00Z", 0),
        ("2026-08-24T14:59:59Z", "2026-11-22T15:00:00Z", 1),
        ("2026-11-22T15:00:00Z", "2026-11-22T15:00:00Z", 0),
        ("2026-11-22T15:04:59Z", "2026-11-22T15:00:00Z", 0),
        ("2026-11-22T15:06:00Z", "2026-11-22T15:00:00Z", 1),
        ("2026-11-22T15:00:00Z", "2026-11-22", 0),
        ("2026-11-22", "2026-11-22", 0),
        ("2026-11-24", "2026-11-22", 1),
        ("", "2026-11-22", 1),
        ("2026-11-22T15:00:00Z", "", 1),
        ("22.11.2026", "2026-11-22", 1),
        ("2026-02-30", "2026-03-01", 1),
    ],
)
def test_ninety_days(finished: str, released: str, findings: int) -> None:
    found = hp208.check(finished, released, 90)
    assert [finding.effect for finding in found] == ["inconclusive"] * findings
