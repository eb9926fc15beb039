# SPDX-License-Identifier: Apache-2.0
"""Puts a LoRA adapter on its base with PEFT (extra ``[local]``): in this process, offline.

Both halves are hashed before: the adapter is the closure, the base what it pins. Only what PEFT
does without code of others and without touching the base's weights is loaded, and afterwards every
tensor of the adapter's file must stand in the model, and no other.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from hubpolicy.adapters.generators.transformers_folder import read_object
from hubpolicy.adapters.loaders import refuse_unopened
from hubpolicy.core import layouts
from hubpolicy.core.adapter_base import ADAPTER, WEIGHTS
from hubpolicy.errors import ServiceError, UnsupportedError

if TYPE_CHECKING:
    from pathlib import Path

    from hubpolicy.core.closure import Closure

SINGLE = f"{WEIGHTS}safetensors"
_PLAIN_STARTS = (True, False, "gaussian")
_NOTHING = ("megatron_config", "loftq_config", "eva_config", "corda_config", "lora_ga_config",
            "arrow_config")  # fmt: skip
"""Settings that import a module by name, or compute from other data than the files."""


def inspect_adapter(root: Path, closure: Closure) -> None:
    """Refuse what PEFT would do beside adding the file's tensors to the model.

    Raises:
        ServiceError, MalformedError: its configuration cannot be read.
        UnsupportedError: another kind of adapter, or one that needs code or other data.

    """
    folder, _, name = closure.main.rpartition("/")
    config = read_object(root, layouts.join(folder, ADAPTER))
    library = (config.get("auto_mapping") or {}).get("parent_library", "transformers.")
    wrong = {
        f"{name}": name != SINGLE,
        f"peft_type {config.get('peft_type')!r}": config.get("peft_type") != "LORA",
        f"task_type {config.get('task_type')!r}": (
            config.get("task_type") not in {None, "CAUSAL_LM"}
        ),
        f"init_lora_weights {config.get('init_lora_weights')!r}": (
            config.get("init_lora_weights", True) not in _PLAIN_STARTS
        ),
        f"parent_library {library!r}": not str(library).startswith("transformers."),
        **{key: bool(config.get(key)) for key in _NOTHING},
    }
    got = next((what for what, is_wrong in wrong.items() if is_wrong), "")
    if got:
        message = f"got {got}, expected a plain LoRA in {SINGLE}, in {folder or 'the folder'}"
        hint = "merge it (merge_and_unload), and publish the merged model; or --responses FILE"
        raise UnsupportedError(message, hint=hint)
    refuse_unopened(closure, {closure.main})


def put_on(model: Any, adapter: Path) -> tuple[Any, tuple[tuple[str, str], ...]]:
    """The base model with the adapter in it, and the version of what put it there.

    Raises:
        UnsupportedError: PEFT is not installed.
        ServiceError: it does not load, or not exactly the tensors of the file.

    """
    try:
        import peft
    except ImportError as error:
        message = f"got no {error.name}, expected it for putting an adapter on its base"
        raise UnsupportedError(message, hint="pip install 'hubpolicy[local]'") from error
    try:
        # What it warns of is looked at below; nothing but hubpolicy itself talks to the user.
        with warnings.catch_warnings(action="ignore"):
            loaded = peft.PeftModel.from_pretrained(
                model, str(adapter), is_trainable=False, local_files_only=True
            )
            state = peft.get_peft_model_state_dict(loaded)
    except Exception as error:
        message = f"PEFT cannot put the adapter on this base: {type(error).__name__}: "
        message += str(error)[:500]
        raise ServiceError(message, hint="is it an adapter of this base?") from error
    _refuse_differences(state, adapter / SINGLE)
    return loaded.get_base_model().eval(), (("peft", peft.__version__),)


def _refuse_differences(state: dict[str, Any], path: Path) -> None:
    from safetensors.torch import load_file

    stored = load_file(str(path))
    lacking, over = sorted(stored.keys() - state.keys()), sorted(state.keys() - stored.keys())
    other = [
        name
        for name in stored.keys() & state.keys()
        if stored[name].shape != state[name].shape
        or not bool((state[name].to("cpu", stored[name].dtype) == stored[name]).all())
    ]
    if lacking or over or other:
        got = f"not loaded {lacking[:3]}, not in the file {over[:3]}, other {sorted(other)[:3]}"
        message = f"got {got}, expected exactly the tensors of {path.name}"
        raise ServiceError(message, hint="save the adapter again with save_pretrained")
