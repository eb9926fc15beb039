# SPDX-License-Identifier: Apache-2.0
"""Loads safetensors that generate no text with transformers (extra ``[local]``), and runs them.

From the local folder alone, without remote code. Weights that the files lack are an error: random
ones would prove nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
import transformers

from hubpolicy.errors import ServiceError, UnsupportedError
from hubpolicy.ports import Probe

if TYPE_CHECKING:
    from pathlib import Path

MAINS = ("model.safetensors", "model.safetensors.index.json")
TOKENS, CHANNELS = 8, 3
_MAY_LACK = ("pooler.",)
_RANKS = {"last_hidden_state": (3, 4), "logits": (2, 3)}


def probe(main: Path, architecture: str) -> Probe:
    """Load ``main``'s folder as ``architecture`` (a name from the applicability table), run it.

    Raises:
        UnsupportedError: transformers has no such class, or would load another file.
        ServiceError: it does not load or run, weights are missing, or output is not finite.

    """
    kind = getattr(transformers, architecture, None)
    if kind is None or main.name not in MAINS:
        message = f"got {main.name} for {architecture}, expected {MAINS[0]} of a known class"
        raise UnsupportedError(message, hint="pip install -U 'hubpolicy[local]'")
    model = _load(kind, main.parent)
    inputs = _made_up(model)
    try:
        with torch.inference_mode():
            output = model(**inputs)
    except Exception as error:
        message = f"{architecture} in {main.parent} does not run: {error}"
        raise ServiceError(message) from error
    name = next((name for name in _RANKS if getattr(output, name, None) is not None), "")
    values = getattr(output, name, None) if name else None
    if values is None or values.dim() not in _RANKS[name] or not torch.isfinite(values).all():
        got = f"{name or 'nothing'} of shape {tuple(getattr(values, 'shape', ()))}"
        message = f"got {got}, expected finite features or logits, from {architecture}"
        raise ServiceError(message)
    runtime = (("torch", torch.__version__), ("transformers", transformers.__version__))
    return Probe(tuple(int(size) for size in values.shape), runtime)


def _load(kind: Any, folder: Path) -> Any:
    # Nothing but hubpolicy itself talks to the user.
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    try:
        model, report = kind.from_pretrained(
            str(folder),
            local_files_only=True,
            use_safetensors=True,
            output_loading_info=True,
        )
    except Exception as error:
        message = f"transformers cannot load {folder}: {error}"
        raise ServiceError(message) from error
    lacking = sorted(k for k in report["missing_keys"] if not k.startswith(_MAY_LACK))
    other = sorted([*map(str, report["mismatched_keys"]), *report["unexpected_keys"]])
    if lacking or other:
        got = f"missing {lacking[:3]} and unexpected {other[:3]}"
        message = f"got {got}, expected exactly the weights of {kind.__name__}, in {folder}"
        raise ServiceError(message)
    return model.eval()


def _made_up(model: Any) -> dict[str, Any]:
    if model.main_input_name == "pixel_values":
        size = getattr(model.config, "image_size", 224)
        height, width = size if isinstance(size, (list, tuple)) else (size, size)
        channels = getattr(model.config, "num_channels", CHANNELS)
        generator = torch.Generator().manual_seed(0)
        return {"pixel_values": torch.rand(1, channels, height, width, generator=generator)}
    return {"input_ids": torch.ones(1, TOKENS, dtype=torch.long)}
