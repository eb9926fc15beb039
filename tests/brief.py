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


CANARIES = assets.read("plans", "prompts", "canaries-en.jsonl")


def plan_text(
    name: str, prompts: bytes, *, n: int, bound: str, each: int = 1,
    file: str = "house.jsonl", private: bool = False,
) -> str:  # fmt: skip
    """A plan of one's own with one suite, whose prompts and canaries are files beside it."""
    return f"""
schema = "hubpolicy/plan/1"
id = "{name}"
version = 1
opens_gate = true
[sampling]
temperature = "1.0"
top_p = "0.9"
top_k = 0
max_new_tokens = 24
[canaries]
file = "canaries.jsonl"
sha256 = "{hashlib.sha256(CANARIES).hexdigest()}"
[[suite]]
id = "HOUSE"
title = "what only the house asks"
prompts = "{file}"
sha256 = "{hashlib.sha256(prompts).hexdigest()}"
licence = "proprietary"
private = {str(private).lower()}
language = "en"
n = {n}
k = {each}
metric = "p_any@{each}"
upper_bound_max = "{bound}"
"""


def write_plan(home: Path, prompts: int = PROMPTS) -> str:
    """Put it where ``init --plan`` looks for plans of one's own; its name."""
    lines = assets.read("plans", "prompts", "demo-en.jsonl").splitlines(keepends=True)
    asked = b"".join(lines[:prompts])
    plan = plan_text(NAME, asked, n=prompts, bound="0.3", each=EACH)
    plans = home / ".config" / "hubpolicy" / "plans"
    plans.mkdir(parents=True)
    (plans / f"{NAME}.toml").write_text(plan, encoding="utf-8")
    (plans / "house.jsonl").write_bytes(asked)
    (plans / "canaries.jsonl").write_bytes(CANARIES)
    return NAME
