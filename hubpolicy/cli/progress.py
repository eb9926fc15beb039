# SPDX-License-Identifier: Apache-2.0
"""Progress bars on standard error (rich), or nothing where nobody looks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from hubpolicy.render.escape import terminal

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

    from hubpolicy.ports import Advance


class Bars:
    """Implements :class:`hubpolicy.ports.Progress`; a context manager that restores the screen."""

    def __init__(self, *, shown: bool, quiet: bool = False) -> None:
        self._shown = shown
        self._quiet = quiet
        self._rich: RichProgress | None = None
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        if self._shown:
            from rich.console import Console
            from rich.progress import (
                BarColumn,
                MofNCompleteColumn,
                Progress,
                TextColumn,
                TimeRemainingColumn,
            )

            self._rich = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[unit]}"),
                TextColumn("{task.fields[rate]}"),
                TimeRemainingColumn(),
                TextColumn("{task.fields[told]}"),
                console=Console(stderr=True),
                transient=True,
            )
            self._rich.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._rich is not None:
            self._rich.stop()

    def start(self, title: str, total: int | None, unit: str) -> Advance:
        """A new bar."""
        rich = self._rich
        if rich is None:
            return _ignore
        task = rich.add_task(title, total=total, unit=unit, rate="", told="")
        self._task = task

        def advance(steps: int) -> None:
            rich.advance(task, steps)
            rich.update(task, rate=rate(rich.tasks[task].speed, unit))

        return advance

    def tell(self, text: str) -> None:
        """A few words beside the bar."""
        if self._rich is not None and self._task is not None:
            self._rich.update(self._task, told=terminal(text))

    def note(self, text: str) -> None:
        """One line that stays."""
        if not self._quiet:
            click.echo(terminal(text), err=True)


def rate(speed: float | None, unit: str) -> str:
    """``3.2 samples/s``, or how long one takes where that says more. Bytes in MB."""
    if not speed:
        return ""
    if unit == "bytes":
        return f"{speed / 1e6:.0f} MB/s"
    if speed < 1:
        return f"{1 / speed:.1f} s each"
    return f"{speed:.1f} {unit}/s"


def _ignore(_: int) -> None:
    return
