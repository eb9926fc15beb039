# SPDX-License-Identifier: Apache-2.0
"""HP910: the trust in force beside what was seen."""

from __future__ import annotations

import pytest

from hubpolicy.core.rules import hp910
from tests.unit.rules.test_hp909 import TRUST


@pytest.mark.parametrize(
    ("here", "seen", "said"),
    [
        ((1, 1, 4), (0, 0, 0), ""),
        ((1, 1, 4), (1, 1, 4), ""),
        ((2, 2, 5), (1, 1, 4), ""),
        ((1, 2, 9), (2, 2, 9), "root version 1 (seen: 2)"),
        ((2, 1, 9), (2, 2, 9), "policy version 1 (seen: 2)"),
        ((2, 2, 8), (2, 2, 9), "state version 8 (seen: 9)"),
        ((1, 1, 8), (2, 2, 9), "root version 1 (seen: 2), policy version 1 (seen: 2), state"),
    ],
)
def test_older_than_seen(here: tuple[int, int, int], seen: tuple[int, int, int], said: str) -> None:
    found = hp910.check(TRUST._replace(here=here, seen=seen))
    assert [said in finding.message for finding in found] == [True] * bool(said)
    assert [(f.severity.word, f.fix) for f in found] == [("error", "hubpolicy trust update")] * len(
        found
    )


def test_ones_own_is_restored_and_not_fetched() -> None:
    (found,) = hp910.check(TRUST._replace(here=(1, 1, 1), seen=(1, 1, 2), solo=True))
    assert found.fix.startswith("restore the newest /trust")


def test_a_damaged_memory_is_an_error_and_none_is_not() -> None:
    (found,) = hp910.check(TRUST._replace(problem="not JSON"))
    assert (found.severity.word, "not JSON" in found.message) == ("error", True)
    assert hp910.check(None) == ()
