# SPDX-License-Identifier: Apache-2.0
"""Can text come out? Decided from the files that are loaded, never from the card (DESIGN.md §7).

Table v2 is closed: what it does not know generates text and is tested. A name in ``config.json``
proves nothing alone: every tensor must be one that the named architecture has, and no head over
a vocabulary may be among them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from hubpolicy.core.decoders import DECODERS
from hubpolicy.core.media import is_media, refuse_media

if TYPE_CHECKING:
    from hubpolicy.core.layouts import ClosureKind
    from hubpolicy.domain.statement import Applicability


class GraphValue(NamedTuple):
    """An input or output of an ONNX graph. Sizes that vary are None; ``dtype`` as ``float``."""

    name: str
    dtype: str
    shape: tuple[int | None, ...]


class ClosureFacts(NamedTuple):
    """What the files of a closure say about themselves. ``vocab_size`` 0 = unknown.

    ``decoder``: the configuration switches a decoder on (``is_decoder``, ``is_encoder_decoder``).
    ``chat_template``: the files have one, so that suites for chat models are run. ``model_type``
    is the configuration's, by which transformers picks the class that it loads.
    """

    kind: ClosureKind
    architectures: tuple[str, ...] = ()
    tensor_names: frozenset[str] = frozenset()
    inputs: tuple[GraphValue, ...] = ()
    outputs: tuple[GraphValue, ...] = ()
    vocab_size: int = 0
    decoder: bool = False
    chat_template: bool = False
    model_type: str = ""


class Applies(NamedTuple):
    """The table's answer, the architecture it took the closure for, and why."""

    decision: Applicability
    architecture: str
    reason: str


_TEXT_ENCODERS = (
    *("Bert", "Roberta", "XLMRoberta", "DistilBert", "MPNet"),
    *("Electra", "Camembert", "DebertaV2", "Albert"),
)
_IMAGE_ENCODERS = ("ViT", "DeiT", "Swin", "ConvNext", "ConvNextV2", "ResNet", "Dinov2", "Beit")

_TEXT_TASKS = ("Model", "ForSequenceClassification", "ForTokenClassification")
_IMAGE_TASKS = ("Model", "ForImageClassification")

_TEXT_PART = (
    r"(?:(?:bert|roberta|distilbert|mpnet|electra|deberta|albert)\.)?"
    r"(?:embeddings\.|embeddings_project\.|encoder\.(?:layer\.\d+\.|rel_embeddings\.|LayerNorm\."
    r"|conv\.|relative_attention_bias\.|embedding_hidden_mapping_in\.|albert_layer_groups\.)"
    r"|transformer\.layer\.\d+\.|pooler\.)"
)
_TEXT_TENSOR = re.compile(rf"(?:{_TEXT_PART}|(?:pre_)?classifier\.)[A-Za-z0-9_.]+|pooler\.\w+")
_IMAGE_TENSOR = re.compile(
    r"(?:(?:vit|deit|swin|convnext|convnextv2|resnet|dinov2|beit)\.)?"
    r"(?:embeddings|embedder|encoder|layers|layernorm|norm|pooler)\.[A-Za-z0-9_.]+"
    r"|classifier\.[A-Za-z0-9_.]+"
)
_DECODER_TENSOR = re.compile(
    r"(?:model\.)?(?:embed_tokens|norm|layers\.\d+\.(?:self_attn|mlp|input_layernorm"
    r"|post_attention_layernorm|pre_feedforward_layernorm|post_feedforward_layernorm))\."
    r"[A-Za-z0-9_.]+"
)
_HEAD = re.compile(
    r"(?:^|\.)(?:lm_head|cls\.predictions|predictions|embed_out|generator_lm_head"
    r"|generator_predictions|vocab_projector|vocab_transform|vocab_layer_norm|decoder"
    r"|crossattention|qa_outputs)(?:\.|$)|^output\.weight$"
)
_GRAPH_HEAD = re.compile(r"(?:^|[./])(?:lm_head|cls\.predictions|embed_out)(?:[./]|$)")

_ARCHITECTURES: dict[str, re.Pattern[str]] = {
    **{name + task: _TEXT_TENSOR for name in _TEXT_ENCODERS for task in _TEXT_TASKS},
    **{name + task: _IMAGE_TENSOR for name in _IMAGE_ENCODERS for task in _IMAGE_TASKS},
    **{name + "Model": _DECODER_TENSOR for name in DECODERS},
}

