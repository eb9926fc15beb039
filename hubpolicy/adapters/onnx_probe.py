# SPDX-License-Identifier: Apache-2.0
"""Opens an ONNX graph that generates no text, and runs it once on made-up input."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from hubpolicy.adapters.quiet_onnxruntime import onnxruntime
from hubpolicy.core.applicability import GraphValue
from hubpolicy.errors import MalformedError, ServiceError, UnsupportedError
from hubpolicy.ports import Probe

if TYPE_CHECKING:
    from pathlib import Path

TOKENS, CHANNELS, PIXELS = 8, 3, 224
_PIXEL_RANK = 4
_TYPES = {
    "int64": np.int64,
    "int32": np.int32,
    "float": np.float32,
    "float16": np.float16,
    "double": np.float64,
}
_IDS = frozenset({"input_ids", "attention_mask", "token_type_ids", "position_ids"})


def signature(path: Path) -> tuple[tuple[GraphValue, ...], tuple[GraphValue, ...]]:
    """Inputs and outputs as ONNX Runtime sees them.

    Raises:
        MalformedError: ONNX Runtime does not load the file.

    """
    session = _open(path)
    inputs = tuple(_value(node) for node in session.get_inputs())
    return inputs, tuple(_value(node) for node in session.get_outputs())


def probe(path: Path, vocabulary: int = 0) -> Probe:
    """Run the graph once; every output must be finite.

    ``vocabulary``: how many tokens the configuration claims. The last of them is among the input:
    a graph whose table ends before it was taken for narrower than its vocabulary is.

    Raises:
        ServiceError: it does not run, or an output is not finite or has another rank.
        UnsupportedError: it wants an input that nobody here can make up.

    """
    session = _open(path)
    feed = {node.name: _made_up(_value(node)) for node in session.get_inputs()}
    if vocabulary and "input_ids" in feed:
        feed["input_ids"].flat[-1] = vocabulary - 1
    declared = [_value(node) for node in session.get_outputs()]
    try:
        outputs = session.run([value.name for value in declared], feed)
    except Exception as error:
        message = f"{path.name} does not run: {error}"
        hint = ""
        if vocabulary and "out of data bounds" in str(error):
            message = f"{path.name} does not know token {vocabulary - 1}: {error}"
            hint = "config.json or tokenizer.json states a larger vocabulary than the graph has"
        raise ServiceError(message, hint=hint) from error
    for value, output in zip(declared, outputs, strict=True):
        expected = tuple(size or "?" for size in value.shape)
        fits = output.ndim == len(value.shape) and all(
            size in {None, got} for size, got in zip(value.shape, output.shape, strict=True)
        )
        if not fits or output.size == 0 or not np.isfinite(output).all():
            got = f"{output.shape}, finite: {bool(np.isfinite(output).all())}"
            message = (
                f"got output {value.name} of shape {got}, expected {expected} of finite numbers"
            )
            raise ServiceError(message)
    runtime = (("onnxruntime", onnxruntime.__version__),)
    return Probe(tuple(int(size) for size in outputs[0].shape), runtime)


def _open(path: Path) -> Any:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:
        message = f"got {error}, expected a graph that ONNX Runtime loads, in {path.name}"
        raise MalformedError(message) from error


def _value(node: Any) -> GraphValue:
    dtype = node.type.removeprefix("tensor(").removesuffix(")")
    shape = tuple(size if isinstance(size, int) and size > 0 else None for size in node.shape)
    return GraphValue(node.name, dtype, shape)


def _made_up(value: GraphValue) -> Any:
    kind = _TYPES.get(value.dtype)
    if kind is not None and value.name in _IDS:
        shape = tuple(size or (1 if axis == 0 else TOKENS) for axis, size in enumerate(value.shape))
        if value.name == "position_ids":
            return np.broadcast_to(np.arange(shape[-1], dtype=kind), shape).copy()
        return (np.zeros if value.name == "token_type_ids" else np.ones)(shape, dtype=kind)
    is_float = value.dtype.startswith(("float", "double"))
    if kind is not None and is_float and len(value.shape) == _PIXEL_RANK:
        sizes = (1, CHANNELS, PIXELS, PIXELS)
        shape = tuple(size or made for size, made in zip(value.shape, sizes, strict=True))
        return np.random.default_rng(0).random(shape).astype(kind)
    message = f"got input {value.name} ({value.dtype}, {value.shape}), expected tokens or pixels"
    raise UnsupportedError(message, hint="hubpolicy cannot make up this input: test it as text")
