# SPDX-License-Identifier: Apache-2.0
"""Which release lines may be judged by a policy that is not in force any more."""

from __future__ import annotations

import pytest

from hubpolicy.core.as_of_then import unproven
from hubpolicy.core.signatories import Stamp
from hubpolicy.domain.trust import OlderPolicy, State
from tests.hook.gate_world import POLICY

NOW = "2026-06-01T12:00:00Z"
V2, V3 = OlderPolicy(2, "2" * 64, "2026-03-31"), OlderPolicy(3, "3" * 64, "2026-12-31")
BEFORE, AFTER = "2026-03-31T23:59:59Z", "2026-04-01T00:00:00Z"


def why_not(version: int, *older: OlderPolicy, stamped: str = "") -> str:
    """Of a line under that version; version 4 is in force."""
    named = POLICY._replace(version=version, sha256=str(version) * 64)
    in_force = POLICY._replace(version=4, sha256="4" * 64)
    state = State(
        9, "2026-12-31", 4, in_force.sha256, frozenset(), frozenset(), frozenset(), "", older
    )
    stamps = (Stamp("acme time", stamped),) if stamped else ()
    return unproven(named, in_force, stamps, state, NOW)


@pytest.mark.parametrize(
    ("version", "older", "stamped", "counts"),
    [
        (4, (V2, V3), "", True),  # in force
        (3, (V2, V3), "", True),  # the state lets it count
        (2, (V2, V3), "", False),  # counted until March
        (2, (V2, V3), BEFORE, True),  # and is shown to be of before
        (2, (V2, V3), AFTER, False),
        (1, (V2, V3), "", False),  # older than all that the state names
        (1, (V2, V3), BEFORE, True),
        (1, (V2, V3), AFTER, False),
        (2, (V3,), "", False),  # left out of the state since
        (2, (V3,), AFTER, True),  # but surely made while the next one counted
        (5, (V2, V3), "", True),  # newer than the state knows: nothing says that it ended
        (1, (), "", True),  # a state that says nothing of older policies
    ],
)
def test_what_counts(
    version: int, older: tuple[OlderPolicy, ...], stamped: str, *, counts: bool
) -> None:
    assert (why_not(version, *older, stamped=stamped) == "") is counts


def test_it_says_until_when() -> None:
    assert why_not(2, V2, V3).startswith("policy version 2 counts until 2026-03-31, it is 2026-06")
    assert why_not(1, V2, V3).startswith("policy version 1 counts no longer, it is 2026-06-01")


def test_the_same_version_twice_is_two_policies() -> None:
    """Somebody signed another version 3: the state named one of them."""
    other = V3._replace(sha256="f" * 64)
    assert "counts no longer" in why_not(3, other)
