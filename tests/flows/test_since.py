# SPDX-License-Identifier: Apache-2.0
"""How far back ``--since`` looks: never less far than commits claim."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubpolicy.flows.since import chain, recent

if TYPE_CHECKING:
    from hubpolicy.flows.since import Commit

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
        ("123", "2026-02-08", 2),  # each states a time before that of what it was made on
        ("8123", "2026-02-08", 3),
        ("", "2026-02-02", 0),
    ],
)
def test_what_counts(made: str, since: str, kept: int) -> None:
    dated = chain(
        tuple((str(n), "" if day == "?" else DAYS[int(day) - 1]) for n, day in enumerate(made))
    )
    assert recent(dated, since) == tuple(str(n) for n in range(kept))


def test_a_push_that_is_dated_back_behind_its_parent_is_looked_at() -> None:
    """Found by a reviewer: one commit of last year under a young tip, on top of this January."""
    dated = chain((("tip", DAYS[7]), ("evil", "2025-01-01T00:00:00Z"), ("old", DAYS[0])))
    assert recent(dated, DAYS[7]) == ("tip", "evil")


@pytest.mark.parametrize("parents", [("h3", "s2"), ("s2", "h3")])
@pytest.mark.parametrize("made", ["2025-01-01T00:00:00Z", DAYS[1]])
def test_what_a_young_merge_brought_is_looked_at(parents: tuple[str, str], made: str) -> None:
    """Whatever its time, and from whichever side it came."""
    lineage = (
        ("merge", DAYS[7], parents),
        ("h3", DAYS[6], ("h2",)),
        ("s2", made, ("s1",)),
        ("s1", made, ("old",)),
        ("h2", DAYS[5], ("old",)),
        ("old", DAYS[1], ("first",)),
        ("first", DAYS[0], ()),
    )
    assert set(recent(lineage, DAYS[5])) == {"merge", "h3", "s2", "s1", "h2"}
    side = (("merge", DAYS[7], ("old", "root")), ("root", made, ()), *lineage[-2:])
    assert {"merge", "root"} <= set(recent(side, DAYS[5]))


def test_an_old_merge_is_past_with_both_its_sides() -> None:
    lineage = (
        ("tip", DAYS[7], ("merge",)),
        ("merge", DAYS[2], ("a", "b")),
        ("a", DAYS[1], ("old",)),
        ("b", DAYS[1], ("old",)),
        ("old", DAYS[0], ()),
    )
    assert recent(lineage, DAYS[7]) == ("tip",)


@given(st.lists(st.sampled_from(DAYS)), st.sampled_from(DAYS))
def test_whatever_says_that_it_is_of_then_or_later_is_looked_at(
    made: list[str], since: str
) -> None:
    found = recent(chain(tuple((str(n), time) for n, time in enumerate(made))), since)
    assert {str(n) for n, time in enumerate(made) if time >= since} <= set(found)
    if all(one >= other for one, other in pairwise(made)):
        assert len(found) == sum(time >= since for time in made)


@st.composite
def lineages(draw: st.DrawFn) -> tuple[Commit, ...]:
    """Any graph of commits below one tip, each before its parents."""
    size = draw(st.integers(1, 8))
    above = [
        tuple(draw(st.sets(st.integers(0, n - 1), max_size=3))) if n else () for n in range(size)
    ]
    rows: list[Commit] = []
    reached = {size - 1}
    for n in reversed(range(size)):
        if n in reached:
            reached.update(above[n])
            made = draw(st.sampled_from(["", *DAYS[:3]]))
            rows.append((str(n), made, tuple(str(each) for each in above[n])))
    return tuple(rows)


def by_each_merge(lineage: tuple[Commit, ...], since: str) -> set[str]:
    """As the page says it, merge by merge: too slow for a history with thousands of them."""
    above = {oid: parents for oid, _, parents in lineage}
    reach: dict[str, set[str]] = {}
    latest: dict[str, str] = {}
    counts: set[str] = set()
    for oid, made, parents in reversed(lineage):
        reach[oid] = {oid}.union(*(reach[each] for each in parents))
        below = max((latest[each] for each in parents), default="")
        latest[oid] = max(made, below)
        if not made or made >= since or made < below or not counts.isdisjoint(parents):
            counts.add(oid)
    for oid, parents in above.items():
        if oid in counts and len(parents) > 1:
            one, *others = (reach[each] for each in parents)
            counts |= one.union(*others) - one.intersection(*others)
    return counts


@given(lineages(), st.sampled_from(DAYS[:4]))
def test_the_first_that_all_lead_to_is_where_the_past_begins(
    lineage: tuple[Commit, ...], since: str
) -> None:
    found = recent(lineage, since)
    assert set(found) == by_each_merge(lineage, since)
    assert found == tuple(oid for oid, _, _ in lineage if oid in found)


def test_thousands_of_merges_take_no_quadratic_time() -> None:
    rows: list[Commit] = [("m0", DAYS[0], ())]
    for n in range(1, 20_000):
        rows += [(f"s{n}", DAYS[1], (f"m{n - 1}",)), (f"m{n}", DAYS[2], (f"m{n - 1}", f"s{n}"))]
    assert len(recent(tuple(reversed(rows)), DAYS[1])) == 2 * 20_000 - 2
