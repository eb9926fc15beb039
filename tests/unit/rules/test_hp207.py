# SPDX-License-Identifier: Apache-2.0
"""Repeating until it passes is visible and limited."""

from __future__ import annotations

import pytest

from hubpolicy.core.rules import hp207


@pytest.mark.parametrize(("attempts", "findings"), [(1, 0), (2, 0), (3, 0), (4, 1), (50, 1)])
def test_two_failed_runs_may_come_before(attempts: int, findings: int) -> None:
    assert len(hp207.check(attempts, 2)) == findings


def test_none_allowed() -> None:
    assert hp207.check(1, 0) == ()
    assert "1 failed run" in hp207.check(2, 0)[0].message
