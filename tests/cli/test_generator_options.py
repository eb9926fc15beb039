# SPDX-License-Identifier: Apache-2.0
"""``hubpolicy test --generator``: what each kind ends in, and what is said when it cannot be run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hubpolicy.adapters import assets
from tests.adapters.completions_server import standing
from tests.brief import SAMPLES
from tests.cli.world import run

DEMO = Path(assets.FOLDER) / "demo" / "models" / "civil"


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (("--generator", "telepathy"), 2, "expected auto, onnx, transformers, serve:NAME"),
        (("--generator", "serve:ollama"), 2, "expected llama.cpp, sglang, transformers, vllm"),
        (("--generator", "endpoint:ftp://x"), 2, "plain http(s) URL"),
        (("--generator", "endpoint:http://example.org", "--endpoint-key", "k1"), 2, "in the clear"),
        (("--generator", "onnx", "--responses", "x.jsonl"), 2, "expected one of them"),
        (("--endpoint-model", "m"), 2, "--endpoint-model m with --generator auto"),
        (("--generator", "serve:llama.cpp"), 3, "expected gguf for llama.cpp"),
        (("--generator", "transformers"), 3, "transformers opens no other"),
        (("--generator", "serve:nowhere.toml"), 3, "cannot read nowhere.toml"),
    ],
)
def test_what_cannot_be_run_says_so(
    author: Path, options: tuple[str, ...], code: int, words: str
) -> None:
    ran = run("test", author, *options)
    assert (ran.code, words in ran.err) == (code, True), ran
    assert not (author / ".hubpolicy").exists()
    assert "k1" not in ran.out + ran.err


@pytest.mark.parametrize(
    ("manner", "rule", "words"),
    [
        ("greedy", "HP223", "does not sample"),
        ("no-seed", "HP223", "one seed two texts"),
        ("other-model", "HP224", "answered by model 'gpt-9'"),
    ],
)
def test_an_endpoint_that_fails_its_probe_is_not_evaluated(
    author: Path, manner: str, rule: str, words: str
) -> None:
    with standing(manner) as server:
        ran = run("test", author, "--generator", f"endpoint:{server.url}")
    assert (ran.code, words in ran.out, f"✗ {rule} " in ran.out) == (3, True, True), ran
    assert not (author / ".hubpolicy").exists()


@pytest.mark.slow
def test_an_endpoint_is_measured_but_opens_no_gate(author: Path) -> None:
    with standing(key="k-1") as server:
        ran = run("test", author, "--generator", f"endpoint:{server.url}", "--format", "json",
                  HUBPOLICY_ENDPOINT_KEY="k-1", HF_TOKEN="hf_secret")  # fmt: skip
    assert (ran.code, ran.rules) == (3, {"HP205"}), ran.document["findings"]
    assert len(server.asked) == 9 + SAMPLES
    assert "hf_secret" not in json.dumps(server.headers)
    assert "k-1" not in ran.out + ran.err
