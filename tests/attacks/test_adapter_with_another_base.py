# SPDX-License-Identifier: Apache-2.0
"""An adapter is tested on the base that it pins, by the command that people type."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from hubpolicy.core.bundle import parse_bundle
from hubpolicy.core.line_files import RELEASE_FILE
from tests.adapters.test_adapter_generator import write_adapter
from tests.adapters.tiny_models import llama, write_model
from tests.brief import CANARIES, plan_text
from tests.cli.test_quantized import CARD, PROMPTS
from tests.cli.world import Ran, run

pytestmark = [
    pytest.mark.torch,
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning"),
]


@pytest.fixture
def adapter(tmp_path: Path) -> Path:
    """A policy that asks twenty prompts, an adapter, and beside it the base that it pins."""
    plans = Path(os.environ["HOME"]) / ".config" / "hubpolicy" / "plans"
    plans.mkdir(parents=True)
    (plans / "house.toml").write_text(plan_text("house", PROMPTS, n=20, bound="0.2"))
    (plans / "house.jsonl").write_bytes(PROMPTS)
    (plans / "canaries.jsonl").write_bytes(CANARIES)
    ran = run("init", "--name", "ada", "--namespace", "acme", "--model-kind", "base", "--plan",
              "house", "--no-passphrase")  # fmt: skip
    assert ran.code == 0, ran
    base = write_model(tmp_path / "base", llama)
    folder = write_adapter(tmp_path / "adapter", base)
    shutil.copyfile(CARD, folder / "README.md")
    return folder


def tested(adapter: Path, base: Path) -> Ran:
    return run("test", adapter, "--base", base, "--format", "json")


tested.__test__ = False  # type: ignore[attr-defined]


def test_the_pinned_base_is_in_the_evidence_and_another_one_blocks(adapter: Path) -> None:
    base = adapter.parent / "base"
    other = Path(shutil.copytree(base, adapter.parent / "other"))
    weights = load_file(other / "model.safetensors")
    weights["lm_head.weight"] *= -1
    save_file(weights, other / "model.safetensors", {"format": "pt"})
    ran = tested(adapter, other)
    assert (ran.code, ran.rules) == (1, {"HP414"}), ran
    assert "other files than those of acme/base at 777777777777: model.safetensors" in ran.out
    ran = run("test", adapter)
    assert (ran.code, ran.out) == (3, "")
    assert "expected the folder of its base" in ran.err
    assert not (adapter / ".hubpolicy").exists()

    ran = tested(adapter, base)
    assert ran.rules <= {"HP203", "HP211", "HP216"}, ran  # random weights babble
    (line,) = (adapter / RELEASE_FILE).read_bytes().splitlines()
    generator = json.loads(parse_bundle(line, where="the line").payload)["predicate"]["generator"]
    assert generator["bindingLevel"] == 4
    assert {"name": "base", "version": f"acme/base@{'7' * 40}"} in generator["runtime"]
    verified = run("verify", adapter, "--repo", "acme/tern")
    for said in (ran.document, verified.out):
        assert f"acme/base@{'7' * 40}" in str(said)
        assert "that they are that commit's is the author's word, unless verify --ask-base" in str(
            said
        )

    for name, change in (
        ("base_config.json", {"revision": "8" * 40}),
        ("adapter_config.json", {"base_model_name_or_path": "acme/other"}),
    ):
        path = adapter / name
        before = path.read_bytes()
        path.write_text(json.dumps(json.loads(before) | change))
        ran = run("verify", adapter, "--repo", "acme/tern", "--format", "json")
        assert ran.code == 1
        assert {"HP201", "HP409"} & ran.rules, ran
        if name == "adapter_config.json":
            ran = run("check", adapter, "--format", "json")
            assert "HP414" in ran.rules
        path.write_bytes(before)
