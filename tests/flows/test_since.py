# SPDX-License-Identifier: Apache-2.0
"""How far back ``--since`` looks: never less far than commits claim."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubpolicy.flows.since import recent

DAYS = [f"2026-02-0{n}T12:00:00Z" for n in range(1, 9)]


@pytest.mark.parametrize(
    ("made", "since", "kept"),
    [
        ("321", "2026-02-02", 2),
        ("321", "2026-02-02T12:00:00Z", 2),
        ("321", "2026-02-02T12:00:01Z", 1),
        ("321", "2026-02-01", 3),
        ("321", "2026-02-04", 0),
        ("1131", "2026-02-02", 3),  # dated back on top of one that says it is younger
        ("312", "2026-02-02", 3),
        ("?11", "2026-02-02", 1),  # no time at all: looked at
        ("", "2026-02-02", 0),
    ],
)
def test_what_counts(made: str, since: str, kept: int) -> None:
    dated = tuple((str(n), "" if day == "?" else DAYS[int(day) - 1]) for n, day in enumerate(made))
    assert recent(dated, since) == tuple(str(n) for n in range(kept))


@given(st.lists(st.sampled_from(DAYS)), st.sampled_from(DAYS))
def test_whatever_says_that_it_is_of_then_or_later_is_looked_at(
    made: list[str], since: str
) -> None:
    found = recent(tuple((str(n), time) for n, time in enumerate(made)), since)
    assert {str(n) for n, time in enumerate(made) if time >= since} <= set(found)
    if all(one >= other for one, other in pairwise(made)):
        assert len(found) == sum(time >= since for time in made)
