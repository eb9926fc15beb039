# SPDX-License-Identifier: Apache-2.0
"""A scorer bundle with a real encoder layer in it: attention, normalisation, GELU, all in int8.

Random weights of 32 instead of 768, without torch. Unlike the words of ``tiny_bundle`` its score
depends on all of a text, and, were texts scored together, on its batch-mates.
"""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic
from tokenizers import Tokenizer, models, pre_tokenizers

from tests.adapters.tiny_bundle import DESCRIPTION

if TYPE_CHECKING:
    from pathlib import Path

WORDS = ("[UNK]", "[CLS]", "[SEP]", *(f"word{n}" for n in range(61)))
WIDTH, HEADS, INNER, LABELS = 32, 4, 64, ("toxicity", "threat")
MS = "com.microsoft"


def make_encoder(seed: int = 3) -> onnx.ModelProto:
    """Embedding, one layer, the first token's row, two logits."""
    random = np.random.default_rng(seed)

    def weight(*shape: int, scale: float = 0.4) -> Any:
        return (random.standard_normal(shape) * scale).astype(np.float32)

    weights = {
        "table": weight(len(WORDS), WIDTH, scale=1.0),
        "qkv": weight(WIDTH, 3 * WIDTH),
        "qkv_bias": weight(3 * WIDTH),
        "out": weight(WIDTH, WIDTH),
        "gamma": 1 + weight(WIDTH, scale=0.1),
        "beta": weight(WIDTH, scale=0.1),
        "up": weight(WIDTH, INNER),
        "up_bias": weight(INNER),
        "down": weight(INNER, WIDTH),
        "head": weight(WIDTH, len(LABELS), scale=0.5),
    }
    node = helper.make_node
    nodes = [
        node("Gather", ["table", "input_ids"], ["x"]),
        node("Cast", ["attention_mask"], ["mask"], to=TensorProto.INT32),
        node("Attention", ["x", "qkv", "qkv_bias", "mask"], ["a"], "attention", domain=MS,
             num_heads=HEADS),
        node("MatMul", ["a", "out"], ["o"], "out_product"),
        node("Add", ["o", "x"], ["s"]),
        node("LayerNormalization", ["s", "gamma", "beta"], ["n"], axis=-1, epsilon=1e-5),
        node("MatMul", ["n", "up"], ["u"], "up_product"),
        node("BiasGelu", ["u", "up_bias"], ["g"], domain=MS),
        node("MatMul", ["g", "down"], ["d"], "down_product"),
        node("SkipLayerNormalization", ["d", "n", "gamma", "beta"], ["m"], domain=MS),
        node("Gather", ["m", "first"], ["c"], axis=1),
        node("MatMul", ["c", "head"], ["logits"], "head_product"),
    ]  # fmt: skip
    names = ("input_ids", "attention_mask")
    graph = helper.make_graph(
        nodes,
        "encoder",
        [helper.make_tensor_value_info(n, TensorProto.INT64, ["batch", "tokens"]) for n in names],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", len(LABELS)])],
        [
            *(numpy_helper.from_array(value, name) for name, value in weights.items()),
            numpy_helper.from_array(np.array(0, dtype=np.int64), "first"),
        ],
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid(MS, 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=9)


def write_encoder_bundle(folder: Path, *, within: str = "") -> Path:
    """int8, with the fp32 graph beside it if ``within`` is given."""
    folder.mkdir(parents=True, exist_ok=True)
    full = folder / "full.onnx"
    onnx.save(make_encoder(), full)
    logging.disable(logging.WARNING)
    try:
        quantize_dynamic(
            full,
            folder / "model.onnx",
            op_types_to_quantize=["MatMul", "Attention"],
            nodes_to_exclude=["head_product"],
            per_channel=True,
            weight_type=QuantType.QInt8,
            extra_options={"DefaultTensorType": TensorProto.FLOAT},
        )
    finally:
        logging.disable(logging.NOTSET)
    _drop_unused_domains(folder / "model.onnx")
    tokenizer = Tokenizer(
        models.WordLevel({word: n for n, word in enumerate(WORDS)}, unk_token="[UNK]")
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(folder / "tokenizer.json"))
    described = {**DESCRIPTION, "id": "encoder", "precision": "int8", "prefix": [1], "suffix": [2]}
    described["window"] = {"tokens": 24, "overlap": 6}
    if within:
        described["recheck"] = {"within": within}
    else:
        full.unlink()
    (folder / "scorer.json").write_text(json.dumps(described))
    return folder


def _drop_unused_domains(path: Path) -> None:
    model = onnx.load(path)
    used = {node.domain for node in model.graph.node} | {""}
    kept = [item for item in model.opset_import if item.domain in used]
    del model.opset_import[:]
    model.opset_import.extend(kept)
    onnx.save(model, path)
