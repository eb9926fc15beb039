# SPDX-License-Identifier: Apache-2.0
"""What transformers would do with a closure, looked at before it does it. Imports no torch.

Only safetensors under the names that its loader opens, only with a configuration beside them, and
nothing that makes it import code or look for another model.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from hubpolicy.adapters.loaders import refuse_unopened
from hubpolicy.core import layouts
from hubpolicy.core.adapter_base import ADAPTER
from hubpolicy.core.config_json import parse_config
from hubpolicy.core.filetypes import declares_remote_code, may_declare_code
from hubpolicy.errors import MalformedError, ServiceError, UnsupportedError

if TYPE_CHECKING:
    from pathlib import Path

    from hubpolicy.core.closure import Closure

SINGLE, INDEX = "model.safetensors", "model.safetensors.index.json"
CONFIG = "config.json"


def inspect_transformers_folder(root: Path, closure: Closure) -> tuple[str, ...]:
    """The architectures that ``config.json`` names, if the closure may be loaded.

    Raises:
        ServiceError: a file cannot be read.
        MalformedError: the configuration is no JSON object.
        UnsupportedError: other files would be opened than count, or code would be imported.

    """
    folder, _, name = closure.main.rpartition("/")
    if name not in {SINGLE, INDEX}:
        message = f"got {closure.main}, expected {SINGLE} or {INDEX}: transformers opens no other"
        raise UnsupportedError(message, hint=f"rename it to {SINGLE}, in a folder of its own")
    config_path = layouts.join(folder, CONFIG)
    if config_path not in closure.paths:
        message = f"got {closure.main} without {CONFIG} beside it"
        raise UnsupportedError(message, hint="save the model again with save_pretrained")
    if layouts.join(folder, ADAPTER) in closure.paths:
        message = f"got {ADAPTER} beside {closure.main}: transformers would load another model"
        raise UnsupportedError(message, hint="publish the adapter in a folder of its own")
    refuse_unopened(closure, _opened(root, closure, folder, name))
    _refuse_code(root, closure)
    named = read_object(root, config_path).get("architectures")
    return tuple(str(item) for item in named) if isinstance(named, list) else ()


def _opened(root: Path, closure: Closure, folder: str, name: str) -> set[str]:
    if name == SINGLE:
        return {closure.main}
    shards = read_object(root, closure.main).get("weight_map")
    values = shards.values() if isinstance(shards, dict) else ()
    return {layouts.join(folder, str(shard)) for shard in values}


def _refuse_code(root: Path, closure: Closure) -> None:
    for entry in closure.files:
        if may_declare_code(entry.path, entry.size):
            found = declares_remote_code(_read(root, entry.path))
            if found:
                message = (
                    f"got {found[0]}, expected a model without code of its own, in {entry.path}"
                )
                raise UnsupportedError(message, hint="publish it in a layout transformers knows")


def read_object(root: Path, path: str) -> dict[str, Any]:
    """A configuration file, which must be one JSON object.

    Raises:
        ServiceError, MalformedError: it cannot be read, or is none.

    """
    value = parse_config(_read(root, path))
    if not isinstance(value, dict):
        message = f"got {json.dumps(value)[:80]}, expected an object, in {path}"
        raise MalformedError(message)
    return value


def _read(root: Path, path: str) -> bytes:
    try:
        return (root / path).read_bytes()
    except OSError as error:
        message = f"cannot read {path}: {error.strerror}"
        raise ServiceError(message) from error
