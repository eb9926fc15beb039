# SPDX-License-Identifier: Apache-2.0
"""Reads a Detoxify checkpoint or a ``unitary/*`` folder, and runs nothing of what is in it.

Detoxify itself unpickles with ``weights_only=False``, which runs whatever code the file names, and
does not check the digest in the file's name. Here the digest comes first, then a loader that knows
tensors and plain values alone. Not responsible for building the network.
"""

from __future__ import annotations

import hashlib
import re
import warnings
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from hubpolicy.adapters.scorers.export.known import Known, Shape, shape_of, standard_label
from hubpolicy.core import strictjson
from hubpolicy.errors import MalformedError, ServiceError, VerificationError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from io import BufferedReader
    from pathlib import Path

SAFETENSORS, CONFIG = "model.safetensors", "config.json"
_PICKLES = ("pytorch_model.bin", "pytorch_model.bin.index.json")
_CONFIG_LIMIT = 1024 * 1024


class Weights(NamedTuple):
    """Tensors by name, and what they mean: row i of the head is ``classes[i]``.

    The head may have more rows than ``classes`` has names (identity heads). ``shape`` is None
    where the file does not say it. ``confirmed``: who vouches for ``sha256``.
    """

    state: Mapping[str, torch.Tensor]
    architecture: str
    classes: tuple[str, ...]
    outputs: int
    shape: Shape | None
    file: str
    sha256: str
    confirmed: str


def read_weights(source: Path, known: Known, *, sha256: str = "") -> Weights:
    """Read a checkpoint file, or a folder with ``config.json`` and ``model.safetensors``.

    Args:
        source: the file or the folder.
        known: which published model it should be.
        sha256: the whole digest that the caller trusts; "" = as published.

    Raises:
        VerificationError: another digest than expected, or nobody vouches for it.
        MalformedError: code in a pickle, another layout, or values that are not finite.
        ServiceError: it cannot be read.

    """
    read = _read_folder if source.is_dir() else _read_checkpoint
    try:
        weights = read(source, known, sha256)
    except OSError as error:
        message = f"cannot read {source}: {error.strerror or error}"
        raise ServiceError(message) from error
    if weights.architecture != known.architecture:
        got, want = weights.architecture, known.architecture
        message = f"got a {got}, expected a {want} for {known.name}, in {source}"
        raise MalformedError(message, hint="hubpolicy scorer export --help")
    _refuse_strange(weights, source)
    return weights


def _read_checkpoint(path: Path, known: Known, sha256: str) -> Weights:
    """``{"config": {"arch": …, "dataset": …}, "state_dict": …}``, as Detoxify's trainer saves."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        confirmed = _confirm(digest, sha256, known.checkpoint_sha256, path)
        file.seek(0)
        loaded = _unpickle(file, path)
    try:
        arch = loaded["config"]["arch"]["args"]
        classes = tuple(map(standard_label, loaded["config"]["dataset"]["args"]["classes"]))
        state = dict(loaded["state_dict"])
        architecture, outputs = str(arch["model_name"]), arch["num_classes"]
    except (KeyError, TypeError, ValueError) as error:
        message = f"got no {error}, expected config (arch, dataset) and state_dict, in {path}"
        raise MalformedError(message) from error
    return Weights(state, architecture, classes, outputs, None, path.name, digest, confirmed)


def _unpickle(file: BufferedReader, path: Path) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:
        # On bytes that are no pickle, the unpickler raises whatever it stumbles over. Of code, it
        # says first how to load it all the same: only what was found is told.
        code = re.search(r"GLOBAL \S+", str(error))
        reason = code[0] if code else " ".join(f"{type(error).__name__}: {error}".split())[:300]
        message = f"got {reason}, expected tensors and plain values alone, in {path}"
        hint = "a checkpoint with code in it is never loaded; export from the safetensors folder"
        raise MalformedError(message, hint=hint) from error


def _read_folder(folder: Path, known: Known, sha256: str) -> Weights:
    import safetensors
    from safetensors.torch import load

    path = folder / SAFETENSORS
    if not path.exists() and any((folder / name).exists() for name in _PICKLES):
        message = f"got a pickle, expected {SAFETENSORS}, in {folder}"
        raise MalformedError(message, hint="download model.safetensors of the same repository")
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    confirmed = _confirm(digest, sha256, known.safetensors_sha256, path)
    where = f"{CONFIG} of {folder}"
    raw = (folder / CONFIG).read_bytes()
    config = strictjson.parse(raw, what=where, limit=_CONFIG_LIMIT)
    try:
        state = load(content)
        (architecture,) = config["architectures"]
        names = {int(index): str(name) for index, name in config["id2label"].items()}
        classes = tuple(standard_label(names[index]) for index in range(len(names)))
    except (safetensors.SafetensorError, KeyError, TypeError, ValueError, AttributeError) as error:
        message = f"got {error!r}, expected one architecture, id2label and tensors, in {folder}"
        raise MalformedError(message) from error
    shape = shape_of(config, where)
    return Weights(
        state, str(architecture), classes, len(classes), shape, path.name, digest, confirmed
    )


def _confirm(digest: str, given: str, published: str, path: Path) -> str:
    """Who says that this is the right digest."""
    if given:
        if digest != given.lower():
            message = f"got sha256 {digest}, expected {given.lower()}, in {path}"
            raise VerificationError(message, hint="download the file again")
        return "caller"
    if not published:
        message = f"got sha256 {digest} and no digest to compare it with, for {path}"
        hint = f"if this is the file you reviewed: --sha256 {digest}"
        raise VerificationError(message, hint=hint)
    if not digest.startswith(published):
        message = f"got sha256 {digest}, expected {published}… as published, in {path}"
        hint = f"download it again; if it is a model of your own: --sha256 {digest}"
        raise VerificationError(message, hint=hint)
    return f"first {len(published)} hex digits, all that is published"


def _refuse_strange(weights: Weights, source: Path) -> None:
    tensors = weights.state.values()
    if not tensors or not all(isinstance(value, torch.Tensor) for value in tensors):
        message = f"got no tensors, or other things among them, in {source}"
        raise MalformedError(message)
    for name, value in weights.state.items():
        if value.is_floating_point() and not bool(torch.isfinite(value).all()):
            message = f"got values that are not finite in {name}, in {source}"
            raise MalformedError(message)
    outputs = weights.outputs
    if type(outputs) is not int or not 0 < len(weights.classes) <= outputs:
        message = f"got {len(weights.classes)} classes for {outputs!r} outputs, in {source}"
        raise MalformedError(message)
    if len(set(weights.classes)) != len(weights.classes):
        message = f"got a label twice among {', '.join(weights.classes)}, in {source}"
        raise MalformedError(message)