_MAX_WIDTH = 16384
_MAX_TEXT_LABELS = 200
_MAX_IMAGE_LABELS = 22_000
_FLOATS = frozenset({"float", "float16", "bfloat16", "double"})
_FEATURES = frozenset({"last_hidden_state", "token_embeddings"})
_VECTORS = frozenset({"pooler_output", "sentence_embedding", "embeddings", "image_embeds"})
_LABELS = frozenset({"logits", "probabilities", "scores"})
_PIXELS = frozenset({"pixel_values", "input", "image", "images"})
_VECTOR_RANK, _FEATURE_RANK, _PIXEL_RANK = 2, 3, 4


def decide(facts: ClosureFacts) -> Applies:
    """Table v2. Unknown means ``generates-text``."""
    name = facts.architectures[0] if len(facts.architectures) == 1 else ""
    if facts.kind == "onnx-genai":
        return Applies("generates-text", name, "the folder is laid out for text generation")
    if facts.kind == "onnx":
        return _decide_graph(facts, name)
    if facts.kind in {"safetensors", "diffusers"} and facts.tensor_names:
        return _decide_media(facts, name) if is_media(name) else _decide_tensors(facts, name)
    return Applies("generates-text", name, "the kind of file is not in the table")


def _decide_media(facts: ClosureFacts, name: str) -> Applies:
    reason = refuse_media(
        name,
        pipeline=facts.kind == "diffusers",
        model_type=facts.model_type,
        tensor_names=facts.tensor_names,
    )
    if reason:
        return Applies("generates-text", name, reason)
    return Applies("generates-other", name, f"{name} makes images or sound")


def _decide_tensors(facts: ClosureFacts, name: str) -> Applies:
    reason = _refuse_tensors(facts, name)
    if reason:
        return Applies("generates-text", name, reason)
    return Applies("no-generated-output", name, f"every tensor is one of {name}")


def _refuse_tensors(facts: ClosureFacts, name: str) -> str:
    pattern = _ARCHITECTURES.get(name)
    if pattern is None or facts.kind != "safetensors":
        return f"architecture {name or facts.architectures} is not in the table"
    if facts.decoder:
        return "the configuration switches a decoder on"
    for tensor in sorted(facts.tensor_names):
        if _HEAD.search(tensor):
            return f"tensor {tensor} is a head over a vocabulary"
        if not pattern.fullmatch(tensor):
            return f"tensor {tensor} is none of {name}"
    return ""


def _decide_graph(facts: ClosureFacts, name: str) -> Applies:
    cache = [v.name for v in facts.inputs + facts.outputs if _is_cache(v.name)]
    if cache:
        return Applies("generates-text", name, f"{cache[0]} is a generation cache")
    heads = sorted(tensor for tensor in facts.tensor_names if _GRAPH_HEAD.search(tensor))
    if heads:
        return Applies("generates-text", name, f"tensor {heads[0]} is a head over a vocabulary")
    if facts.decoder or not facts.outputs:
        return Applies("generates-text", name, "the graph is not in the table")
    text = not _takes_pixels(facts.inputs)
    for output in facts.outputs:
        reason = _refuse_output(output, facts, text=text)
        if reason:
            return Applies("generates-text", name, reason)
    shown = name or ", ".join(output.name for output in facts.outputs)
    return Applies("no-generated-output", shown, "every output is a vector or a label")


def _refuse_output(output: GraphValue, facts: ClosureFacts, *, text: bool) -> str:
    rank, width = len(output.shape), output.shape[-1] if output.shape else None
    if output.dtype not in _FLOATS:
        return f"output {output.name} of type {output.dtype} is not in the table"
    if width is None or width < 1:
        return f"output {output.name} has no known width"
    if text and facts.vocab_size and width >= facts.vocab_size:
        return f"output {output.name} is as wide as the vocabulary"
    is_vector = output.name in _VECTORS and rank == _VECTOR_RANK
    is_features = output.name in _FEATURES and rank == _FEATURE_RANK
    if (is_vector or is_features) and width <= _MAX_WIDTH:
        # An author can rename logits; without a vocabulary nothing tells them from features.
        return "" if facts.vocab_size or not text else "the size of the vocabulary is not known"
    if output.name in _LABELS and rank == _VECTOR_RANK:
        most = _MAX_TEXT_LABELS if text else _MAX_IMAGE_LABELS
        return "" if width <= most else f"output {output.name} has {width} labels, at most {most}"
    return f"output {output.name} of rank {rank} is not in the table"


def _is_cache(name: str) -> bool:
    return name.startswith(("past", "present", "cache")) or ".past" in name or ".present" in name


def _takes_pixels(inputs: tuple[GraphValue, ...]) -> bool:
    return bool(inputs) and all(
        v.name in _PIXELS and v.dtype in _FLOATS and len(v.shape) == _PIXEL_RANK for v in inputs
    )
