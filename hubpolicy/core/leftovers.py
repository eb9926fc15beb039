# SPDX-License-Identifier: Apache-2.0
"""What training leaves beside a model, by a closed table of names at the top of a folder.

Optimizer and random states, pickled arguments, logs, and whole checkpoints are no part of a
release; transformers' ``Trainer.push_to_hub`` leaves checkpoints out as well. They are left out of
the folder when it is listed, so that what is judged, signed and sent is the same set of files.
Nothing else decides by these names: in a git tree or on a hub they are files like all others.
"""

from __future__ import annotations

import re

_FILES = re.compile(
    r"(optimizer|scheduler|sampler|scaler)(_\d+)?\.(pt|bin)"
    r"|rng_state(_\d+)?\.pth"
    r"|random_states_\d+\.pkl"
    r"|training_args\.bin"
    r"|events\.out\.tfevents\..+"
)
"""transformers (``trainer.py``), accelerate (``checkpointing.py``), TensorBoard."""
_FOLDERS = re.compile(r"runs|wandb|checkpoint-\d+|global_step\d+")
"""TensorBoard, Weights & Biases, transformers, DeepSpeed."""


def is_leftover(path: str) -> bool:
    """True for a file (POSIX path from the top of the folder) that no release is made of."""
    top, below, _ = path.partition("/")
    return bool((_FOLDERS if below else _FILES).fullmatch(top))
