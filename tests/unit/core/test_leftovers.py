# SPDX-License-Identifier: Apache-2.0
"""A closed table: what it does not name is a file of the release, whatever it looks like."""

from __future__ import annotations

import pytest

from hubpolicy.core.leftovers import is_leftover

LEFT = (
    "optimizer.pt", "optimizer.bin", "optimizer_0.bin", "scheduler.pt", "scaler.pt",
    "rng_state.pth", "rng_state_3.pth", "random_states_0.pkl", "training_args.bin",
    "events.out.tfevents.1700000000.host.1.0", "runs/Nov23_host/events.out.tfevents.1",
    "wandb/run-1/logs/debug.log", "checkpoint-500/model.safetensors", "checkpoint-500/a/b",
    "global_step100/mp_rank_00_model_states.pt",
)  # fmt: skip
KEPT = (
    "model.safetensors", "pytorch_model.bin", "trainer_state.json", "optimizer.safetensors",
    "unet/optimizer.pt", "my_optimizer.pt", "optimizer.pt.bak", "training_args.bin/x", "runs",
    "checkpoint-500", "checkpoint-best/model.safetensors", "checkpoint-/x", "checkpoint-5x/x",
    "sub/checkpoint-500/model.safetensors", "sub/runs/x", "Optimizer.pt", "events.out.tfevents",
    "rng_state.pt", "README.md", "",
)  # fmt: skip


@pytest.mark.parametrize("path", LEFT)
def test_what_a_trainer_leaves_is_known_by_its_name(path: str) -> None:
    assert is_leftover(path)


@pytest.mark.parametrize("path", KEPT)
def test_everything_else_is_judged(path: str) -> None:
    assert not is_leftover(path)
