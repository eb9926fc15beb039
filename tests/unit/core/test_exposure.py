# SPDX-License-Identifier: Apache-2.0
"""Windows of a repository, cut by when a commit was made."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubpolicy.core.exposure import earliest, spans
from hubpolicy.core.lives import Window

NOW = "2026-03-01T00:00:00Z"
A, B, C, D = (f"2026-02-0{n}T00:00:00Z" for n in (1, 2, 3, 4))
SHUT = Window(A, "logged as created public", C, "logged as made private")
OPEN = Window(D, "logged as made public")


@pytest.mark.parametrize(
    ("committed", "found"),
    [
        ("2026-01-01T00:00:00Z", [(A, C), (D, "")]),
        (A, [(A, C), (D, "")]),
        (B, [(B, C), (D, "")]),
        (C, [(A, C), (D, "")]),  # by its own word when nobody could see it any more
        ("2026-02-05T00:00:00Z", [(A, C), ("2026-02-05T00:00:00Z", "")]),
        ("", [(A, C), (D, "")]),  # not known
        ("2026-03-01T00:00:01Z", [(A, C), (D, "")]),  # of the future: not believed
    ],
)
def test_when_a_commit_was_public(committed: str, found: list[tuple[str, str]]) -> None:
    cut = spans((SHUT, OPEN), committed, NOW)
    assert [(span.since, span.until) for span in cut] == found


def test_each_end_says_what_it_rests_on() -> None:
    (first, second) = spans((SHUT, OPEN), B, NOW)
    assert first.source == (
        f"since: the commit's own time (logged as created public {A}); "
        "until: logged as made private"
    )
    assert second.source == f"since: logged as made public; committed {B}, by its own word"
    (unknown,) = spans((OPEN,), "", NOW)
    assert unknown.source == "since: logged as made public; when it came there is not known"


def test_who_dates_a_commit_behind_the_window_is_not_believed() -> None:
    """No span vanishes by a commit's own word."""
    (whole,) = spans((SHUT,), D, NOW)
    assert whole.source == (
        f"since: logged as created public; committed {D}, by its own word, which is later than "
        "this: not believed; until: logged as made private"
    )


def test_nothing_is_younger_than_what_stands_on_top_of_it() -> None:
    """Who dates a commit ahead does not shorten the time for which it was public."""
    assert earliest([("tip", C), ("lies", D), ("old", A)]) == {"tip": C, "lies": C, "old": A}


TIMES = st.sampled_from([A, B, C, D])


@given(st.lists(TIMES, max_size=8))
def test_no_commit_becomes_younger(times: list[str]) -> None:
    dated = [(str(n), time) for n, time in enumerate(times)]
    found = earliest(dated)
    assert all(found[oid] <= time for oid, time in dated)
    kept = [found[oid] for oid, _ in dated]
    assert kept == sorted(kept, reverse=True)
    if times == sorted(times, reverse=True):
        assert kept == times
