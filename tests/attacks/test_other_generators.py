# SPDX-License-Identifier: Apache-2.0
"""An author who measured something else than the bytes, and signs that it was the bytes."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from hubpolicy.adapters.files import FolderRelease
from hubpolicy.core.gatefile import load_gate
from hubpolicy.core.judge import judge
from hubpolicy.core.serving import SHIPPED
from hubpolicy.flows.assemble import assemble
from tests.hook import gate_world
from tests.hook.gate_world import POLICY, TARGET, person, sign

if TYPE_CHECKING:
    from hubpolicy.domain.finding import Decision
    from hubpolicy.domain.policy import Policy

CIVIL = Path(__file__).parents[2] / "hubpolicy" / "assets" / "demo" / "models" / "civil"
NOW = "2026-01-02T03:05:00Z"
OWN = "ab" * 32
GGUF = b"GGUF\x03\0\0\0" + b"evil" * 256


@pytest.fixture
def model(tmp_path: Path) -> Path:
    shutil.copytree(CIVIL, tmp_path / "model")
    (tmp_path / "model" / "README.md").write_bytes(b"---\nlicense: mit\n---\n# Civil\n")
    return tmp_path / "model"


def gate(folder: Path, policy: Policy = POLICY) -> Decision:
    resolved, trust, _ = load_gate(person("ada", policy).gate)
    return judge(assemble(FolderRelease(folder), TARGET, resolved, trust, NOW))


@pytest.fixture
def claims(monkeypatch: pytest.MonkeyPatch) -> object:
    """Make the signed line say that another generator was used."""
    honest = gate_world.toxicity

    def claim(**fields: Any) -> None:
        monkeypatch.setattr(gate_world, "toxicity", lambda _: honest()._replace(**fields))

    return claim


def runtime(digest: str) -> tuple[tuple[str, str], ...]:
    return (("serve-template", digest), ("server-llama.cpp", "b9876"))


@pytest.mark.parametrize(
    "fields",
    [
        {"generator": "responses", "binding_level": 4},
        {"generator": "responses", "binding_level": 1},
        {"generator": "endpoint", "binding_level": 4},
        {"generator": "endpoint", "binding_level": 2},
        {"generator": "by-hand", "binding_level": 4},
        {"generator": "serve", "binding_level": 4},
        {"generator": "serve", "binding_level": 4, "runtime": runtime(OWN)},
        {"generator": "serve", "binding_level": 2, "runtime": runtime(OWN)},
        {"generator": "serve", "binding_level": 4, "runtime": runtime(OWN) + runtime(min(SHIPPED))},
    ],
)
def test_no_line_lifts_a_generator_above_itself(
    model: Path, claims: object, fields: dict[str, Any]
) -> None:
    assert callable(claims)
    claims(**fields)
    sign(model, person())
    decision = gate(model)
    assert decision.verdict == "inconclusive"
    assert "HP205" in {finding.rule for finding in decision.findings}


@pytest.mark.parametrize(
    "fields",
    [
        {"generator": "transformers", "binding_level": 4},
        {"generator": "serve", "binding_level": 4, "runtime": runtime(min(SHIPPED))},
    ],
)
def test_what_hubpolicy_loads_passes(model: Path, claims: object, fields: dict[str, Any]) -> None:
    assert callable(claims)
    claims(**fields)
    sign(model, person())
    assert gate(model).verdict == "passed"


def test_a_template_counts_for_the_policy_that_pins_it(model: Path, claims: object) -> None:
    assert callable(claims)
    claims(generator="serve", binding_level=4, runtime=runtime(OWN))
    pinning = POLICY._replace(toxicity=POLICY.toxicity._replace(templates=frozenset({OWN})))
    sign(model, person("ada", pinning))
    assert gate(model, pinning).verdict == "passed"


def test_a_gguf_beside_what_was_tested_blocks(model: Path) -> None:
    tested = [e for e in FolderRelease(model).manifest.entries if e.path != "README.md"]
    (model / "civil.Q4_K_M.gguf").write_bytes(GGUF)
    sign(model, person(), loaded=tested)
    decision = gate(model)
    assert decision.verdict != "passed"
    assert "HP409" in {finding.rule for finding in decision.findings}
