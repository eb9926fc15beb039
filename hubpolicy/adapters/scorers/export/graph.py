# SPDX-License-Identifier: Apache-2.0
"""Torch to ONNX, attention fused, weights in int8. What was not fused is an error.

Recipe and traps, each measured: the older exporter at opset 17 with attention written out; the
module that is exported has to be in evaluation mode itself, since the exporter restores *its*
training flag afterwards, down to the network inside; shape inference does not know the fused
operators, so that quantising them takes a default type.
"""

from __future__ import annotations

import logging
import warnings
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch

# Before anything of onnxruntime: it turns the vendor's telemetry off.
import hubpolicy.adapters.quiet_onnxruntime  # noqa: F401
from hubpolicy.adapters.scorers.export.first_token import keep_first_token
from hubpolicy.adapters.scorers.export.splitting import split_slow
from hubpolicy.errors import ServiceError, VerificationError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OPSET = 17
IDS, MASK, LOGITS = "input_ids", "attention_mask", "logits"
QUANTISED = ("MatMul", "Attention", "Gather", "EmbedLayerNormalization")


class Labelled(torch.nn.Module):
    """The network with only the outputs that count, in the lock's order."""

    def __init__(self, network: Any, columns: tuple[int, ...]) -> None:
        """``network`` has to be in evaluation mode, and this module is put into it as well."""
        super().__init__()
        self.network = network
        self.all_of_them = columns == tuple(range(network.config.num_labels))
        self.register_buffer("columns", torch.tensor(columns), persistent=False)
        self.eval()

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """Logits of shape (batch, labels)."""
        logits: torch.Tensor = self.network(
            input_ids=input_ids, attention_mask=attention_mask
        ).logits
        if self.all_of_them:
            return logits
        return torch.index_select(logits, 1, self.get_buffer("columns"))


def export_fused(network: Any, columns: tuple[int, ...], path: Path) -> dict[str, int]:
    """Write the fused fp32 graph to ``path``; the counts of what was fused.

    Raises:
        ServiceError: torch or ONNX Runtime cannot export it.
        VerificationError: a fusion is missing, or the head reads more than the first token.

    """
    from onnxruntime.transformers.fusion_options import FusionOptions
    from onnxruntime.transformers.optimizer import optimize_model

    if network.training:
        message = "got a network in training mode, expected evaluation mode: dropout would count"
        raise VerificationError(message)
    raw = path.with_suffix(".raw.onnx")
    config = network.config
    try:
        with _quiet():
            _trace(Labelled(network, columns), raw)
            fused = optimize_model(
                str(raw),
                model_type="bert",
                num_heads=config.num_attention_heads,
                hidden_size=config.hidden_size,
                optimization_options=FusionOptions("bert"),
            )
            fused.topological_sort()
            counts = Counter(node.op_type for node in fused.model.graph.node)
            is_cut = keep_first_token(fused.model)
            split_slow(fused.model)
            _drop_unused_domains(fused.model)
            fused.save_model_to_file(str(path))
    except Exception as error:
        message = f"torch and ONNX Runtime cannot export the network: {error}"
        raise ServiceError(message) from error
    finally:
        raw.unlink(missing_ok=True)
    fused_here = assert_fused(
        counts, expected_fusions(type(network).__name__, config.num_hidden_layers)
    )
    if not is_cut:
        message = "got a graph whose head reads other tokens, expected the first one alone"
        raise VerificationError(message, hint="it is not one of Detoxify's architectures")
    return fused_here


def expected_fusions(architecture: str, layers: int) -> dict[str, int]:
    """Fused operators of a whole encoder. RoBERTa's positions hide its embedding from the fuser."""
    fusions = {"Attention": layers, "BiasGelu": layers, "SkipLayerNormalization": 2 * layers}
    return fusions | ({"EmbedLayerNormalization": 1} if architecture.startswith("Bert") else {})


def assert_fused(counts: Counter[str], expected: dict[str, int]) -> dict[str, int]:
    """The counts of the expected operators.

    Raises:
        VerificationError: one is another than expected.

    """
    found = {name: counts[name] for name in expected}
    if found != expected:
        message = f"got fusions {found}, expected {expected}"
        hint = "another version of torch, transformers or onnxruntime may write another graph"
        raise VerificationError(message, hint=hint)
    return found


def quantise(source: Path, target: Path) -> None:
    """Write the int8 graph: weights per channel, activations at run time, the head stays fp32.

    Raises:
        ServiceError: ONNX Runtime cannot quantise it.

    """
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    try:
        with _quiet():
            # Its one row costs nothing in fp32. The quantiser turns Gemm into MatMul, renamed.
            graph = onnx.load(str(source), load_external_data=False).graph
            head = [node.name for node in graph.node if node.op_type == "Gemm"]
            quantize_dynamic(
                str(source),
                str(target),
                op_types_to_quantize=list(QUANTISED),
                nodes_to_exclude=[*head, *(f"{name}_MatMul" for name in head)],
                per_channel=True,
                weight_type=QuantType.QInt8,
                extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT},
            )
            model = onnx.load(str(target))
            _drop_unused_domains(model)
            onnx.save(model, str(target))
    except Exception as error:
        message = f"ONNX Runtime cannot quantise the graph: {error}"
        raise ServiceError(message) from error


def _trace(model: torch.nn.Module, path: Path) -> None:
    ids = torch.full((1, 8), 5, dtype=torch.int64)
    axes = {0: "batch", 1: "tokens"}
    torch.onnx.export(
        model,
        (ids, torch.ones_like(ids)),
        str(path),
        input_names=[IDS, MASK],
        output_names=[LOGITS],
        dynamic_axes={IDS: axes, MASK: axes, LOGITS: {0: "batch"}},
        opset_version=OPSET,
        dynamo=False,
    )


def _drop_unused_domains(model: Any) -> None:
    """The session refuses operator domains that it does not know, used or not."""
    used = {node.domain for node in model.graph.node}
    kept = [item for item in model.opset_import if item.domain in used | {""}]
    del model.opset_import[:]
    model.opset_import.extend(kept)


@contextmanager
def _quiet() -> Iterator[None]:
    """Both libraries warn about their own older ways, which are the ones that fuse."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.disable(logging.WARNING)
        try:
            yield
        finally:
            logging.disable(logging.NOTSET)
