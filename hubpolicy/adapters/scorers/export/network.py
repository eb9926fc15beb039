# SPDX-License-Identifier: Apache-2.0
"""Builds the classifier in torch from tensors that were read, with nothing missing or left over."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import torch
import transformers

from hubpolicy.errors import MalformedError

if TYPE_CHECKING:
    from hubpolicy.adapters.scorers.export.checkpoint import Weights
    from hubpolicy.adapters.scorers.export.known import Known, Shape

# Older versions of transformers saved a buffer, and a pooler that these heads never used.
_IGNORED = re.compile(
    r"(bert|roberta)\.embeddings\.(position_ids|token_type_ids)|roberta\.pooler\..+"
)


def build_network(weights: Weights, shape: Shape) -> Any:
    """The classifier in fp32 and evaluation mode, with all its outputs, attention written out.

    ``attn_implementation="eager"``: the default one (sdpa) leaves ONNX Runtime's optimiser nothing
    that it would know as attention (measured: 0 of 12 fused).

    Raises:
        MalformedError: tensors are missing, left over, or of another shape.

    """
    kind = getattr(transformers, weights.architecture)
    config = kind.config_class(**shape._asdict(), num_labels=weights.outputs)
    config._attn_implementation = "eager"  # noqa: SLF001 - the documented way needs a folder
    model = kind(config)
    state = {
        name: value.to(torch.float32) if value.is_floating_point() else value
        for name, value in weights.state.items()
        if not _IGNORED.fullmatch(name)
    }
    _load(model, state, weights.file)
    return model.eval()


def columns(classes: tuple[str, ...], known: Known) -> tuple[int, ...]:
    """Which output is which label of the lock, found by name: the order differs between models.

    Raises:
        MalformedError: a label is missing.

    """
    missing = [label for label in known.labels if label not in classes]
    if missing:
        got = ", ".join(classes)
        message = f"got labels {got}, expected also {', '.join(missing)}, for {known.name}"
        raise MalformedError(message, hint="export from the checkpoint, which names its classes")
    return tuple(classes.index(label) for label in known.labels)


def longest(shape: Shape, architecture: str) -> int:
    """Tokens that the network takes, special ones included (RoBERTa counts from padding on)."""
    if architecture.startswith("Bert"):
        return shape.max_position_embeddings
    return shape.max_position_embeddings - shape.pad_token_id - 1


def _load(model: Any, state: dict[str, torch.Tensor], where: str) -> None:
    wanted = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    got = {name: tuple(value.shape) for name, value in state.items()}
    if wanted != got:
        missing, extra = sorted(wanted.keys() - got.keys()), sorted(got.keys() - wanted.keys())
        other = [f"{name} {got[name]}, expected {wanted[name]}"
                 for name in sorted(wanted.keys() & got.keys())
                 if got[name] != wanted[name]]  # fmt: skip
        message = (
            f"got missing {missing[:3]}, left over {extra[:3]}, of another shape {other[:3]}, "
            f"expected exactly the tensors of {type(model).__name__}, in {where}"
        )
        raise MalformedError(message, hint="--tokenizer: the folder of its own base model")
    model.load_state_dict(state)
