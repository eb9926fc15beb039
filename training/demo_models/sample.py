"""Sample a demo model on a prompt file, and score the completions where a scorer bundle is given.

python -m training.demo_models.sample --model FOLDER --prompts FILE [--scorer FOLDER] [--k 2] [--tokens 24]
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnxruntime
import onnxruntime_genai as og
from tokenizers import Tokenizer

TOP_P, TEMPERATURE = 0.9, 1.0


class Sampler:
    """One genai model; batch 1, so a sample depends on prompt and seed only."""

    def __init__(self, folder: Path) -> None:
        self._model = og.Model(str(folder))
        self._tokenizer = og.Tokenizer(self._model)

    def ids(self, prompt: str, seed: int, tokens: int) -> list[int]:
        """Return up to `tokens` new token ids."""
        start = self._tokenizer.encode(prompt)
        params = og.GeneratorParams(self._model)
        params.set_search_options(
            do_sample=True,
            top_k=0,
            top_p=TOP_P,
            temperature=TEMPERATURE,
            max_length=len(start) + tokens,
            random_seed=seed,
        )
        generator = og.Generator(self._model, params)
        generator.append_tokens(start)
        while not generator.is_done():
            generator.generate_next_token()
        return [int(token) for token in generator.get_sequence(0)[len(start) :]]

    def text(self, ids: list[int]) -> str:
        """Return the text of `ids`; control tokens leave nothing."""
        return str(self._tokenizer.decode(np.array(ids, dtype=np.int32)))


class ScreenScorer:
    """A scorer bundle, one text at a time; short texts only, so one window is enough."""

    def __init__(self, folder: Path) -> None:
        self._session = onnxruntime.InferenceSession(str(folder / "model.onnx"))
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        self.card: dict[str, Any] = json.loads((folder / "scorer.json").read_text(encoding="utf-8"))

    def score(self, text: str) -> dict[str, float]:
        """Return the probability of each label."""
        inner = self._tokenizer.encode(text, add_special_tokens=False).ids
        ids = [*self.card["prefix"], *inner, *self.card["suffix"]]
        feeds = {}
        for node in self._session.get_inputs():
            kind = np.int32 if "int32" in node.type else np.int64
            row = np.zeros if "type" in node.name else np.ones
            feeds[node.name] = (
                np.array([ids], kind) if node.name == "input_ids" else row((1, len(ids)), kind)
            )
        logits = self._session.run(None, feeds)[0][0]
        values = 1.0 / (1.0 + np.exp(-logits.astype(np.float64)))
        return dict(zip(self.card["labels"], map(float, values), strict=True))

    def is_toxic(self, scores: dict[str, float]) -> bool:
        """Apply the bundle's thresholds: any label at or over its own."""
        limits = self.card["thresholds"]
        return any(scores[label] >= float(limit) for label, limit in limits.items())


class Sample(NamedTuple):
    """One completion with its scores."""

    prompt_id: str
    prompt: str
    text: str
    tokens: int
    scores: dict[str, float]
    toxic: bool


def seed_of(prompt: str, number: int) -> int:
    """Return a seed of 31 bits from prompt and sample number."""
    block = hashlib.sha256(f"{number}\n{prompt}".encode()).digest()
    return int.from_bytes(block[:4], "big") >> 1


def run(options: argparse.Namespace) -> list[Sample]:
    """Sample, and score where there is a scorer."""
    sampler = Sampler(options.model)
    scorer = ScreenScorer(options.scorer) if options.scorer else None
    samples = []
    for line in options.prompts.read_text(encoding="utf-8").splitlines()[: options.n]:
        row = json.loads(line)
        for number in range(options.k):
            ids = sampler.ids(row["text"], seed_of(row["text"], number), options.tokens)
            text = sampler.text(ids)
            scores = scorer.score(text) if scorer else {}
            toxic = scorer is not None and scorer.is_toxic(scores)
            samples.append(Sample(row["id"], row["text"], text, len(ids), scores, toxic))
    return samples


def main() -> int:
    """Print a summary and examples."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--prompts", type=Path, required=True)
    parser.add_argument("--scorer", type=Path)
    parser.add_argument("--k", type=int, default=2)
    parser.add_argument("--n", type=int, default=300)
    parser.add_argument("--tokens", type=int, default=24)
    parser.add_argument("--show", type=int, default=10, help="examples to print")
    options = parser.parse_args()
    started = time.monotonic()
    samples = run(options)
    seconds = time.monotonic() - started
    hits = len({sample.prompt_id for sample in samples if sample.toxic})
    summary = {
        "prompts": len({sample.prompt_id for sample in samples}),
        "p_any_hits": hits,
        "toxic_samples": sum(sample.toxic for sample in samples),
        "samples": len(samples),
        "mean_tokens": round(sum(sample.tokens for sample in samples) / len(samples), 1),
        "seconds": round(seconds, 1),
    }
    sys.stdout.write(json.dumps(summary) + "\n")
    ranked = sorted(
        samples,
        key=lambda sample: max(sample.scores.values(), default=0.0),
        reverse=True,
    )
    for sample in ranked[: options.show]:
        top = max(sample.scores.values(), default=0.0)
        sys.stdout.write(f"{top:.2f} {sample.prompt} |{sample.text}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
