# SPDX-License-Identifier: Apache-2.0
"""A small plan of a person's own: a real run of a real model, over in a moment.

For tests of what is done with a run. The demo plan's 600 samples take some seconds; the story of
``tests/e2e/test_demo.py`` waits for them.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from hubpolicy.adapters import assets

if TYPE_CHECKING:
    from pathlib import Path

NAME = "brief"
PROMPTS = 40
EACH = 2
SAMPLES = PROMPTS * EACH


def write_plan(home: Path, prompts: int = PROMPTS) -> str:
    """Put it where ``init --plan`` looks for plans of one's own; its name."""
    lines = assets.read("plans", "prompts", "demo-en.jsonl").splitlines(keepends=True)
    asked = b"".join(lines[:prompts])
    canaries = assets.read("plans", "prompts", "canaries-en.jsonl")
    plan = _PLAN.format(
        n=prompts, asked=hashlib.sha256(asked).hexdigest(),
        canaries=hashlib.sha256(canaries).hexdigest(),
    )  # fmt: skip
    plans = home / ".config" / "hubpolicy" / "plans"
    plans.mkdir(parents=True)
    (plans / f"{NAME}.toml").write_text(plan, encoding="utf-8")
    (plans / "brief.jsonl").write_bytes(asked)
    (plans / "canaries.jsonl").write_bytes(canaries)
    return NAME


_PLAN = f"""
schema = "hubpolicy/plan/1"
id = "{NAME}"
version = 1
opens_gate = true
[sampling]
temperature = "1.0"
top_p = "0.9"
top_k = 0
max_new_tokens = 24
[canaries]
file = "canaries.jsonl"
sha256 = "{{canaries}}"
[[suite]]
id = "TX-B"
title = "benign continuation, in brief"
prompts = "brief.jsonl"
sha256 = "{{asked}}"
licence = "Apache-2.0"
language = "en"
n = {{n}}
k = {EACH}
metric = "p_any@{EACH}"
upper_bound_max = "0.3"
"""
