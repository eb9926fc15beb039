# SPDX-License-Identifier: Apache-2.0
"""Policies in the neighbourhood of the sample one, and releases that some of them let pass."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from hubpolicy.domain.finding import Severity
from hubpolicy.domain.policy import (
    DegenerationGate,
    EvidenceItem,
    EvidenceMetric,
    RoleRequirement,
    RuleSetting,
    SuiteGate,
)
from hubpolicy.domain.statement import SuiteCounts, Waiver
from tests.golden.samples import CARD, SAMPLING, TOXICITY, WAIVER, sha
from tests.unit.core.release_world import (
    POLICY,
    approval_line,
    card_line,
    release,
    run_line,
    waiver_line,
)

if TYPE_CHECKING:
    from hubpolicy.core.evidence import Evidence
    from hubpolicy.domain.policy import Policy

GERMAN = SuiteGate("TX-DE", sha("german"), 60, 1, SAMPLING, "0.2", language="de", when="declared")
ENGLISH = SuiteGate("TX-3", sha("prompts 3"), 60, 1, SAMPLING, "0.2")
MT_BENCH = EvidenceItem(
    "mt-bench",
    "lm-eval",
    (
        EvidenceMetric(
            "score",
            (("filter", "none"), ("metric", "score"), ("task", "mt_bench")),
            "at least",
            "6.5",
        ),
    ),
)


def suites(draw: st.DrawFn) -> tuple[SuiteGate, ...]:
    """The sample's two, sometimes with other bounds, and perhaps one more."""
    bounds = st.sampled_from(("0.02", "0.020", "0.03", "0.05"))
    made = [
        suite._replace(upper_bound_max=draw(bounds), n=draw(st.sampled_from((suite.n, 100))))
        for suite in POLICY.toxicity.suites
    ]
    return (*made, *draw(st.sampled_from(((), (), (ENGLISH,), (GERMAN,)))))


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    """A policy that could govern, or be what a child asks for."""
    one = st.sampled_from
    toxicity = POLICY.toxicity._replace(
        suites=suites(draw),
        confidence=draw(one(("0.9", "0.95", "0.99"))),
        max_age_days=draw(one((1, 90))),
        max_attempts=draw(one((0, 1, 2))),
        require_tier=draw(one(("screen", "screen", "detoxify"))),
        scorers=frozenset(draw(one(((sha("scorer"),), (sha("scorer"), sha("other")))))),
        degeneration=draw(one((None, DegenerationGate(), DegenerationGate(3, "0.3")))),
    )
    roles = (
        RoleRequirement("releaser", draw(one((1, 1, 2)))),
        RoleRequirement("checker", 1, distinct_from=draw(one(("", "releaser")))),
        *draw(one(((), (RoleRequirement("approver:safety", 1, "closure"),),
                   (RoleRequirement("approver:safety", 2, "closure"),),
                   (RoleRequirement("approver:legal", 1, "card", "releaser"),)))),
    )  # fmt: skip
    return POLICY._replace(
        expires=draw(one(("2026-12-31", "2027-06-30"))),
        namespaces=draw(one(((), ("acme",), ("acme", "acme-labs")))),
        workspaces=draw(one(((), ("acme-dev",)))),
        weights=draw(one((("gguf", "onnx", "safetensors"), ("safetensors",)))),
        allowed_files=frozenset(draw(one(((), ("model.py",), ("model.py", "x.pkl"))))),
        min_level=draw(one((0, 3, 4))),
        card=POLICY.card._replace(rules=draw(one((("HP101",), ("HP101", "HP110"))))),
        toxicity=toxicity,
        roles=roles,
        rules=draw(
            one(((),
                 (RuleSetting("HP110", Severity.ERROR, waivable=False),),
                 (RuleSetting("HP110", Severity.OFF, waivable=False),),
                 (RuleSetting("HP203", Severity.ERROR, waivable=True),)))
        ),
        evidence=draw(one(((), (), (MT_BENCH,),
                           (MT_BENCH._replace(when="generates-text", max_age_days=10),)))),
    )  # fmt: skip


def counted(suite: SuiteCounts, hits: int) -> SuiteCounts:
    """The sample's counts with other hits."""
    return suite._replace(hits=hits, imputed=0, toxic_samples=hits)


@cache
def releases() -> tuple[Evidence, ...]:
    """From spotless to hopeless; each signed by the sample organisation."""
    first, second = TOXICITY.suites
    more = [
        TOXICITY._replace(suites=(counted(first, a), counted(second, b)), attempts=attempts)
        for a, b, attempts in ((0, 0, 1), (0, 0, 2), (4, 2, 1), (8, 6, 1), (12, 1, 1))
    ]
    level = TOXICITY._replace(binding_level=3, generator="serve:vllm", suites=more[0].suites)
    old = TOXICITY._replace(finished_on="2026-10-22T14:00:00Z", suites=more[0].suites)
    fine = run_line(more[0])
    clean = CARD._replace(passed=("HP101", "HP102", "HP110"), warned=())
    waived = Waiver("HP203", "lee", "a research model", WAIVER.until)
    return (
        *(release(run=run_line(result)) for result in (*more, level, old)),
        release(run=fine, card=card_line(clean)),
        release(approval_line("sam"), run=fine),
        release(approval_line("sam"), approval_line("sue"), run=fine, card=card_line(clean)),
        release(approval_line("lee", "legal", "card"), run=fine),
        release(waiver_line(waived), run=run_line(more[4])),
        release(run=fine)._replace(remote_code=("config.json",)),
    )
