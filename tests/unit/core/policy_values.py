# SPDX-License-Identifier: Apache-2.0
"""Policies in the neighbourhood of the sample one, and releases that some of them let pass."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from hubpolicy.core import statements
from hubpolicy.core.statements import closure_digest
from hubpolicy.domain.finding import Severity
from hubpolicy.domain.manifest import make_manifest
from hubpolicy.domain.policy import (
    DegenerationGate,
    EvidenceItem,
    EvidenceMetric,
    QuantizedPlan,
    RoleRequirement,
    RuleSetting,
    SuiteGate,
)
from hubpolicy.domain.statement import ForeignMetric, SuiteCounts, Waiver
from tests.golden.samples import (
    CARD,
    CLOSURE,
    EVIDENCE,
    MANIFEST,
    SAMPLING,
    TOXICITY,
    WAIVER,
    entry,
    sha,
)
from tests.unit.core.release_world import (
    POLICY,
    approval_line,
    card_line,
    release,
    run_line,
    signed,
    waiver_line,
)

if TYPE_CHECKING:
    from hubpolicy.core.evidence import Evidence
    from hubpolicy.core.verify import VerifiedStatement
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
LOW = (MT_BENCH.metrics[0]._replace(threshold="5"),)
MORE = MT_BENCH._replace(
    metrics=(EvidenceMetric("extra", (("metric", "extra"), ("task", "mt_bench")), "at least", "0"),
             *MT_BENCH.metrics)
)  # fmt: skip


Q4 = (
    entry("q4/model.safetensors", b"four bits", small=False),
    entry("q4/config.json", b"{}"),
    entry("q4/tokenizer.json", b"[]"),
)
SMALL = QuantizedPlan(
    "quantized",
    sha("quantized"),
    (SuiteGate("TX-1", sha("prompts"), 300, 5, SAMPLING, "0.03"),),
)


def foreign(score: str, *more: ForeignMetric) -> VerifiedStatement:
    """MT-Bench as somebody measured it, signed by the checker."""
    measured = EVIDENCE._replace(metrics=(*more, EVIDENCE.metrics[0]._replace(value=score)))
    return signed(statements.foreign_statement(measured, CLOSURE, tool_version="0.1.0"), "ci")


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
        quantized=draw(one((None, SMALL, SMALL._replace(plan="q2")))),
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
        history=draw(one(("all", "tips"))),
        card=POLICY.card._replace(rules=draw(one((("HP101",), ("HP101", "HP110"))))),
        toxicity=toxicity,
        roles=roles,
        rules=draw(
            one(((),
                 (RuleSetting("HP110", Severity.ERROR, waivable=False),),
                 (RuleSetting("HP110", Severity.OFF, waivable=False),),
                 (RuleSetting("HP203", Severity.ERROR, waivable=True),)))
        ),
        evidence=draw(one(((), (), (MT_BENCH,), (MORE,), (MT_BENCH._replace(metrics=LOW),),
                           (MT_BENCH._replace(when="generates-text", max_age_days=10),)))),
    )  # fmt: skip


LOOSE = POLICY._replace(
    min_level=0,
    card=POLICY.card._replace(rules=("HP101",)),
    toxicity=POLICY.toxicity._replace(confidence="0.9"),
    rules=(RuleSetting("HP203", Severity.ERROR, waivable=True),),
)
"""Most of the releases below pass it."""

TOXICITY_CHANGES: tuple[dict[str, object], ...] = (
    {"confidence": "0.95"}, {"confidence": "0.99"}, {"max_attempts": 0}, {"max_age_days": 1},
    {"require_tier": "detoxify"}, {"degeneration": DegenerationGate()},
    {"degeneration": DegenerationGate(20, "0.1")},
    {"suites": (*POLICY.toxicity.suites, ENGLISH)}, {"suites": (*POLICY.toxicity.suites, GERMAN)},
    {"suites": (POLICY.toxicity.suites[0]._replace(upper_bound_max="0.01"),
                POLICY.toxicity.suites[1])},
    {"suites": (POLICY.toxicity.suites[0], POLICY.toxicity.suites[1]._replace(n=301))},
    {"suites": POLICY.toxicity.suites[:1]},
    {"quantized": SMALL},
    {"quantized": SMALL._replace(suites=(SMALL.suites[0]._replace(upper_bound_max="0.001"),))},
    {"scorers": frozenset((sha("scorer"), sha("other")))}, {"scorers": frozenset((sha("other"),))},
)  # fmt: skip
SAFETY = RoleRequirement("approver:safety", 1, "closure")
CHANGES: tuple[dict[str, object], ...] = (
    {"min_level": 3}, {"min_level": 4}, {"expires": "2026-12-31"}, {"expires": "2026-11-21"},
    {"weights": ("safetensors",)}, {"weights": ("onnx",)}, {"namespaces": ()},
    {"allowed_files": frozenset(("config.json",))},
    {"card": POLICY.card}, {"card": POLICY.card._replace(rules=("HP101", "HP110"))},
    {"roles": (*POLICY.roles, SAFETY)}, {"roles": (*POLICY.roles, SAFETY._replace(threshold=2))},
    {"roles": (*POLICY.roles, RoleRequirement("approver:legal", 1, "card"))},
    {"roles": (POLICY.roles[0], RoleRequirement("checker", 1, distinct_from="releaser"))},
    {"rules": ()}, {"rules": (RuleSetting("HP110", Severity.ERROR, waivable=False),)},
    {"rules": (RuleSetting("HP110", Severity.OFF, waivable=False),)},
    {"evidence": (MT_BENCH,)}, {"evidence": (MORE,)},
    {"evidence": (MT_BENCH._replace(metrics=LOW),)},
    {"evidence": (MT_BENCH._replace(when="generates-text", max_age_days=10),)},
)  # fmt: skip


@st.composite
def neighbours(draw: st.DrawFn) -> Policy:
    """The loose policy with a few keys of its own; many of the releases still pass."""
    policy = LOOSE
    for change in draw(st.lists(st.sampled_from(CHANGES), max_size=2)):
        policy = policy._replace(**change)  # type: ignore[arg-type]
    for change in draw(st.lists(st.sampled_from(TOXICITY_CHANGES), max_size=2)):
        policy = policy._replace(toxicity=policy.toxicity._replace(**change))  # type: ignore[arg-type]
    return policy


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
    few = counted(first, 1)._replace(n=300, samples=1500, answered=1499)
    claimed = TOXICITY._replace(
        suites=(few,), records=TOXICITY.records._replace(count=1500),
        quantized_from=closure_digest(CLOSURE),
    )  # fmt: skip
    both = make_manifest([*MANIFEST.entries, *Q4])
    clean = CARD._replace(passed=("HP101", "HP102", "HP110"), warned=())
    extra = ForeignMetric("extra", "1", MORE.metrics[0].source, 80, "at least", "0")
    waived = Waiver("HP203", "lee", "a research model", WAIVER.until)
    return (
        *(release(run=run_line(result)) for result in (*more, level, old)),
        release(run=fine, card=card_line(clean)),
        release(approval_line("sam"), run=fine),
        release(approval_line("sam"), approval_line("sue"), run=fine, card=card_line(clean)),
        release(approval_line("lee", "legal", "card"), run=fine),
        release(waiver_line(waived), run=run_line(more[4])),
        release(run=fine)._replace(remote_code=("config.json",)),
        release(foreign("7"), run=fine),
        release(run_line(claimed, closure=Q4), run=fine, manifest=both),
        release(
            run_line(more[2]._replace(quantized_from=sha("?")), closure=Q4), run=fine, manifest=both
        ),
        release(foreign("5.5"), foreign("7", extra), run=fine),
    )
