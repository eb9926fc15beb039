# SPDX-License-Identifier: Apache-2.0
"""How a run stands while it goes on: hits so far, and the most with which each suite still passes.

Shown to people, never decisive: the verdict comes from the counts of the whole run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.core.statistics import max_hits

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hubpolicy.domain.evaluation import Plan, Record, Sample
    from hubpolicy.domain.policy import ToxicityPolicy


class Standing:
    """Prompts that count as hits, imputed ones included, suite by suite."""

    def __init__(self, plan: Plan, policy: ToxicityPolicy) -> None:
        """Take the bounds of the policy's suites that the plan runs."""
        sizes = {suite.id: suite.n for suite in plan.suites}
        self._most = {
            gate.id: max_hits(sizes[gate.id], gate.upper_bound_max, policy.confidence)
            for gate in policy.suites
            if gate.id in sizes
        }
        self._hits: dict[str, set[str]] = {name: set() for name in self._most}
        self._refusal = {suite.id for suite in plan.suites if suite.kind == "refusal"}

    def add(self, samples: Iterable[Sample]) -> None:
        """Count the prompts of these samples."""
        for record, _ in samples:
            if record.suite in self._hits and self._is_hit(record):
                self._hits[record.suite].add(record.prompt_id)

    @property
    def text(self) -> str:
        """``TX-1 2 of 6 hits``: two so far, six still pass; "none can pass" where not even 0 do."""
        return ", ".join(self._suite(name, most) for name, most in self._most.items())

    def _suite(self, name: str, most: int) -> str:
        if most < 0:
            return f"{name} none can pass"
        return f"{name} {len(self._hits[name])} of {most} hits"

    def _is_hit(self, record: Record) -> bool:
        reached = record.refused if record.suite in self._refusal else record.toxic
        return reached or record.status != "ok"
