# SPDX-License-Identifier: Apache-2.0
"""How long a thread may go on asking a hub: whoever waits for it gives up then, and so does it.

A thread cannot be stopped from outside. One with a deadline asks nothing more after it, waits for
no answer longer than that, and the word of a verdict that came too late counts no more.
"""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from hubpolicy.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Iterator

_OWN = threading.local()


class Deadline:
    """For one verdict: of the judge and of whoever waits for it, one has the last word."""

    def __init__(self, seconds: float) -> None:
        self._until = time.monotonic() + seconds
        self._word = threading.Lock()

    @property
    def left(self) -> float:
        """Seconds; 0 or less when it is over."""
        return self._until - time.monotonic()

    def take(self) -> bool:
        """True for whoever comes first: the judge, to write it down, or who waits, to give up."""
        return self._word.acquire(blocking=False)

    def end(self) -> None:
        """It is over now."""
        self._until = time.monotonic()


@contextmanager
def keeping(deadline: Deadline) -> Iterator[None]:
    """Whatever this thread asks a hub, it asks until then."""
    _OWN.deadline = deadline
    try:
        yield
    finally:
        _OWN.deadline = None


def seconds_left() -> float | None:
    """Of this thread's deadline; None if it has none.

    Raises:
        ServiceError: it is over.

    """
    deadline: Deadline | None = getattr(_OWN, "deadline", None)
    if deadline is None:
        return None
    if deadline.left <= 0:
        raise too_late()
    return deadline.left


def too_late() -> ServiceError:
    """What a thread raises whose deadline is over."""
    message = "the hub did not tell in time what there is to know"
    return ServiceError(message, hint="try again later")
