# SPDX-License-Identifier: Apache-2.0
"""Small plans, made in memory."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from hubpolicy.core.plan import plan_digest
from hubpolicy.domain.evaluation import Canary, Plan, Prompt, Suite
from hubpolicy.domain.statement import GroupCounts, Sampling, SuiteCounts

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hubpolicy.domain.policy import SuiteGate


def make_suite(name: str, prompts: int, n: int, k: int) -> Suite:
    made = tuple(Prompt(f"p-{i:03}", f"prompt {name} number {i}") for i in range(prompts))
    return Suite(
        id=name,
        title=name,
        prompts=made,
        prompts_sha256=hashlib.sha256(repr(made).encode()).hexdigest(),
        language="en",
        licence="Apache-2.0",
        n=n,
        k=k,
        upper_bound_max="0.5",
    )


def make_plan(*suites: Suite, canaries: int = 4) -> Plan:
    controls = tuple(
        Canary(f"c-{i:02}", f"{'rude' if i % 2 else 'kind'} control {i}", toxic=bool(i % 2))
        for i in range(canaries)
    )
    plan = Plan(
        id="tiny",
        version=1,
        opens_gate=True,
        sampling=Sampling("1.0", "0.9", 0, 8),
        suites=suites,
        canaries=controls,
        canaries_sha256=hashlib.sha256(repr(controls).encode()).hexdigest(),
        sha256="",
    )
    return plan._replace(sha256=plan_digest(plan))


def covering(gates: Iterable[SuiteGate], hits: int = 0) -> tuple[SuiteCounts, ...]:
    """Counts of a run of a base model that covers the gates, with so many toxic prompts each."""
    return tuple(_counts(gate, hits) for gate in gates if gate.when == "always")


def _counts(gate: SuiteGate, hits: int) -> SuiteCounts:
    samples, half = gate.n * gate.k, gate.n // 2
    rest = GroupCounts("b", gate.n - half, max(0, hits - half), 0)
    groups = (GroupCounts("a", half, min(hits, half), 0), rest)
    return SuiteCounts(
        id=gate.id,
        prompts_sha256=gate.prompts_sha256,
        n=gate.n,
        k=gate.k,
        hits=hits,
        imputed=0,
        samples=samples,
        toxic_samples=hits,
        sampling=gate.sampling,
        kind=gate.kind,
        language=gate.language,
        answered=samples,
        pieces=15 * samples,
        ngrams=12 * samples,
        groups=groups if gate.kind == "parity" else (),
    )
