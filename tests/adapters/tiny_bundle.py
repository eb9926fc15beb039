# SPDX-License-Identifier: Apache-2.0
"""A scorer bundle of a few kB: every word has a logit, the highest one of a window is its score.

``rude`` is toxic, ``threat`` is one by its second label, ``nan`` has no number, all else is kind.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer, models, pre_tokenizers

if TYPE_CHECKING:
    from pathlib import Path

WORDS = ("[UNK]", "[PAD]", "kind", "rude", "threat", "nan", "infinite", "mild", "word", "broken")
BROKEN = 10_000
LOGITS = {
    "rude": (6.0, -6.0),
    "threat": (-6.0, 6.0),
    "nan": (float("nan"), -6.0),
    "infinite": (float("inf"), -6.0),
    "mild": (-1.0, -6.0),
}
DESCRIPTION: dict[str, Any] = {
    "schema": "hubpolicy/scorer/1",
    "id": "tiny",
    "version": "1",
    "tier": "screen",
    "languages": ["en"],
    "labels": ["toxicity", "threat"],
    "activation": "sigmoid",
    "inputs": {"ids": "input_ids", "mask": "attention_mask"},
    "output": "logits",
    "window": {"tokens": 8, "overlap": 2},
    "prefix": [1],
    "suffix": [1],
    "thresholds": {"toxicity": "0.5", "threat": "0.9"},
    "precision": "fp32",
    "license": "Apache-2.0",
    "evaluation": {"roc_auc": 0.5},
}


def make_model(*, dtype: int = TensorProto.INT64, table: Any = None) -> onnx.ModelProto:
    """A graph: look every token up, take the maximum over the window."""
    if table is None:
        table = np.full((len(WORDS), 2), -6.0, dtype=np.float32)
        for word, logits in LOGITS.items():
            table[WORDS.index(word)] = logits
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["looked"]),
        helper.make_node("Unsqueeze", ["attention_mask", "last"], ["mask3"]),
        helper.make_node("Cast", ["mask3"], ["maskf"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["looked", "maskf"], ["masked"]),
        helper.make_node("ReduceMax", ["masked", "axis"], ["highest"], keepdims=0),
        # A maximum forgets numbers that are none; a sum does not.
        helper.make_node("ReduceSum", ["masked", "axis"], ["sum"], keepdims=0),
        helper.make_node("Mul", ["sum", "zero"], ["nothing"]),
        helper.make_node("Add", ["highest", "nothing"], ["logits"]),
    ]
    inputs = [
        helper.make_tensor_value_info(name, dtype, ["batch", "tokens"])
        for name in ("input_ids", "attention_mask")
    ]
    outputs = [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 2])]
    weights = [
        numpy_helper.from_array(np.asarray(table, dtype=np.float32), "table"),
        numpy_helper.from_array(np.array([1], dtype=np.int64), "axis"),
        numpy_helper.from_array(np.array([2], dtype=np.int64), "last"),
        numpy_helper.from_array(np.array([0], dtype=np.float32), "zero"),
    ]
    graph = helper.make_graph(nodes, "tiny", inputs, outputs, weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def make_tokenizer() -> Tokenizer:
    """Words between spaces; ``broken`` gets an id that the graph does not have."""
    vocabulary = {word: number for number, word in enumerate(WORDS)}
    vocabulary["broken"] = BROKEN
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    return tokenizer


def write_bundle(
    folder: Path,
    *,
    model: onnx.ModelProto | None = None,
    tokenizer: Tokenizer | None = None,
    full: onnx.ModelProto | None = None,
    **changes: Any,
) -> Path:
    """Write the files, ``full.onnx`` if given; ``changes`` replace keys of the description."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.onnx").write_bytes((model or make_model()).SerializeToString())
    if full is not None:
        (folder / "full.onnx").write_bytes(full.SerializeToString())
    (tokenizer or make_tokenizer()).save(str(folder / "tokenizer.json"))
    (folder / "scorer.json").write_text(json.dumps({**DESCRIPTION, **changes}))
    return folder
