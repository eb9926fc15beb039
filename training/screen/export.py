"""Export the averaged weights as a fused, int8 ONNX graph and write the scorer bundle.

``python -m training.screen.export --state FILE... --prepared DIR --out BUNDLE``: the logit is calibrated on the validation
part (a scale and a shift folded into the last layer), so that 0.5 is the threshold that decides.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import onnx
import onnxruntime as ort
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.transformers.fusion_options import FusionOptions
from onnxruntime.transformers.optimizer import optimize_model

from training.screen.calibrate import calibration, raw_logits
from training.screen.model import ScreenModel, load_base
from training.screen.vocabulary import CONTENT_TOKENS, PREFIX, SUFFIX, build_tokenizer

if TYPE_CHECKING:
    from collections.abc import Sequence

LAYERS = 6
OPSET = 17
OVERLAP = 32
MAX_BYTES = 25_000_000


def trained_model(states: Sequence[Path]) -> ScreenModel:
    """Return the model with the mean of the averaged weights of ``states``, in evaluation mode."""
    model = ScreenModel(load_base())
    stored = [torch.load(path, weights_only=True)["average"] for path in states]
    mean = {name: sum(one[name] for one in stored) / len(stored) for name in stored[0]}
    kinds = {name: value.dtype for name, value in model.state_dict().items()}
    model.load_state_dict({name: value.to(kinds[name]) for name, value in mean.items()})
    # The exporter restores the training flag of this very module afterwards; it must be off.
    return model.eval()


def export_fused(model: ScreenModel, path: Path) -> None:
    """Write the fp32 graph with fused attention; raises ValueError when a fusion is missing."""
    raw = path.with_suffix(".raw.onnx")
    ids = torch.ones(1, 8, dtype=torch.int64)
    axes = {0: "batch", 1: "tokens"}
    torch.onnx.export(
        model,
        (ids, ids),
        str(raw),
        input_names=["input_ids", "attention_mask"],
        output_names=["logits"],
        dynamic_axes={"input_ids": axes, "attention_mask": axes, "logits": {0: "batch"}},
        opset_version=OPSET,
        dynamo=False,
    )
    optimised = optimize_model(
        str(raw),
        model_type="bert",
        num_heads=12,
        hidden_size=384,
        optimization_options=FusionOptions("bert"),
    )
    optimised.save_model_to_file(str(path))
    counts = Counter(node.op_type for node in onnx.load(str(path)).graph.node)
    expected = {"Attention": LAYERS, "EmbedLayerNormalization": 1, "BiasGelu": LAYERS}
    found = {name: counts[name] for name in expected}
    if found != expected:
        msg = f"got fusions {found}, expected {expected}, in {path.name}"
        raise ValueError(msg)


def quantise(source: Path, target: Path) -> None:
    """Write the int8 graph: weights per channel, activations at run time, the head stays fp32."""
    head = [node.name for node in onnx.load(str(source)).graph.node if "head" in node.name]
    quantize_dynamic(
        str(source),
        str(target),
        op_types_to_quantize=["MatMul", "Attention", "Gather", "EmbedLayerNormalization"],
        nodes_to_exclude=head,
        per_channel=True,
        weight_type=QuantType.QInt8,
        extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT},
    )


def strip_domains(path: Path) -> None:
    """Drop operator domains that no node uses: the gate refuses what it does not know."""
    model = onnx.load(str(path))
    used = {node.domain for node in model.graph.node}
    kept = [item for item in model.opset_import if item.domain in used | {""}]
    del model.opset_import[:]
    model.opset_import.extend(kept)
    onnx.save(model, str(path))


def scorer_description(session: ort.InferenceSession) -> dict[str, object]:
    """Return the content of ``scorer.json`` but the evaluation, which ``evaluate`` adds."""
    names = [item.name for item in session.get_inputs()]
    if names != ["input_ids", "attention_mask"]:
        msg = f"got graph inputs {names}, expected input_ids and attention_mask"
        raise ValueError(msg)
    return {
        "schema": "hubpolicy/scorer/1",
        "id": "hubpolicy-screen-en",
        "version": "1",
        "tier": "screen",
        "languages": ["en"],
        "labels": ["toxicity"],
        "activation": "sigmoid",
        "inputs": {"ids": "input_ids", "mask": "attention_mask"},
        "output": "logits",
        "window": {"tokens": CONTENT_TOKENS, "overlap": OVERLAP},
        "prefix": list(PREFIX),
        "suffix": list(SUFFIX),
        "thresholds": {"toxicity": "0.5"},
        "precision": "int8",
        "license": "Apache-2.0",
        "evaluation": {},
    }


def write_bundle(model: ScreenModel, out: Path, full: Path | None) -> None:
    """Write ``model.onnx``, ``tokenizer.json`` and ``scorer.json``; raises ValueError above 25 MB.

    ``full``, when given, receives the fp32 graph, to compare with.
    """
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        fused, small = Path(folder) / "fused.onnx", Path(folder) / "int8.onnx"
        export_fused(model, fused)
        quantise(fused, small)
        strip_domains(small)
        shutil.copyfile(small, out / "model.onnx")
        if full is not None:
            shutil.copyfile(fused, full)
    build_tokenizer().save(str(out / "tokenizer.json"))
    session = ort.InferenceSession(str(out / "model.onnx"), providers=["CPUExecutionProvider"])
    description = json.dumps(scorer_description(session), indent=2) + "\n"
    (out / "scorer.json").write_text(description, encoding="utf-8")
    size = sum((out / n).stat().st_size for n in ("model.onnx", "tokenizer.json", "scorer.json"))
    if size > MAX_BYTES:
        msg = f"got a bundle of {size} bytes, expected at most {MAX_BYTES}, in {out}"
        raise ValueError(msg)


def fold(model: ScreenModel, scale: float, shift: float) -> None:
    """Replace the logit z by ``scale * z + shift`` inside the head."""
    with torch.no_grad():
        model.head.weight.mul_(scale)
        model.head.bias.mul_(scale).add_(shift)


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--state", type=Path, required=True, nargs="+", help="checkpoints")
    parser.add_argument("--prepared", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--full", type=Path, default=None)
    options = parser.parse_args()
    torch.set_num_threads(2)
    model = trained_model(options.state)
    scale, shift = calibration(
        lambda texts: raw_logits(model, texts), options.prepared / "val.jsonl"
    )
    fold(model, scale, shift)
    write_bundle(model, options.out, options.full)
    print(json.dumps({"scale": scale, "shift": shift}))


if __name__ == "__main__":
    main()
