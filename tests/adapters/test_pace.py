# SPDX-License-Identifier: Apache-2.0
"""The pace of the last run comes from its files, and never from one that was not drawn here."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from hubpolicy.adapters.pace import last_pace
from hubpolicy.core.power import Pace

if TYPE_CHECKING:
    from pathlib import Path


def kept(
    state: Path, name: str, begun: float, ended: float, *, samples: int = 600, by: str = "onnx/4"
) -> Path:
    folder = state / "runs" / name
    folder.mkdir(parents=True)
    (folder / "run.json").write_text(json.dumps({"generator": by}))
    (folder / "records.jsonl").write_text("{}\n" * samples)
    os.utime(folder / "run.json", (begun, begun))
    os.utime(folder / "records.jsonl", (ended, ended))
    return folder


def test_the_newest_complete_run_counts(tmp_path: Path) -> None:
    kept(tmp_path, "a" * 32, 1000, 1120)
    kept(tmp_path, "b" * 32, 5000, 5300, samples=900)
    kept(tmp_path, "c" * 32, 2000, 2060)
    assert last_pace(tmp_path) == Pace("b" * 32, 900, 300.0)


def test_no_run_no_pace(tmp_path: Path) -> None:
    assert last_pace(tmp_path) is None
    folder = kept(tmp_path, "a" * 32, 1000, 1120)
    (folder / "records.jsonl").unlink()
    assert last_pace(tmp_path) is None


@pytest.mark.parametrize(
    ("begun", "ended", "samples", "by"),
    [
        (9000, 9100, 600, "responses/1"),
        (9000, 9000, 600, "onnx/4"),
        (9000, 8000, 600, "onnx/4"),
        (9000, 9100, 0, "onnx/4"),
    ],
)
def test_what_was_not_drawn_here_or_took_no_time_is_passed_over(
    tmp_path: Path, begun: float, ended: float, samples: int, by: str
) -> None:
    kept(tmp_path, "a" * 32, 1000, 1120)
    kept(tmp_path, "b" * 32, begun, ended, samples=samples, by=by)
    assert last_pace(tmp_path) == Pace("a" * 32, 600, 120.0)


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\xff", b'{"generator": 7}'])
def test_a_damaged_run_is_passed_over(tmp_path: Path, content: bytes) -> None:
    kept(tmp_path, "a" * 32, 1000, 1120)
    folder = kept(tmp_path, "b" * 32, 5000, 5100)
    (folder / "run.json").write_bytes(content)
    os.utime(folder / "run.json", (5000, 5000))
    assert last_pace(tmp_path) == Pace("a" * 32, 600, 120.0)
