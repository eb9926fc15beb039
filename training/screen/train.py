"""Fine-tune MiniLM-L6 as a toxicity classifier: length buckets, averaged weights, resumable.

``python -m training.screen.train --prepared DIR --out DIR --minutes M`` goes on from ``OUT/state.pt`` when it is
there. The rate warms up, stays, and falls to zero only when ``--cooldown M`` is given, so that a run can be
extended with more data before it is brought to rest. Which of bf16 and fp32 is faster depends on the processor.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch

from training.screen.model import ScreenModel, load_base

if TYPE_CHECKING:
    from collections.abc import Iterator

TOKENS_PER_BATCH = 2304
MAX_BATCH = 96
WARMUP_STEPS = 300
EMA_DECAY = 0.998
LAYER_DECAY = 0.92
CHECKPOINT_SECONDS = 180.0


class Batch(NamedTuple):
    """Token ids (rows x longest, int64), mask of the same shape, labels and weights (rows)."""

    ids: torch.Tensor
    mask: torch.Tensor
    labels: torch.Tensor
    weights: torch.Tensor


class TrainingSet:
    """The tokenised rows of ``train.npz`` and a shuffled cut of them into batches of like length."""

    def __init__(self, path: Path) -> None:
        """Read ``path``; raises KeyError when an array is missing."""
        with np.load(path) as stored:
            self.ids = stored["ids"]
            self.lengths = stored["lengths"]
            self.labels = stored["labels"]
            self.weights = stored["weights"]
        self.starts = np.concatenate([[0], np.cumsum(self.lengths)[:-1]])

    def batches(self, rng: np.random.Generator) -> Iterator[Batch]:
        """Yield one pass: rows shuffled, sorted by length inside pools, pools cut by token budget."""
        order = rng.permutation(len(self.lengths))
        for pool in np.array_split(order, max(1, len(order) // 6000)):
            by_length = pool[np.argsort(self.lengths[pool], kind="stable")]
            cuts: list[list[int]] = [[]]
            for row in by_length:
                longest = int(self.lengths[row])
                full = len(cuts[-1]) >= min(MAX_BATCH, max(1, TOKENS_PER_BATCH // longest))
                if full:
                    cuts.append([])
                cuts[-1].append(int(row))
            for index in rng.permutation(len(cuts)):
                yield self._batch(cuts[index])

    def _batch(self, rows: list[int]) -> Batch:
        width = int(max(self.lengths[row] for row in rows))
        ids = np.zeros((len(rows), width), dtype=np.int64)
        mask = np.zeros((len(rows), width), dtype=np.int64)
        for i, row in enumerate(rows):
            size = int(self.lengths[row])
            ids[i, :size] = self.ids[self.starts[row] : self.starts[row] + size]
            mask[i, :size] = 1
        return Batch(
            torch.from_numpy(ids),
            torch.from_numpy(mask),
            torch.from_numpy(self.labels[rows]),
            torch.from_numpy(self.weights[rows]),
        )


def parameter_groups(model: ScreenModel, rate: float) -> list[dict[str, Any]]:
    """Return optimiser groups: lower layers learn slower, the head faster, no decay for norms and biases."""
    groups: dict[tuple[float, float], list[torch.nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        if name.startswith("head"):
            scale = 5.0
        elif "embeddings" in name:
            scale = LAYER_DECAY**7
        else:
            scale = LAYER_DECAY ** (5 - int(name.split("layer.")[1].split(".")[0]))
        decay = 0.0 if parameter.ndim == 1 or "embeddings" in name else 0.01
        groups.setdefault((scale, decay), []).append(parameter)
    return [
        {"params": params, "lr": rate * scale, "weight_decay": decay, "base": rate * scale}
        for (scale, decay), params in groups.items()
    ]


class Run:
    """Everything that a checkpoint holds: model, average, optimiser, random state, step."""

    def __init__(self, out: Path, rate: float, seed: int, *, bf16: bool) -> None:
        """Start afresh, or from ``out/state.pt``; ``bf16`` multiplies in 16 bits."""
        torch.manual_seed(seed)
        self.out = out
        self.bf16 = bf16
        self.model = ScreenModel(load_base())
        self.optimiser = torch.optim.AdamW(parameter_groups(self.model, rate), fused=True)
        self.step = 0
        self.rows = 0
        self.seconds = 0.0
        self.average = {k: v.clone() for k, v in self.model.state_dict().items()}
        if (out / "state.pt").exists():
            self._resume()

    def _resume(self) -> None:
        stored = torch.load(self.out / "state.pt", weights_only=True)
        self.model.load_state_dict(stored["model"])
        rates = [(group["lr"], group["base"]) for group in self.optimiser.param_groups]
        self.optimiser.load_state_dict(stored["optimiser"])
        for group, (rate, base) in zip(self.optimiser.param_groups, rates, strict=True):
            group["lr"], group["base"] = rate, base
        self.average = stored["average"]
        self.step, self.rows, self.seconds = stored["step"], stored["rows"], stored["seconds"]

    def save(self) -> None:
        """Write the checkpoint in place of the last one, whole or not at all."""
        state = {
            "model": self.model.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "average": self.average,
            "step": self.step,
            "rows": self.rows,
            "seconds": self.seconds,
        }
        torch.save(state, self.out / "state.tmp")
        (self.out / "state.tmp").replace(self.out / "state.pt")

    def advance(self, batch: Batch, scale: float) -> float:
        """Take one step at ``scale`` times the base rates; return the loss."""
        for group in self.optimiser.param_groups:
            group["lr"] = group["base"] * scale
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=self.bf16):
            logits = self.model(batch.ids, batch.mask)
        loss = torch.nn.functional.binary_cross_entropy_with_logits(
            logits[:, 0].float(), batch.labels, weight=batch.weights
        )
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimiser.step()
        self.step += 1
        self.rows += len(batch.labels)
        if self.step % 4 == 0:
            decay = min(EMA_DECAY, self.step / (self.step + 100)) ** 4
            for name, value in self.model.state_dict().items():
                self.average[name].lerp_(value, 1 - decay)
        return loss.item()


def train(run: Run, data: TrainingSet, minutes: float, cooldown: float, seed: int) -> None:
    """Train for ``minutes`` of wall time, the last ``cooldown`` of them with a falling rate."""
    rng = np.random.default_rng([seed, run.step])
    began = saved = time.monotonic()
    before, recent = run.seconds, []
    run.model.train()
    while True:
        for batch in data.batches(rng):
            elapsed = time.monotonic() - began
            left = minutes * 60 - elapsed
            if left <= 0 or (run.out / "stop").exists():
                run.save()
                return
            scale = min(1.0, (run.step + 1) / WARMUP_STEPS)
            if cooldown:
                scale = min(scale, left / (cooldown * 60))
            recent.append(run.advance(batch, scale))
            run.seconds = before + elapsed
            if run.step % 100 == 0:
                record = {"step": run.step, "rows": run.rows, "seconds": round(run.seconds)}
                mean = sum(recent) / len(recent)
                print(json.dumps({**record, "loss": round(mean, 4)}), flush=True)
                recent.clear()
            if time.monotonic() - saved > CHECKPOINT_SECONDS:
                run.save()
                saved = time.monotonic()


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prepared", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--cooldown", type=float, default=0.0)
    parser.add_argument("--rate", type=float, default=1.2e-4)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--precision", choices=("bf16", "fp32"), default="bf16")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(options.threads)
    run = Run(options.out, options.rate, options.seed, bf16=options.precision == "bf16")
    data = TrainingSet(options.prepared / "train.npz")
    train(run, data, options.minutes, options.cooldown, options.seed)


if __name__ == "__main__":
    main()
