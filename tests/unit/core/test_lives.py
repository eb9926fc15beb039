# SPDX-License-Identifier: Apache-2.0
"""Who could see which repository when, from events and from what the hub says now."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubpolicy.core.audit_log import Event, Logged, Unused
from hubpolicy.core.lives import Visible, Window, past_windows, read_log, windows

if TYPE_CHECKING:
    from hubpolicy.core.audit_log import Kind

TERN, GULL = Logged("model", "acme/tern"), Logged("model", "acme/gull")
NOW = "2026-03-01T00:00:00Z"
PUBLIC, PRIVATE, UNSAID = Visible(private=False), Visible(private=True), Visible(None)


def day(number: int) -> str:
    return f"2026-01-{number:02}T00:00:00Z"


def at(
    number: int, kind: Kind, repo: Logged = TERN, private: bool | None = None, **other: Logged
) -> Event:
    time = day(number)
    return Event(
        f"{number}{kind}", kind, time, repo, other.get("to"), private, f"{time[:-1]}.000000"
    )


def seen(*events: Event | Unused, now: Visible, repo: Logged = TERN) -> list[tuple[str, str]]:
    """(since, until) of the public windows of a repository that stands."""
    log = read_log(events)
    return [(w.since, w.until) for w in windows(log.standing(repo), now, log, NOW)]


MADE_PUBLIC = at(3, "created", private=False)
MADE_PRIVATE = at(3, "created", private=True)
MADE = at(3, "created")
OPENED, SHUT = at(5, "visibility", private=False), at(8, "visibility", private=True)


@pytest.mark.parametrize(
    ("events", "now", "found"),
    [
        # what the log tells
        ((MADE_PUBLIC,), PUBLIC, [(day(3), "")]),
        ((MADE_PRIVATE,), PRIVATE, []),
        ((MADE_PRIVATE, OPENED), PUBLIC, [(day(5), "")]),
        ((MADE_PRIVATE, OPENED, SHUT), PRIVATE, [(day(5), day(8))]),
        ((MADE_PUBLIC, SHUT), PRIVATE, [(day(3), day(8))]),
        ((MADE_PUBLIC, OPENED), PUBLIC, [(day(3), "")]),  # told twice
        # what it does not tell
        ((MADE,), PUBLIC, [(day(3), "")]),  # created, nobody says how: since then
        ((MADE,), PRIVATE, []),
        ((MADE, SHUT), PRIVATE, [(day(3), day(8))]),  # made private, so it was public before
        ((MADE, OPENED), PUBLIC, [(day(5), "")]),
        # where the hub says otherwise
        ((MADE_PRIVATE,), PUBLIC, [(day(3), "")]),  # unlogged, at any time since
        ((MADE_PUBLIC, SHUT), PUBLIC, [(day(3), day(8)), (day(8), "")]),
        ((MADE_PUBLIC,), PRIVATE, [(day(3), NOW)]),  # unlogged, at any time until now
        # where the hub says nothing
        ((MADE_PUBLIC,), UNSAID, [(day(3), "")]),
        ((MADE_PRIVATE,), UNSAID, []),
        # a log that begins later
        ((SHUT,), PRIVATE, [(day(8), day(8))]),
        ((SHUT,), Visible(private=True, created=day(1)), [(day(1), day(8))]),
        ((OPENED,), Visible(private=False, created=day(1)), [(day(5), "")]),
        ((), Visible(private=False, created=day(1)), [(day(1), "")]),
        ((), Visible(private=True, created=day(1)), []),
    ],
)
def test_when_everybody_could_read_it(
    events: tuple[Event, ...], now: Visible, found: list[tuple[str, str]]
) -> None:
    assert seen(*events, now=now) == found


def test_a_log_that_does_not_know_it_begins_when_the_log_does_or_the_repository() -> None:
    other = at(2, "created", GULL)
    assert seen(other, now=PUBLIC) == [(day(2), "")]
    assert seen(other, now=Visible(private=False, created=day(1))) == [(day(1), "")]


def test_it_is_followed_through_its_names() -> None:
    moved = at(6, "moved", to=GULL)
    shut = at(8, "visibility", GULL, private=True)
    assert seen(MADE_PUBLIC, moved, shut, now=PRIVATE, repo=GULL) == [(day(3), day(8))]
    (life,) = read_log((MADE_PUBLIC, moved)).lives
    assert life.names == ("acme/tern", "acme/gull")
    assert read_log((MADE_PUBLIC, moved)).standing(TERN) is None


def test_it_is_followed_where_the_organisation_is_renamed() -> None:
    renamed = at(6, "renamed", Logged("", "acme"), to=Logged("", "zenith"))
    log = read_log((MADE_PUBLIC, at(4, "created", Logged("dataset", "acmes/x")), renamed))
    assert {life.repo.name for life in log.lives} == {"zenith/tern", "acmes/x"}


def test_one_that_was_deleted_and_made_anew_is_two() -> None:
    events = (MADE_PUBLIC, at(6, "deleted"), at(9, "created", private=True))
    assert seen(*events, now=PRIVATE) == []
    log = read_log(events)
    gone = log.lives[0]
    assert gone.ended == day(6)
    (window,) = past_windows(gone, log, NOW)
    assert window == Window(day(3), "logged as created public", day(6), "logged as deleted")


def test_one_that_is_made_where_another_stands_ends_the_other() -> None:
    log = read_log((MADE_PUBLIC, at(9, "created", private=True)))
    assert [life.ended for life in log.lives] == [day(9), ""]
    log = read_log((MADE_PUBLIC, at(4, "created", GULL), at(9, "moved", GULL, to=TERN)))
    assert [(life.repo, life.ended) for life in log.lives] == [(TERN, day(9)), (TERN, "")]


def test_one_that_was_not_met_was_public_to_the_end_as_far_as_anybody_knows() -> None:
    log = read_log((at(2, "created", GULL), OPENED))
    (window,) = past_windows(log.lives[-1], log, NOW)
    assert (window.since, window.until, window.closed) == (day(5), NOW, "not met by this audit")


def test_entries_count_once_however_often_they_are_given() -> None:
    others = (
        Unused("a", "org.add_user", day(2), unread=False),
        Unused("b", "repo.move", day(9), unread=True),
    )
    log = read_log((*others, MADE_PUBLIC, *others, MADE_PUBLIC))
    assert (log.entries, log.other, log.unread) == (3, 1, (("repo.move", 1),))
    assert (log.first, log.last, len(log.lives)) == (day(2), day(9), 1)


def test_entries_of_one_second_are_in_their_order() -> None:
    """The export may give the newest first."""
    made = MADE_PUBLIC._replace(exact="2026-01-03T00:00:00.100000")
    shut = at(3, "visibility", private=True)._replace(exact="2026-01-03T00:00:00.900000")
    assert seen(shut, made, now=PRIVATE) == [(day(3), day(3))]


FLIPS = st.lists(st.booleans(), max_size=8)


@given(FLIPS, st.sampled_from([True, False, None]), st.booleans(), st.permutations(range(9)))
def test_windows_are_in_order_apart_and_end_as_the_hub_says(
    flips: list[bool], first: bool | None, private: bool, order: list[int]
) -> None:  # fmt: skip
    events = [at(1, "created", private=first)]
    events += [at(2 + n, "visibility", private=flip) for n, flip in enumerate(flips)]
    log = read_log([events[n] for n in order if n < len(events)])
    found = windows(log.standing(TERN), Visible(private=private), log, NOW)
    for window in found[:-1]:
        assert window.since <= window.until <= found[-1].since
    assert bool(found and not found[-1].until) is not private
    known = [first, *flips]
    for number, state in enumerate(known):
        inside = any(w.since <= day(1 + number) < (w.until or NOW) for w in found)
        if state is not None and number != len(known) - 1:
            assert inside is not state
