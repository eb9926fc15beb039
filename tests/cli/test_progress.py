# SPDX-License-Identifier: Apache-2.0
"""What stands on the screen while a test runs, and that nothing does where nobody looks."""

from __future__ import annotations

import contextlib
import io
import time

import pytest

from hubpolicy.cli.progress import Bars, rate


def shown(*, bars: bool, quiet: bool = False) -> str:
    """Standard error of a step of two samples."""
    stream = io.StringIO()
    with contextlib.redirect_stderr(stream), Bars(shown=bars, quiet=quiet) as progress:
        advance = progress.start("testing", 4, "samples")
        for _ in range(3):
            advance(1)
            time.sleep(0.06)
        progress.tell("TX-1 2 of 6 hits")
        progress.note("a note")
        time.sleep(0.2)
    return stream.getvalue()


def test_a_bar_shows_rate_time_left_and_what_the_verdict_needs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "140")
    monkeypatch.setenv("TERM", "xterm")
    said = shown(bars=True)
    for word in ("testing", "3/4", "samples/s", "0:00:", "TX-1 2 of 6 hits"):
        assert word in said, said


def test_nothing_moves_where_nobody_looks() -> None:
    assert shown(bars=False) == "a note\n"
    assert shown(bars=False, quiet=True) == ""


@pytest.mark.parametrize(
    ("speed", "unit", "text"),
    [
        (None, "samples", ""),
        (0.0, "samples", ""),
        (7.34, "samples", "7.3 samples/s"),
        (0.125, "samples", "8.0 s each"),
        (250e6, "bytes", "250 MB/s"),
    ],
)
def test_a_rate_is_told_so_that_it_says_something(
    speed: float | None, unit: str, text: str
) -> None:
    assert rate(speed, unit) == text
