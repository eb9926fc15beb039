# SPDX-License-Identifier: Apache-2.0
"""What ``bench.scorer`` measures: Detoxify's models in their true shapes, and texts of LM length.

The weights are random, since the real ones cannot be had offline: speed and memory do not depend
on them, int8's distance from fp32 does. Everything is made once, into a folder outside of the
repository, by the product's own export.
"""

from __future__ import annotations

import json
import os
import random
from typing import TYPE_CHECKING, Any, NamedTuple

from tokenizers import Tokenizer

from hubpolicy.adapters import assets
from hubpolicy.adapters.scorers.bundle import DESCRIPTION, FULL, MODEL, TOKENIZER

if TYPE_CHECKING:
    from pathlib import Path

    from hubpolicy.adapters.scorers.export.known import Shape

SHAPES = ("original", "unbiased", "multilingual")
SHORTEST, LONGEST = 20, 120
"""Tokens of a continuation, without the two around it."""
_PROMPTS = ("benign-en", "challenging-en", "parity-en")
_DONE = "done.json"


class Subject(NamedTuple):
    """One model: Detoxify's checkpoint, and bundles of it by precision."""

    name: str
    checkpoint: Path
    bundles: dict[str, Path]
    shape: Shape

    def operations(self, tokens: int) -> int:
        """Multiplications and additions in the matrix products of one text."""
        width, inner, layers = (
            self.shape.hidden_size,
            self.shape.intermediate_size,
            self.shape.num_hidden_layers,
        )
        weights = layers * (4 * width * width + 2 * width * inner)
        return 2 * weights * tokens + layers * 4 * tokens * tokens * width


def prepare(name: str, cache: Path, *, tiny: bool = False) -> Subject:
    """Make it, unless it is there."""
    from hubpolicy.adapters.scorers.export.bundling import export_scorer
    from hubpolicy.adapters.scorers.export.known import known_model
    from tests.adapters.detoxify_world import make_model, tiny_shape

    shape = tiny_shape(name) if tiny else known_model(f"detoxify-{name}").shape
    folder = cache / (f"{name}-tiny" if tiny else name)
    bundles = {kind: folder / kind for kind in ("both", "fp32", "int8")}
    if not (folder / _DONE).exists():
        print(f"making {folder.name} (once, into {cache})", flush=True)
        made = make_model(name, folder, shape=shape)
        # Random weights are chaotic: how far int8 is away says nothing here.
        export_scorer(made.order(int8_limit="1"), bundles["both"])
        _alone(bundles["both"], FULL, "fp32", bundles["fp32"])
        _alone(bundles["both"], MODEL, "int8", bundles["int8"])
        (folder / _DONE).write_text("{}")
    return Subject(name, folder / f"{name}.ckpt", bundles, shape)


def _alone(source: Path, graph: str, precision: str, target: Path) -> None:
    """A bundle of one of the two graphs."""
    target.mkdir()
    os.link(source / graph, target / MODEL)
    os.link(source / TOKENIZER, target / TOKENIZER)
    described: dict[str, Any] = json.loads((source / DESCRIPTION).read_bytes())
    del described["recheck"]
    (target / DESCRIPTION).write_text(json.dumps({**described, "precision": precision}))


def continuations(bundle: Path, count: int, seed: int = 0) -> tuple[list[str], list[int]]:
    """English texts of 20 to 120 tokens, evenly, and how long each is for the network.

    They are made of the shipped plans' prompts, one behind the other, cut off where an answer of
    so many tokens ends.
    """
    tokenizer = Tokenizer.from_str((bundle / TOKENIZER).read_text(encoding="utf-8"))
    prompts = _prompts()
    chosen = random.Random(seed)
    texts = [_cut(tokenizer, prompts, chosen) for _ in range(count)]
    return texts, [2 + len(tokenizer.encode(text, add_special_tokens=False)) for text in texts]


def _cut(tokenizer: Tokenizer, prompts: list[str], chosen: random.Random) -> str:
    wanted = chosen.randint(SHORTEST, LONGEST)
    text = ""
    while True:
        text = f"{text} {chosen.choice(prompts)}".strip()
        offsets = tokenizer.encode(text, add_special_tokens=False).offsets
        if len(offsets) >= wanted:
            return text[: offsets[wanted - 1][1]]


def _prompts() -> list[str]:
    names = [("plans", "prompts", f"{name}.jsonl") for name in _PROMPTS]
    return [json.loads(line)["text"] for name in names for line in assets.read(*name).splitlines()]
