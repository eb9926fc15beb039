"""HP906: the clock."""

from __future__ import annotations

import pytest

from hubpolicy.core.rules import hp906
from hubpolicy.domain.surroundings import Clocks

NOON = "2026-11-22T12:00:00Z"


@pytest.mark.parametrize(
    ("there", "said"),
    [
        ("", ""),  # nobody was asked
        (NOON, ""),
        ("2026-11-22T12:05:00Z", ""),
        ("2026-11-22T11:55:00Z", ""),
        ("2026-11-22T12:05:01Z", "301 s behind"),
        ("2026-11-22T11:54:59Z", "301 s ahead of"),
        ("2025-11-22T12:00:00Z", "31536000 s ahead of"),
    ],
)
def test_skew(there: str, said: str) -> None:
    found = hp906.check(Clocks(NOON, there))
    assert [said in f.message for f in found] == ([True] if said else [])
