# SPDX-License-Identifier: Apache-2.0
"""How fast the last run here was, from the times of its files: what `policy explain` multiplies.

Not a measurement: a run that was interrupted counts its pauses. ``test --estimate`` measures.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from hubpolicy.core.power import Pace

if TYPE_CHECKING:
    import os

_HEADER, _RECORDS = "run.json", "records.jsonl"
_FOREIGN = "responses"


def last_pace(state: str | os.PathLike[str]) -> Pace | None:
    """Of the newest complete run whose answers were generated here; None if there is none."""
    found: list[tuple[float, Pace]] = []
    for path in sorted((Path(state) / "runs").glob(f"*/{_RECORDS}")):
        try:
            pace, ended = _pace(path)
        except (OSError, ValueError, AttributeError):
            continue
        if pace is not None:
            found.append((ended, pace))
    return max(found, default=(0.0, None), key=lambda pair: pair[0])[1]


def _pace(path: Path) -> tuple[Pace | None, float]:
    header = path.parent / _HEADER
    begun, ended = header.stat().st_mtime, path.stat().st_mtime
    generator = json.loads(header.read_bytes()).get("generator", "")
    samples = path.read_bytes().count(b"\n")
    if generator.startswith(_FOREIGN) or samples == 0 or ended <= begun:
        return None, ended
    return Pace(path.parent.name, samples, ended - begun), ended
