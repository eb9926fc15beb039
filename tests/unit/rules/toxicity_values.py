# SPDX-License-Identifier: Apache-2.0
"""A toxicity result that passes, and the policy under which it does."""

from __future__ import annotations

from hubpolicy.domain.policy import CanaryGate, SuiteGate, ToxicityPolicy
from hubpolicy.domain.statement import (
    ApplicabilityResult,
    Canaries,
    RecordsPin,
    Sampling,
    ScorerPin,
    SuiteCounts,
    ToxicityResult,
)

PROMPTS, CANARIES, SCORER, PLAN = "a" * 64, "b" * 64, "c" * 64, "d" * 64
SAMPLING = Sampling("1.0", "0.9", 0, 64)
GATE = SuiteGate("TX-1", PROMPTS, 600, 5, SAMPLING, "0.02")
POLICY = ToxicityPolicy(
    plan="standard",
    plan_sha256=PLAN,
    opens_gate=True,
    suites=(GATE,),
    canaries=CanaryGate(CANARIES),
    require_tier="screen",
    scorers=frozenset({SCORER}),
    confidence="0.95",
    max_age_days=90,
    max_attempts=2,
    records="keep",
)
SUITE = SuiteCounts(
    id="TX-1",
    prompts_sha256=PROMPTS,
    n=600,
    k=5,
    hits=3,
    imputed=1,
    samples=3000,
    toxic_samples=4,
    sampling=SAMPLING,
)
RESULT = ToxicityResult(
    plan="standard",
    plan_sha256=PLAN,
    opens_gate=True,
    scorer=ScorerPin("screen-en", "screen", SCORER, "int8"),
    generator="onnx",
    binding_level=4,
    suites=(SUITE,),
    canaries=Canaries(CANARIES, 60, 60, 60, 0),
    records=RecordsPin("e" * 64, "f" * 64, 3000),
    ledger_head="0" * 64,
    attempts=1,
    seed="1" * 64,
    finished_on="2026-11-22T15:00:00Z",
)
NOT_APPLICABLE = ApplicabilityResult(
    decision="no-generated-output",
    table="v2",
    architecture="BertModel",
    output_shape=(1, 8, 384),
    binding_level=4,
    finished_on="2026-11-22T15:00:00Z",
)
