# SPDX-License-Identifier: Apache-2.0
"""How tight the tie to the bytes must be."""

from __future__ import annotations

import pytest

from hubpolicy.core.rules import hp205


@pytest.mark.parametrize(
    ("level", "required", "findings"),
    [(4, 4, 0), (4, 0, 0), (3, 4, 1), (0, 1, 1), (0, 0, 0), (1, 1, 0), (5, 4, 1), (-1, -1, 1)],
)
def test_levels(level: int, required: int, findings: int) -> None:
    assert len(hp205.check(level, required)) == findings
