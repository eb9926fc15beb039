# SPDX-License-Identifier: Apache-2.0
"""Take the mean of two trained scorers, weight by weight, and write the int8 bundle.

``python -m training.screen.merge --full A.fp32.onnx --other B.onnx --prepared DIR --out BUNDLE``: ``--full`` is what ``export --full``
wrote, ``--other`` an int8 or fp32 graph of the same export. Both come from the same base weights, so their mean is a model again (Wortsman
and others, Model soups, ICML 2022). What int8 rounded away in the other one stays away. The logit is calibrated anew.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx
import onnxruntime as ort
from onnx import numpy_helper

from training.screen.calibrate import calibration
from training.screen.export import quantise, scorer_description, strip_domains
from training.screen.vocabulary import CONTENT_TOKENS, PREFIX, SUFFIX, build_tokenizer

if TYPE_CHECKING:
    from numpy.typing import NDArray

BATCH = 16


def weights_of(path: Path) -> dict[str, NDArray[np.float32]]:
    """Name to fp32 values of a graph's weights; int8 ones by their scale and zero point."""
    stored = {i.name: numpy_helper.to_array(i) for i in onnx.load(str(path)).graph.initializer}
    found = {name: value for name, value in stored.items() if value.dtype == np.float32}
    for name, value in stored.items():
        stem = name.removesuffix("_quantized")
        if stem == name:
            continue
        scale, zero = stored[f"{stem}_scale"], stored[f"{stem}_zero_point"].astype(np.float32)
        shape = [1] * value.ndim
        if scale.size > 1:  # per channel: the last axis of that many
            shape[[a for a in range(value.ndim) if value.shape[a] == scale.size][-1]] = scale.size
        plain = (value.astype(np.float32) - zero.reshape(shape)) * scale.reshape(shape)
        found[stem.removesuffix("_Transposed")] = plain.T if stem.endswith("_Transposed") else plain
    return found


def merged(full: Path, other: Path, share: float) -> onnx.ModelProto:
    """The graph of ``full`` with ``share`` of the other's weights; raises KeyError if one is missing."""
    model, theirs = onnx.load(str(full)), weights_of(other)
    for item in model.graph.initializer:
        mine = numpy_helper.to_array(item)
        if mine.dtype == np.float32:
            mean = share * theirs[item.name].reshape(mine.shape) + (1 - share) * mine
            item.CopyFrom(numpy_helper.from_array(mean.astype(np.float32), item.name))
    return model


def logits_of(model: onnx.ModelProto, texts: list[str]) -> NDArray[np.float64]:
    """The fp32 logits of ``texts``, each cut at the window, in batches of like length."""
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    kind = {"tensor(int64)": np.int64, "tensor(int32)": np.int32}[session.get_inputs()[0].type]
    encoded = build_tokenizer().encode_batch(texts, add_special_tokens=False)
    ids = [[*PREFIX, *item.ids[:CONTENT_TOKENS], *SUFFIX] for item in encoded]
    logits = np.zeros(len(ids))
    order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
    for start in range(0, len(order), BATCH):
        rows = order[start : start + BATCH]
        width = max(len(ids[i]) for i in rows)
        block = np.array([ids[i] + [0] * (width - len(ids[i])) for i in rows], dtype=kind)
        feed = {"input_ids": block, "attention_mask": (block != 0).astype(kind)}
        logits[rows] = session.run(["logits"], feed)[0][:, 0]
    return logits


def fold(model: onnx.ModelProto, scale: float, shift: float) -> None:
    """Replace the logit z by ``scale * z + shift`` inside the head."""
    for item in model.graph.initializer:
        if item.name in ("head.weight", "head.bias"):
            value = numpy_helper.to_array(item) * scale + (shift if item.name == "head.bias" else 0)
            item.CopyFrom(numpy_helper.from_array(value.astype(np.float32), item.name))


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", type=Path, required=True)
    parser.add_argument("--other", type=Path, required=True)
    parser.add_argument("--share", type=float, default=0.5, help="of the other's weights")
    parser.add_argument("--prepared", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--keep-full", type=Path, default=None, help="where the fp32 graph goes")
    options = parser.parse_args()
    model = merged(options.full, options.other, options.share)
    scale, shift = calibration(
        lambda texts: logits_of(model, texts), options.prepared / "val.jsonl"
    )
    fold(model, scale, shift)
    options.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        full, small = Path(folder) / "full.onnx", Path(folder) / "int8.onnx"
        onnx.save(model, str(full))
        quantise(full, small)
        strip_domains(small)
        shutil.copyfile(small, options.out / "model.onnx")
        if options.keep_full is not None:
            shutil.copyfile(full, options.keep_full)
    build_tokenizer().save(str(options.out / "tokenizer.json"))
    session = ort.InferenceSession(
        str(options.out / "model.onnx"), providers=["CPUExecutionProvider"]
    )
    description = json.dumps(scorer_description(session), indent=2) + "\n"
    (options.out / "scorer.json").write_text(description, encoding="utf-8")
    print(json.dumps({"scale": scale, "shift": shift}))


if __name__ == "__main__":
    main()
