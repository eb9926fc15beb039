# SPDX-License-Identifier: Apache-2.0
"""Reading metadata values and repository facts: texts, places, files. Judges nothing."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from hubpolicy.domain.card import Mark, MetaList, MetaMap, MetaNode, MetaScalar, RepoFacts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hubpolicy.domain.manifest import Manifest

_FORMATS = {
    ".safetensors": "safetensors",
    ".gguf": "gguf",
    ".onnx": "onnx",
    ".ort": "ort",
    ".bin": "pytorch",
    ".pt": "pytorch",
    ".pth": "pytorch",
    ".ckpt": "pytorch",
    ".h5": "keras",
    ".keras": "keras",
    ".tflite": "tflite",
    ".msgpack": "flax",
    ".mlmodel": "coreml",
    ".pdparams": "paddle",
    ".joblib": "pickle",
    ".pkl": "pickle",
}
# Trainers' leftovers share a weight format's suffix.
_NO_WEIGHTS = frozenset({"training_args.bin", "optimizer.bin", "optimizer.pt", "scheduler.pt"})
_LICENCE_STEMS = frozenset({"license", "licence", "copying", "unlicense"})


def facts_from_manifest(manifest: Manifest) -> RepoFacts:
    """What the names and sizes of a release's files say. Formats are sorted and unique."""
    paths = frozenset(entry.path for entry in manifest.entries)
    formats = {weight_format(path) for path in paths} - {""}
    has_license = any(is_license_file(path) for path in paths)
    return RepoFacts(tuple(sorted(formats)), paths, has_license, manifest.bytes)


def weight_format(path: str) -> str:
    """The weight format that a file's name says, or ``""``."""
    name = PurePosixPath(path)
    return "" if name.name in _NO_WEIGHTS else _FORMATS.get(name.suffix.lower(), "")


def is_license_file(path: str) -> bool:
    """True for ``LICENSE``, ``LICENSE.txt``, ``LICENSE-MODEL.md``, ``COPYING`` … at the root."""
    if "/" in path:
        return False
    stem = path.lower().partition(".")[0]
    return stem.replace("_", "-").partition("-")[0] in _LICENCE_STEMS


def texts_of(metadata: MetaMap, key: str) -> tuple[MetaScalar, ...]:
    """The texts of a key that holds a text or a list of texts; other values are left out."""
    entry = metadata.entry(key)
    if entry is None:
        return ()
    nodes = entry.value.items if isinstance(entry.value, MetaList) else (entry.value,)
    return tuple(each for each in nodes if isinstance(each, MetaScalar) and is_text(each))


def text_of(metadata: MetaMap, key: str) -> MetaScalar | None:
    """The text of a key that holds one text, or None."""
    entry = metadata.entry(key)
    if entry is None or not isinstance(entry.value, MetaScalar) or not is_text(entry.value):
        return None
    return entry.value


def is_text(scalar: MetaScalar) -> bool:
    """True for a text that says something."""
    return isinstance(scalar.value, str) and bool(scalar.value.strip())


def place(metadata: MetaMap, path: Sequence[str | int]) -> Mark:
    """Where the value at a path stands, or its nearest parent that exists."""
    node: MetaNode = metadata
    at = metadata.at
    for step in path:
        below = _step(node, step)
        if below is None:
            break
        node, at = below, below.at
    return at


def _step(node: MetaNode, step: str | int) -> MetaNode | None:
    if isinstance(node, MetaMap) and isinstance(step, str):
        entry = node.entry(step)
        return entry.value if entry else None
    if isinstance(node, MetaList) and isinstance(step, int) and step < len(node.items):
        return node.items[step]
    return None
