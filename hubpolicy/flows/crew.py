# SPDX-License-Identifier: Apache-2.0
"""Several at a time, and none of them keeps anybody who leaves.

The pool of the standard library waits for its threads when it is left, and the interpreter waits
for them again: with a hub that is silent, or a long clone under way, Ctrl-C would take minutes.
Here nothing more is begun and what is under way is left where it is. So ``work`` must be safe to
break off anywhere, as it is when the process is killed.
"""

from __future__ import annotations

import threading
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

Item = TypeVar("Item")
Answer = TypeVar("Answer")


class _Failed(NamedTuple):
    """What a thread died of, for whoever waits for it."""

    error: BaseException


def in_parallel(
    work: Callable[[Item], Answer], items: Sequence[Item], workers: int
) -> Generator[tuple[Item, Answer]]:
    """Each item and what came of it, in the order in which they are done.

    Close it (``contextlib.closing``) to leave before the end. What ``work`` raises is raised here.
    """
    waiting: SimpleQueue[Item] = SimpleQueue()
    done: SimpleQueue[tuple[Item, Answer] | _Failed] = SimpleQueue()
    left = threading.Event()
    for item in items:
        waiting.put(item)

    def labour() -> None:
        while not left.is_set():
            try:
                item = waiting.get_nowait()
            except Empty:
                return
            try:
                done.put((item, work(item)))
            except BaseException as error:  # noqa: BLE001 - it is raised where somebody waits
                done.put(_Failed(error))
                return

    for _ in range(max(1, min(workers, len(items)))):
        threading.Thread(target=labour, daemon=True).start()
    try:
        for _ in items:
            found = done.get()
            if isinstance(found, _Failed):
                raise found.error
            yield found
    finally:
        left.set()
