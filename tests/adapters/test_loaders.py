# SPDX-License-Identifier: Apache-2.0
"""Real graphs in folders: which of them can write, and whether the others really run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import save_file

import hubpolicy
from hubpolicy.adapters.loaders import FolderLoader, read_tensor_names
from hubpolicy.core.applicability import decide
from hubpolicy.core.closure import Closure
from hubpolicy.domain.manifest import Entry
from hubpolicy.errors import MalformedError, ServiceError, UnsupportedError
from tests.adapters.closures_here import decided, the_closure

CIVIL = Path(hubpolicy.__file__).parent / "assets" / "demo" / "models" / "civil"
FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64


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
    (tmp_path / "config.json").write_text('{"vocab_size": 30522}')
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


def embedding_graph(folder: Path, rows: int, width: int) -> None:
    """Tokens to rows of a table: what is an embedder for its output's name alone."""
    table = np.random.default_rng(0).random((rows, width), np.float32)
    graph = helper.make_graph(
        [helper.make_node("Gather", ["table", "input_ids"], ["last_hidden_state"])],
        "g",
        [helper.make_tensor_value_info("input_ids", INT64, ["batch", "tokens"])],
        [helper.make_tensor_value_info("last_hidden_state", FLOAT, ["batch", "tokens", width])],
        [numpy_helper.from_array(table, "table")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    (folder / "model.onnx").write_bytes(model.SerializeToString())


@pytest.mark.parametrize(
    ("stated", "holds"), [(300, True), (512, True), (513, False), (10**6, False)]
)
def test_a_vocabulary_larger_than_the_table_is_a_lie(
    tmp_path: Path, stated: int, holds: bool
) -> None:
    embedding_graph(tmp_path, 512, 256)
    (tmp_path / "config.json").write_text(
        json.dumps({"architectures": ["BertModel"], "vocab_size": stated})
    )
    vocabulary = {f"t{number}": number for number in range(stated)}
    (tmp_path / "tokenizer.json").write_text(json.dumps({"model": {"vocab": vocabulary}}))
    closure, applies = decided(tmp_path)
    assert applies.decision == "no-generated-output", applies.reason
    loader = FolderLoader(tmp_path)
    if holds:
        assert loader.probe(closure, applies).output_shape == (1, 8, 256)
        return
    with pytest.raises(ServiceError, match=f"does not know token {stated - 1}") as caught:
        loader.probe(closure, applies)
    assert "larger vocabulary than the graph has" in caught.value.hint


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
    (tmp_path / "m.gguf").write_bytes(b"GGUF")
    closure = Closure("gguf", "m.gguf", the_files("m.gguf"))
    loader = FolderLoader(tmp_path)
    applies = decide(loader.facts(closure))
    assert applies.decision == "generates-text"
    with pytest.raises(UnsupportedError, match="gguf"):
        loader.probe(closure, applies)


@pytest.mark.parametrize(
    ("name", "content", "chats"),
    [
        ("chat_template.jinja", b"{{ messages }}", True),
        ("tokenizer_config.json", b'{"chat_template": "{{ messages }}"}', True),
        ("tokenizer_config.json", b'{"chat\\u005ftemplate": "{{ messages }}"}', True),
        (
            "tokenizer_config.json",
            b'{"chat_template": [{"name": "default", "template": "x"}]}',
            True,
        ),
        ("tokenizer_config.json", b'{"chat_template": "x", "chat_template": null}', True),
        ("tokenizer_config.json", b'{"bos_token": ', True),  # unreadable: asked more, not less
        ("tokenizer_config.json", b'{"bos_token": "<s>"}', False),
        ("additional_chat_templates/default.jinja", b"{{ messages }}", True),
        ("m.gguf", b"GGUF" + bytes(17 * 1024 * 1024) + b"tokenizer.chat_template", True),
        ("m.gguf", b"GGUF\x03 tokenizer.ggml.tokens tokenizer.chat_template {{ messages }}", True),
        ("m.gguf", b"GGUF\x03 tokenizer.ggml.tokens", False),
        ("config.json", b'{"chat_template": "not looked for here"}', False),
    ],
)
def test_who_can_chat_is_seen_in_the_files(
    tmp_path: Path, name: str, content: bytes, *, chats: bool
) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_bytes(content)
    closure = Closure("gguf", name, the_files(name))
    assert FolderLoader(tmp_path).facts(closure).chat_template is chats


def test_a_template_that_cannot_be_read_is_not_guessed_away(tmp_path: Path) -> None:
    closure = Closure("gguf", "m.gguf", the_files("m.gguf"))
    with pytest.raises(ServiceError, match=r"m\.gguf"):
        FolderLoader(tmp_path).facts(closure)


def test_a_pipeline_for_images(tmp_path: Path) -> None:
    (tmp_path / "unet").mkdir()
    index = {
        "_class_name": "StableDiffusionPipeline",
        "unet": ["diffusers", "UNet2DConditionModel"],
    }
    (tmp_path / "model_index.json").write_text(json.dumps(index))
    (tmp_path / "unet" / "config.json").write_text("{}")
    save_file({"conv_in.weight": np.zeros(2, np.float32)}, tmp_path / "unet" / "model.safetensors")
    closure, applies = decided(tmp_path)
    assert (closure.kind, applies.decision) == ("diffusers", "generates-other")


def pipeline_with(folder: Path, part: str, tensor: str) -> None:
    index = {
        "_class_name": "StableDiffusionPipeline",
        "unet": ["diffusers", "UNet2DConditionModel"],
        part: ["transformers", "CLIPTextModel"],
    }
    folder.mkdir(exist_ok=True)
    (folder / "model_index.json").write_text(json.dumps(index))
    for name, key in (("unet", "conv_in.weight"), (part, tensor)):
        (folder / name).mkdir()
        save_file({key: np.zeros(2, np.float32)}, folder / name / "model.safetensors")


@pytest.mark.parametrize(
    ("part", "tensor", "decision"),
    [
        ("text_encoder", "text_model.embeddings.token_embedding.weight", "generates-other"),
        ("text_encoder", "model.embed_tokens.weight", "generates-text"),
        ("llm", "text_model.embeddings.token_embedding.weight", "generates-text"),
    ],
)
@pytest.mark.parametrize("above", ["", "deep"])
def test_each_part_of_a_pipeline_is_looked_at(
    tmp_path: Path, part: str, tensor: str, decision: str, above: str
) -> None:
    pipeline_with(tmp_path / above, part, tensor)
    assert decided(tmp_path)[1].decision == decision


def test_a_pipeline_with_a_graph_whose_tensors_nobody_looks_at(tmp_path: Path) -> None:
    pipeline_with(tmp_path, "text_encoder", "text_model.embeddings.token_embedding.weight")
    (tmp_path / "text_encoder" / "model.safetensors").unlink()
    write_graph(tmp_path / "text_encoder", TOKENS, {"logits": ["batch", "tokens", 512]})
    closure, applies = decided(tmp_path)
    assert (closure.kind, applies.decision) == ("diffusers", "generates-text")


def test_an_adapter_is_text_whatever_lies_beside_it(tmp_path: Path) -> None:
    """PEFT reads no ``config.json``: what the adapter makes is what its base makes."""
    tensor = "transformer_blocks.0.attn.to_q.lora_A.weight"
    save_file({tensor: np.zeros(2, np.float32)}, tmp_path / "adapter_model.safetensors")
    named = {"peft_type": "LORA", "base_model_name_or_path": "acme/base", "revision": "0" * 40}
    (tmp_path / "adapter_config.json").write_text(json.dumps(named))
    files = {"config.json": "1" * 64, "model.safetensors": "2" * 64}
    pinned = {"schema": "hubpolicy/base/1", "repo": "acme/base", "revision": "0" * 40}
    (tmp_path / "base_config.json").write_text(json.dumps({**pinned, "files": files}))
    for name in ("FluxTransformer2DModel", "BertModel"):
        (tmp_path / "config.json").write_text(json.dumps({"architectures": [name]}))
        closure, applies = decided(tmp_path)
        assert (closure.kind, applies.decision) == ("safetensors", "generates-text")


def test_the_model_type_that_loaders_follow_counts(tmp_path: Path) -> None:
    save_file({"conv_in.weight": np.zeros(2, np.float32)}, tmp_path / "model.safetensors")
    config = {"architectures": ["UNet2DModel"]}
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert decided(tmp_path)[1].decision == "generates-other"
    (tmp_path / "config.json").write_text(json.dumps({**config, "model_type": "llama"}))
    assert decided(tmp_path)[1].decision == "generates-text"


def test_a_broken_safetensors_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    save_file({"a": np.zeros(3, np.float32)}, path)
    assert read_tensor_names(path) == {"a"}
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(MalformedError, match=r"model\.safetensors"):
        read_tensor_names(path)
    with pytest.raises(ServiceError, match="nowhere"):
        read_tensor_names(tmp_path / "nowhere")
