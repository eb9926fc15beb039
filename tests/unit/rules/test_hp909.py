# SPDX-License-Identifier: Apache-2.0
"""HP909: half of the life of a team's state."""

from __future__ import annotations

import pytest

from hubpolicy.core.rules import hp909
from hubpolicy.domain.surroundings import TrustSeen

NOW = "2026-11-22T12:00:00Z"
TRUST = TrustSeen(
    here=(1, 1, 4), seen=(1, 1, 4), expires="", since="", solo=False,
    renewers="robot (role state)", folder="/trust", problem="",
)  # fmt: skip


@pytest.mark.parametrize(
    ("expires", "since", "warns"),
    [
        ("2026-11-29T12:00:00Z", "", False),
        ("2026-11-26T00:00:00Z", "", False),  # exactly half of seven days are left
        ("2026-11-25T23:59:59Z", "", True),
        ("2026-11-22T12:00:00Z", "", True),
        ("2026-11-22T11:59:59Z", "", False),  # ended: HP903
        ("2026-11-26T00:00:00Z", "2026-11-22T00:00:00Z", False),  # fetched late
        ("2026-11-25T00:00:00Z", "2026-11-22T00:00:00Z", True),
        ("2026-12-02T00:00:00Z", "2026-11-02T00:00:00Z", True),  # one that lives thirty days
        ("2026-12-20T00:00:00Z", "2026-11-20T00:00:00Z", False),
    ],
)
def test_half_of_its_life(expires: str, since: str, warns: bool) -> None:
    found = hp909.check(TRUST._replace(expires=expires, since=since), NOW)
    assert bool(found) is warns
    for finding in found:
        assert finding.severity.word == "warning"
        assert "hubpolicy trust update" in finding.fix
        assert "robot (role state)" in finding.fix


def test_solo_and_nothing_are_not_asked() -> None:
    assert hp909.check(None, NOW) == ()
    assert hp909.check(TRUST._replace(solo=True, expires="2026-11-23T00:00:00Z"), NOW) == ()
