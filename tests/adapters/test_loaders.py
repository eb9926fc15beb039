# SPDX-License-Identifier: Apache-2.0
"""Real models in folders: which of them can write, and whether the others really load."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
import transformers
from onnx import TensorProto, helper, numpy_helper
from safetensors.torch import load_file, save_file

import hubpolicy
from hubpolicy.adapters.files import FolderRelease
from hubpolicy.adapters.loaders import FolderLoader, read_tensor_names
from hubpolicy.core.applicability import Applies, decide
from hubpolicy.core.closure import Closure, closures, config_paths
from hubpolicy.domain.manifest import Entry
from hubpolicy.errors import MalformedError, ServiceError, UnsupportedError

CIVIL = Path(hubpolicy.__file__).parent / "assets" / "demo" / "models" / "civil"
SMALL = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 1,
         "num_attention_heads": 2, "vocab_size": 99}  # fmt: skip
FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64


def bert(folder: Path) -> None:
    transformers.BertModel(transformers.BertConfig(**SMALL)).save_pretrained(folder)


def sentiment(folder: Path) -> None:
    config = transformers.BertConfig(**SMALL, num_labels=3)
    transformers.BertForSequenceClassification(config).save_pretrained(folder)


def masked(folder: Path) -> None:
    transformers.BertForMaskedLM(transformers.BertConfig(**SMALL)).save_pretrained(folder)


def distil(folder: Path) -> None:
    config = transformers.DistilBertConfig(dim=32, hidden_dim=48, n_layers=1, n_heads=2,
                                           vocab_size=99)  # fmt: skip
    transformers.DistilBertForSequenceClassification(config).save_pretrained(folder)


def llama(folder: Path) -> None:
    transformers.LlamaForCausalLM(transformers.LlamaConfig(**SMALL)).save_pretrained(folder)


def decoder_embedder(folder: Path) -> None:
    transformers.Qwen2Model(
        transformers.Qwen2Config(**SMALL, num_key_value_heads=2)
    ).save_pretrained(folder)


def vit(folder: Path) -> None:
    small = {key: value for key, value in SMALL.items() if key != "vocab_size"}
    config = transformers.ViTConfig(**small, image_size=32, patch_size=8, num_labels=5)
    transformers.ViTForImageClassification(config).save_pretrained(folder)


def resnet(folder: Path) -> None:
    config = transformers.ResNetConfig(embedding_size=8, hidden_sizes=[8, 8], depths=[1, 1],
                                       num_labels=4, layer_type="basic")  # fmt: skip
    transformers.ResNetForImageClassification(config).save_pretrained(folder)


def the_closure(folder: Path) -> Closure:
    release = FolderRelease(str(folder))
    manifest = release.manifest
    (closure,) = closures(manifest, {path: release.read(path) for path in config_paths(manifest)})
    return closure


def decided(folder: Path) -> tuple[Closure, Applies]:
    closure = the_closure(folder)
    return closure, decide(FolderLoader(folder).facts(closure))


def edit_config(folder: Path, **changes: Any) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_bytes()), **changes}))


@pytest.mark.parametrize(
    ("make", "architecture", "shape"),
    [
        (bert, "BertModel", (1, 8, 32)),
        (sentiment, "BertForSequenceClassification", (1, 3)),
        (distil, "DistilBertForSequenceClassification", (1, 2)),
        (decoder_embedder, "Qwen2Model", (1, 8, 32)),
        (vit, "ViTForImageClassification", (1, 5)),
        (resnet, "ResNetForImageClassification", (1, 4)),
    ],
)
def test_safetensors_that_generate_nothing_are_loaded(
    tmp_path: Path, make: Any, architecture: str, shape: tuple[int, ...]
) -> None:
    make(tmp_path)
    closure, applies = decided(tmp_path)
    assert (applies.decision, applies.architecture) == ("no-generated-output", architecture), (
        applies.reason
    )
    probe = FolderLoader(tmp_path).probe(closure, applies)
    assert probe.output_shape == shape
    assert [name for name, _ in probe.runtime] == ["torch", "transformers"]


@pytest.mark.parametrize("make", [llama, masked])
def test_safetensors_that_write_are_tested(tmp_path: Path, make: Any) -> None:
    make(tmp_path)
    assert decided(tmp_path)[1].decision == "generates-text"


@pytest.mark.parametrize("make", [llama, masked])
def test_a_config_that_lies_is_not_believed(tmp_path: Path, make: Any) -> None:
    make(tmp_path)
    edit_config(tmp_path, architectures=["BertModel"], model_type="bert")
    assert decided(tmp_path)[1].decision == "generates-text"


@pytest.mark.parametrize(
    "changes",
    [
        {"is_decoder": True},
        {"architectures": None},
        {"architectures": ["BertModel"] * 2},
        {"add_cross_attention": True},
    ],
)
def test_a_config_that_opens_a_door_is_believed(tmp_path: Path, changes: dict[str, Any]) -> None:
    bert(tmp_path)
    edit_config(tmp_path, **changes)
    assert decided(tmp_path)[1].decision == "generates-text"


def test_the_card_is_never_asked(tmp_path: Path) -> None:
    llama(tmp_path)
    card = "---\npipeline_tag: feature-extraction\n---\n# An embedder\n"
    (tmp_path / "README.md").write_text(card)
    assert decided(tmp_path)[1].decision == "generates-text"


def change_weights(folder: Path, **changes: torch.Tensor | None) -> None:
    path = folder / "model.safetensors"
    tensors = load_file(path)
    for name, value in changes.items():
        if value is None:
            del tensors[name]
        else:
            tensors[name] = value
    save_file(tensors, path, {"format": "pt"})


NAME = "embeddings.word_embeddings.weight"


def test_weights_that_are_not_numbers_do_not_pass(tmp_path: Path) -> None:
    bert(tmp_path)
    change_weights(tmp_path, **{NAME: torch.full((99, 32), float("nan"))})
    closure, applies = decided(tmp_path)
    with pytest.raises(ServiceError, match="expected finite"):
        FolderLoader(tmp_path).probe(closure, applies)


@pytest.mark.parametrize(
    "changes",
    [
        {NAME: None},
        {NAME: torch.zeros(7, 32)},
        {"encoder.layer.7.output.dense.bias": torch.zeros(2)},
    ],
    ids=["missing", "another shape", "too many"],
)
def test_weights_that_would_be_made_up_do_not_pass(
    tmp_path: Path, changes: dict[str, torch.Tensor | None]
) -> None:
    bert(tmp_path)
    change_weights(tmp_path, **changes)
    closure, applies = decided(tmp_path)
    assert applies.decision == "no-generated-output"
    with pytest.raises(ServiceError, match=r"expected exactly|cannot load"):
        FolderLoader(tmp_path).probe(closure, applies)


def test_what_transformers_would_not_load_is_not_proven(tmp_path: Path) -> None:
    bert(tmp_path)
    (tmp_path / "model.safetensors").rename(tmp_path / "other.safetensors")
    closure, applies = decided(tmp_path)
    with pytest.raises(UnsupportedError, match=r"other\.safetensors"):
        FolderLoader(tmp_path).probe(closure, applies)


def test_a_broken_safetensors_file_is_named(tmp_path: Path) -> None:
    bert(tmp_path)
    path = tmp_path / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(MalformedError, match=r"model\.safetensors"):
        decided(tmp_path)
    with pytest.raises(ServiceError, match="nowhere"):
        read_tensor_names(tmp_path / "nowhere")


def write_graph(
    folder: Path,
    inputs: dict[str, tuple[int, list[Any]]],
    outputs: dict[str, list[Any]],
    values: dict[str, Any] | None = None,
) -> Path:
    """A graph whose outputs are constants blown up to (batch, tokens) of its first input."""
    first, (dtype, _) = next(iter(inputs.items()))
    nodes = [helper.make_node("Cast", [first], ["number"], to=FLOAT)]
    weights = []
    for name, shape in outputs.items():
        width = shape[-1] if isinstance(shape[-1], int) else 4
        value = np.asarray((values or {}).get(name, 0.5), np.float32)
        weights.append(
            numpy_helper.from_array(np.broadcast_to(value, (width,)).copy(), f"w_{name}")
        )
        rank = len(inputs[first][1])
        axes = list(range(1, rank)) if len(shape) == 2 else [rank - 1] if dtype == FLOAT else []
        weights.append(numpy_helper.from_array(np.array(axes, np.int64), f"axes_{name}"))
        if axes:
            nodes.append(helper.make_node("ReduceMean", ["number", f"axes_{name}"], [f"m_{name}"],
                                          keepdims=0))  # fmt: skip
        source = f"m_{name}" if axes else "number"
        weights.append(numpy_helper.from_array(np.array([-1], np.int64), f"last_{name}"))
        nodes.append(helper.make_node("Unsqueeze", [source, f"last_{name}"], [f"u_{name}"]))
        nodes.append(helper.make_node("Mul", [f"u_{name}", f"w_{name}"], [name]))
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info(n, d, s) for n, (d, s) in inputs.items()],
        [helper.make_tensor_value_info(n, FLOAT, s) for n, s in outputs.items()],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    folder.mkdir(exist_ok=True)
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    return folder


TOKENS = {
    "input_ids": (INT64, ["batch", "tokens"]),
    "attention_mask": (INT64, ["batch", "tokens"]),
    "token_type_ids": (INT64, ["batch", "tokens"]),
}
PIXELS = {"pixel_values": (FLOAT, ["batch", 3, 32, 32])}


@pytest.mark.parametrize(
    ("inputs", "outputs", "shape"),
    [
        (TOKENS, {"last_hidden_state": ["batch", "tokens", 24]}, (1, 8, 24)),
        (TOKENS, {"sentence_embedding": ["batch", 24]}, (1, 24)),
        (TOKENS, {"logits": ["batch", 3]}, (1, 3)),
        (PIXELS, {"logits": ["batch", 1000]}, (1, 1000)),
    ],
)
def test_graphs_that_generate_nothing_are_run(
    tmp_path: Path, inputs: Any, outputs: Any, shape: tuple[int, ...]
) -> None:
    write_graph(tmp_path, inputs, outputs)
    closure, applies = decided(tmp_path)
    assert applies.decision == "no-generated-output", applies.reason
    probe = FolderLoader(tmp_path).probe(closure, applies)
    assert probe.output_shape == shape
    assert [name for name, _ in probe.runtime] == ["onnxruntime"]


def test_a_graph_that_writes_is_tested(tmp_path: Path) -> None:
    write_graph(tmp_path, TOKENS, {"logits": ["batch", "tokens", 512]})
    assert decided(tmp_path)[1].decision == "generates-text"


def test_a_writer_whose_output_got_another_name_is_tested(tmp_path: Path) -> None:
    write_graph(tmp_path, TOKENS, {"last_hidden_state": ["batch", "tokens", 512]})
    (tmp_path / "config.json").write_text(
        json.dumps({"architectures": ["BertModel"], "vocab_size": 10**6})
    )
    vocabulary = {f"t{number}": number for number in range(500)}
    (tmp_path / "tokenizer.json").write_text(json.dumps({"model": {"vocab": vocabulary}}))
    assert decided(tmp_path)[1].reason == "output last_hidden_state is as wide as the vocabulary"


def test_a_graph_in_a_folder_called_onnx_finds_its_config_above(tmp_path: Path) -> None:
    write_graph(tmp_path / "onnx", TOKENS, {"last_hidden_state": ["batch", "tokens", 24]})
    (tmp_path / "config.json").write_text(json.dumps({"architectures": ["BertModel"]}))
    assert decided(tmp_path)[1].architecture == "BertModel"
    (tmp_path / "config.json").write_text(json.dumps({"vocab_size": 24}))
    assert decided(tmp_path)[1].decision == "generates-text"


def test_the_demos_model_writes(tmp_path: Path) -> None:
    closure = the_closure(CIVIL)
    assert decide(FolderLoader(CIVIL).facts(closure)).decision == "generates-text"
    # The same graph without the file that says how to write with it.
    for name in ("model.onnx", "model.onnx.data"):
        (tmp_path / name).write_bytes((CIVIL / name).read_bytes())
    applies = decided(tmp_path)[1]
    assert applies.decision == "generates-text"
    assert "generation cache" in applies.reason


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_outputs_that_are_not_numbers_do_not_pass(tmp_path: Path, value: float) -> None:
    write_graph(tmp_path, TOKENS, {"logits": ["batch", 3]}, {"logits": value})
    closure, applies = decided(tmp_path)
    with pytest.raises(ServiceError, match="of finite numbers"):
        FolderLoader(tmp_path).probe(closure, applies)


def test_an_input_that_nobody_can_make_up_is_said(tmp_path: Path) -> None:
    inputs = {"surprise": (INT64, ["batch", "tokens"])}
    write_graph(tmp_path, inputs, {"logits": ["batch", 3]})
    closure, applies = decided(tmp_path)
    with pytest.raises(UnsupportedError, match="surprise"):
        FolderLoader(tmp_path).probe(closure, applies)


def test_weights_outside_of_the_folder_are_never_opened(tmp_path: Path) -> None:
    write_graph(tmp_path, TOKENS, {"logits": ["batch", 3]})
    model = onnx.load(tmp_path / "model.onnx")
    weight = model.graph.initializer[0]
    weight.ClearField("raw_data")
    weight.data_location = TensorProto.EXTERNAL
    entry = weight.external_data.add()
    entry.key, entry.value = "location", "../secret.bin"
    (tmp_path / "model.onnx").write_bytes(model.SerializeToString())
    closure = the_closure(tmp_path)
    with pytest.raises(MalformedError, match=r"\.\./secret\.bin"):
        FolderLoader(tmp_path).facts(closure)


@pytest.mark.parametrize("content", [b"", b"rubbish"])
def test_a_graph_that_is_none_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "model.onnx").write_bytes(content)
    with pytest.raises((MalformedError, ServiceError), match=r"model\.onnx"):
        FolderLoader(tmp_path).facts(Closure("onnx", "model.onnx", the_files("model.onnx")))


def the_files(*names: str) -> Any:
    return tuple(Entry(name, 0, "0" * 64) for name in names)


def test_kinds_that_are_never_opened_generate_text(tmp_path: Path) -> None:
    closure = Closure("gguf", "m.gguf", the_files("m.gguf"))
    loader = FolderLoader(tmp_path)
    applies = decide(loader.facts(closure))
    assert applies.decision == "generates-text"
    with pytest.raises(UnsupportedError, match="gguf"):
        loader.probe(closure, applies)


def test_a_pipeline_for_images(tmp_path: Path) -> None:
    (tmp_path / "unet").mkdir()
    index = {
        "_class_name": "StableDiffusionPipeline",
        "unet": ["diffusers", "UNet2DConditionModel"],
    }
    (tmp_path / "model_index.json").write_text(json.dumps(index))
    (tmp_path / "unet" / "config.json").write_text("{}")
    save_file({"conv_in.weight": torch.zeros(2)}, tmp_path / "unet" / "model.safetensors")
    closure, applies = decided(tmp_path)
    assert (closure.kind, applies.decision) == ("diffusers", "generates-other")
