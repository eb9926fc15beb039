# SPDX-License-Identifier: Apache-2.0
"""``results_*.json`` of EleutherAI's lm-evaluation-harness (0.4).

A number stands in ``results[task]["metric,filter"]``.
``n-samples[task].effective`` counts the documents that were really asked, so that a run with
``--limit 10`` can be told from a whole one; ``date`` is the start in seconds since 1970.
"""

from __future__ import annotations

from typing import Any

from hubpolicy.core.foreign_readings import Reading, count, member, moment, number, refuse
from hubpolicy.core.strictjson import parse


class LmEvalResults:
    """One parsed file."""

    def __init__(self, raw: bytes, where: str) -> None:
        self._where = where
        self._document: Any = parse(raw, what=where, exact=True)
        if not isinstance(member(self._document, "results", where), dict):
            refuse(None, "an object 'results', as lm-eval writes it", where)

    def reading(self, source: dict[str, str]) -> Reading:
        """Keys ``task``, ``metric`` and ``filter``; an empty filter is for files before 0.4."""
        task, place = source["task"], f"results.{source['task']} of {self._where}"
        scores = self._document["results"].get(task)
        if scores is None:
            refuse(None, f"the task {task!r}", self._where)
        key = f"{source['metric']},{source['filter']}" if source["filter"] else source["metric"]
        value = member(scores, key, place)
        if value is None:
            refuse(None, f"the metric {key!r}", place)
        return Reading(number(value, f"{key!r} of {place}"), self._samples(task))

    def measured_on(self, pointer: str) -> str:
        """The start of the run."""
        del pointer
        return moment(self._document.get("date"), f"'date' of {self._where}")

    def _samples(self, task: str) -> int:
        place = f"n-samples.{task} of {self._where}"
        samples = self._document.get("n-samples")
        found = None if samples is None else member(samples, task, place)
        return 0 if found is None else count(member(found, "effective", place), place)
