# SPDX-License-Identifier: Apache-2.0
"""A tiny Llama of the true GGUF layout (version 3), tokenizer inside, and a LoRA for it.

https://github.com/ggml-org/ggml/blob/master/docs/gguf.md; what the real ``llama-server`` loads.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

WORDS = ("the", "day", "house", "river", "sun", "tree", "bread", "table", "friend", "garden")
CONTEXT = 512
_WIDTH, _HEADS, _INNER, _LAYERS = 64, 4, 128, 2
_U32, _F32, _BOOL, _TEXT, _LIST, _I32 = 4, 6, 7, 8, 9, 5
_ALIGNMENT = 32
_NORMAL, _UNKNOWN, _CONTROL, _BYTE = 1, 2, 3, 6

Tensors = dict[str, "NDArray[np.float32]"]


def write_gguf(path: Path, *, seed: int = 0) -> Path:
    """Random weights; every seed is another model of the same shape."""
    pieces = [*map(chr, range(33, 127)), *(f"▁{word}" for word in WORDS)]
    tokens = ["<unk>", "<s>", "</s>", *(f"<0x{i:02X}>" for i in range(256)), "▁", *pieces]
    kinds = [_UNKNOWN, _CONTROL, _CONTROL, *[_BYTE] * 256, *[_NORMAL] * (len(pieces) + 1)]
    scores = [0.0] * 259 + [-float(i) for i in range(len(pieces) + 1)]
    values: dict[str, tuple[int, Any]] = {
        "general.architecture": (_TEXT, "llama"),
        "llama.context_length": (_U32, CONTEXT),
        "llama.embedding_length": (_U32, _WIDTH),
        "llama.block_count": (_U32, _LAYERS),
        "llama.feed_forward_length": (_U32, _INNER),
        "llama.attention.head_count": (_U32, _HEADS),
        "llama.attention.layer_norm_rms_epsilon": (_F32, 1e-5),
        "llama.rope.dimension_count": (_U32, _WIDTH // _HEADS),
        "tokenizer.ggml.model": (_TEXT, "llama"),
        "tokenizer.ggml.tokens": (_LIST, (_TEXT, tokens)),
        "tokenizer.ggml.scores": (_LIST, (_F32, scores)),
        "tokenizer.ggml.token_type": (_LIST, (_I32, kinds)),
        "tokenizer.ggml.bos_token_id": (_U32, 1),
        "tokenizer.ggml.eos_token_id": (_U32, 2),
        "tokenizer.ggml.add_bos_token": (_BOOL, True),
    }
    draw = np.random.default_rng(seed)
    # Words are likelier than bytes, so that most of what is said is text.
    out = 0.05 * draw.standard_normal((len(tokens), _WIDTH))
    out[-len(WORDS) :] += 0.6 * draw.standard_normal((len(WORDS), _WIDTH))
    tensors: dict[str, Any] = {
        "token_embd.weight": draw.standard_normal((len(tokens), _WIDTH)),
        "output_norm.weight": np.ones(_WIDTH),
        "output.weight": out,
    }
    for layer in range(_LAYERS):
        for name, shape in _MATRICES.items():
            matrix = 0.1 * draw.standard_normal(shape)
            tensors[f"blk.{layer}.{name}.weight"] = matrix
        for name in ("attn_norm", "ffn_norm"):
            tensors[f"blk.{layer}.{name}.weight"] = np.ones(_WIDTH)
    return _write(path, values, tensors)


def write_lora(path: Path) -> Path:
    """An adapter that changes what the model above says."""
    values: dict[str, tuple[int, Any]] = {
        "general.architecture": (_TEXT, "llama"),
        "general.type": (_TEXT, "adapter"),
        "adapter.type": (_TEXT, "lora"),
        "adapter.lora.alpha": (_F32, 8.0),
    }
    draw = np.random.default_rng(7)
    tensors = {
        f"blk.0.ffn_down.weight.lora_{part}": draw.standard_normal(shape)
        for part, shape in (("a", (4, _INNER)), ("b", (_WIDTH, 4)))
    }
    return _write(path, values, tensors)


_MATRICES = {
    "attn_q": (_WIDTH, _WIDTH),
    "attn_k": (_WIDTH, _WIDTH),
    "attn_v": (_WIDTH, _WIDTH),
    "attn_output": (_WIDTH, _WIDTH),
    "ffn_gate": (_INNER, _WIDTH),
    "ffn_up": (_INNER, _WIDTH),
    "ffn_down": (_WIDTH, _INNER),
}


def _write(path: Path, values: dict[str, tuple[int, Any]], tensors: dict[str, Any]) -> Path:
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(values))
    head += b"".join(_text(key) + _value(*value) for key, value in values.items())
    data = b""
    for name, tensor in tensors.items():
        sizes = tensor.shape[::-1]
        head += _text(name) + struct.pack(f"<I{len(sizes)}QIQ", len(sizes), *sizes, 0, len(data))
        data += _padded(tensor.astype("<f4").tobytes())
    path.write_bytes(_padded(head) + data)
    return path


def _value(kind: int, value: Any) -> bytes:
    return struct.pack("<I", kind) + _bare(kind, value)


def _bare(kind: int, value: Any) -> bytes:
    if kind == _TEXT:
        return _text(value)
    if kind == _LIST:
        inner, items = value
        return struct.pack("<IQ", inner, len(items)) + b"".join(_bare(inner, i) for i in items)
    return struct.pack({_U32: "<I", _I32: "<i", _F32: "<f", _BOOL: "<?"}[kind], value)


def _text(text: str) -> bytes:
    raw = text.encode()
    return struct.pack("<Q", len(raw)) + raw


def _padded(raw: bytes) -> bytes:
    return raw + b"\0" * (-len(raw) % _ALIGNMENT)
