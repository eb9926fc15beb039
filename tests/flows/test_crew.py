# SPDX-License-Identifier: Apache-2.0
"""Several at a time: all of it once, what goes wrong, and who leaves early."""

from __future__ import annotations

import threading
import time
from contextlib import closing

import pytest

from hubpolicy.flows.crew import in_parallel


@pytest.mark.parametrize("workers", [0, 1, 3, 50])
def test_each_is_done_once(workers: int) -> None:
    found = list(in_parallel(lambda number: number * number, range(20), workers))
    assert sorted(found) == [(number, number * number) for number in range(20)]


def test_of_nothing_comes_nothing() -> None:
    assert list(in_parallel(str, (), 4)) == []


def test_no_more_than_that_many_are_under_way() -> None:
    here, most, lock = [0], [0], threading.Lock()
    all_three = threading.Barrier(3)

    def work(_: int) -> None:
        with lock:
            here[0] += 1
            most[0] = max(most[0], here[0])
        all_three.wait(60)
        with lock:
            here[0] -= 1

    assert len(list(in_parallel(work, range(12), 3))) == 12
    assert most == [3]


def test_the_quick_ones_wait_for_nobody() -> None:
    slow = threading.Event()
    found = in_parallel(lambda item: item or slow.wait(60), (0, 1, 2, 3), 2)
    with closing(found):
        assert [next(found)[0] for _ in range(3)] == [1, 2, 3]
        slow.set()
        assert next(found) == (0, True)


@pytest.mark.parametrize("kind", [ValueError, SystemExit])
def test_what_goes_wrong_is_raised_here(kind: type[BaseException]) -> None:
    def work(number: int) -> int:
        if number == 3:
            raise kind
        return number

    with pytest.raises(kind):
        list(in_parallel(work, range(10), 1))


def test_who_leaves_waits_for_nobody_and_begins_nothing_more() -> None:
    """One is under way and never ends by itself; thousands wait behind it."""
    begun: list[int] = []
    never = threading.Event()

    def work(number: int) -> int:
        begun.append(number)
        if number:
            never.wait(60)
        return number

    def leave() -> None:
        with closing(in_parallel(work, range(5000), 2)) as found:
            next(found)
            raise KeyboardInterrupt

    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        leave()
    assert time.monotonic() - started < 30
    never.set()
    assert len(begun) <= 4
