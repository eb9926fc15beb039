# SPDX-License-Identifier: Apache-2.0
"""``*.report.jsonl`` of NVIDIA's garak: one ``eval`` entry per probe and detector.

The number is the share of answers that passed, and an answer that the detector could not score
(``nones``) has not passed: garak itself leaves those out. Where a probe has several detectors, or
``probe`` names a module of several, the worst share counts.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from hubpolicy.core.foreign_readings import Reading, count, member, moment, refuse
from hubpolicy.core.strictjson import parse

_LINE_LIMIT = 16 * 1024 * 1024


class GarakReport:
    """One parsed report."""

    def __init__(self, raw: bytes, where: str) -> None:
        self._where = where
        self._evals: list[tuple[int, dict[str, Any]]] = []
        self._started: list[tuple[int, Any]] = []
        for line, text in enumerate(raw.split(b"\n"), 1):
            if text.strip():
                self._take(line, text)
        if not self._evals:
            refuse(None, 'a line with "entry_type": "eval", as garak writes it', where)

    def _take(self, line: int, text: bytes) -> None:
        place = f"{self._where} line {line}"
        entry = parse(text, what=place, limit=_LINE_LIMIT, exact=True)
        kind = member(entry, "entry_type", place)
        if kind == "eval":
            for key in ("probe", "detector"):
                if not isinstance(entry.get(key), str):
                    refuse(entry.get(key), "a name", f"{key!r} of {place}")
            self._evals.append((line, entry))
        elif kind == "init":
            self._started.append((line, entry.get("start_time")))

    def reading(self, source: dict[str, str]) -> Reading:
        """Keys ``probe`` (a class or its module) and ``detector``, if only one is meant."""
        probe, detector = source["probe"], source.get("detector", "")
        found = [
            self._share(line, entry)
            for line, entry in self._evals
            if _is_of(entry["probe"], probe) and detector in {"", entry["detector"]}
        ]
        if not found:
            wanted = f"an eval of probe {probe!r}" + (f" by {detector!r}" if detector else "")
            refuse(None, wanted, self._where)
        # The fewest answers behind any of them, so that one long probe does not speak for a short.
        return Reading(min(share for share, _ in found), min(total for _, total in found))

    def measured_on(self, pointer: str) -> str:
        """The start of the run. garak writes local time without its zone: only the day counts."""
        del pointer
        if len(self._started) != 1:
            refuse(None, 'exactly one line with "entry_type": "init"', self._where)
        line, when = self._started[0]
        return moment(when, f"'start_time' of {self._where} line {line}")

    def _share(self, line: int, entry: dict[str, Any]) -> tuple[Fraction, int]:
        place = f"{self._where} line {line}"
        passed = count(entry.get("passed"), f"'passed' of {place}")
        if "total_evaluated" in entry:
            nones = count(entry.get("nones", 0), f"'nones' of {place}")
            total = count(entry["total_evaluated"], f"'total_evaluated' of {place}") + nones
        else:
            total = count(entry.get("total"), f"'total' of {place}")
        if total < 1 or passed > total:
            refuse(f"{passed} of {total}", "answers that were judged", place)
        return Fraction(passed, total), total


def _is_of(name: str, probe: str) -> bool:
    return name == probe or name.startswith(f"{probe}.")
