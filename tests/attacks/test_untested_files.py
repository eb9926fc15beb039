# SPDX-License-Identifier: Apache-2.0
"""An author who wants weights to count as tested that no run ever opens, or to swap those it did."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from hubpolicy.adapters.files import FolderRelease
from hubpolicy.adapters.generators import open_generator
from hubpolicy.adapters.loaders import FolderLoader, external_data, refuse_unopened
from hubpolicy.core.applicability import decide
from hubpolicy.core.closure import closures, config_paths
from hubpolicy.core.gatefile import load_gate
from hubpolicy.core.judge import judge
from hubpolicy.errors import UnsupportedError
from hubpolicy.flows.assemble import assemble
from tests.hook.gate_world import TARGET, person, sign

if TYPE_CHECKING:
    from collections.abc import Callable

    from hubpolicy.core.closure import Closure
    from hubpolicy.domain.finding import Decision

CIVIL = Path(__file__).parents[2] / "hubpolicy" / "assets" / "demo" / "models" / "civil"
TENSOR = b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'.ljust(64)
EVIL = (64).to_bytes(8, "little") + TENSOR + b"evil"
GGUF = b"GGUF\x03\0\0\0" + b"evil" * 256
CONFIG = b'{"architectures":["LlamaForCausalLM"]}'
NOW = "2026-01-02T03:05:00Z"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A model that passes its test."""
    shutil.copytree(CIVIL, tmp_path / "model")
    (tmp_path / "model" / "README.md").write_bytes(b"---\nlicense: mit\n---\n# Civil\n")
    return tmp_path / "model"


def configure(folder: Path, change: Callable[[Any], object]) -> None:
    path = folder / "genai_config.json"
    config = json.loads(path.read_bytes())
    change(config)
    path.write_text(json.dumps(config))


def closures_of(folder: Path) -> tuple[Closure, ...]:
    """As ``hubpolicy test`` groups them."""
    reader = FolderRelease(folder)
    configs = {path: reader.read(path) for path in config_paths(reader.manifest)}
    return closures(reader.manifest, configs, external_data(folder, reader.paths))


def open_all(folder: Path) -> tuple[Closure, ...]:
    """Load every closure as ``hubpolicy test`` does, without drawing a sample."""
    found = closures_of(folder)
    loader = FolderLoader(folder)
    for closure in found:
        applies = decide(loader.facts(closure))
        if applies.decision == "generates-text":
            with open_generator(folder, closure) as generator:
                assert generator.binding_level == 4
        else:
            loader.probe(closure, applies)
    return found


def gate(folder: Path) -> Decision:
    policy, trust, _ = load_gate(person().gate)
    return judge(assemble(FolderRelease(folder), TARGET, policy, trust, NOW))


def test_the_plain_model_is_loaded_and_passes(model: Path) -> None:
    (closure,) = open_all(model)
    sign(model, person(), loaded=list(closure.files))
    assert gate(model).verdict == "passed"


@pytest.mark.parametrize("section", ["vision", "encoder", "speech"])
def test_a_section_that_the_runtime_ignores_covers_no_weights(model: Path, section: str) -> None:
    (model / "model.safetensors").write_bytes(EVIL)
    (model / "config.json").write_bytes(CONFIG)
    configure(model, lambda c: c["model"].update({section: {"filename": "model.safetensors"}}))
    with pytest.raises(UnsupportedError, match=r"^model.safetensors would count as tested"):
        open_all(model)


def test_a_pipeline_hides_no_graph(model: Path) -> None:
    shutil.copy(model / "model.onnx", model / "other.onnx")
    pipeline = [{"one": {"filename": "other.onnx"}}]
    configure(model, lambda c: c["model"]["decoder"].update(pipeline=pipeline))
    with pytest.raises(UnsupportedError, match="pipeline"):
        open_all(model)


def test_modules_of_another_library_cover_no_weights(model: Path) -> None:
    (model / "hf").mkdir()
    (model / "hf" / "model.safetensors").write_bytes(EVIL)
    (model / "hf" / "config.json").write_bytes(CONFIG)
    module = {"path": "hf", "type": "sentence_transformers.models.Transformer"}
    (model / "modules.json").write_text(json.dumps([module]))
    with pytest.raises(UnsupportedError, match=r"^hf/model.safetensors would count as tested"):
        open_all(model)


@pytest.mark.parametrize("name", ["model.onnx.safetensors", "model.onnx_data", "model.onnx.bin"])
def test_a_name_like_the_graphs_is_no_external_data(model: Path, name: str) -> None:
    (model / name).write_bytes(EVIL)
    (genai, *_) = closures_of(model)
    assert name not in genai.paths
    sign(model, person(), loaded=list(genai.files))
    assert gate(model).verdict != "passed"


def test_weights_under_the_name_of_a_tokenizer_are_weights(model: Path) -> None:
    (model / "tokenizer-7b.model").write_bytes(GGUF)
    (closure,) = open_all(model)
    assert "tokenizer-7b.model" in closure.paths
    sign(model, person(), loaded=list(closure.files))
    assert {finding.rule for finding in gate(model).findings} == {"HP409"}


def test_a_tokenizer_larger_than_any_is_none(model: Path) -> None:
    with (model / "tokenizer-7b.model").open("wb") as file:
        file.truncate(65 * 1024 * 1024)
    with pytest.raises(UnsupportedError, match=r"^tokenizer-7b.model would count as tested"):
        open_all(model)


def weights_into_picture(folder: Path) -> bytes:
    """Move the weights into a file that starts as a PNG; returns its bytes."""
    graph = onnx.load(str(folder / "model.onnx"), load_external_data=True)
    (folder / "model.onnx.data").unlink()
    picture = bytearray(b"\x89PNG\r\n\x1a\n".ljust(4096, b"\0"))
    for tensor in graph.graph.initializer:
        if len(tensor.raw_data) < 1024:
            continue
        place = {"location": "logo.png", "offset": len(picture), "length": len(tensor.raw_data)}
        picture += tensor.raw_data
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        del tensor.external_data[:]
        for key, value in place.items():
            tensor.external_data.add(key=key, value=str(value))
    (folder / "model.onnx").write_bytes(graph.SerializeToString())
    (folder / "logo.png").write_bytes(picture)
    return bytes(picture)


def test_weights_in_a_picture_cannot_be_swapped_after_the_test(model: Path) -> None:
    picture = weights_into_picture(model)
    (closure,) = open_all(model)
    assert "logo.png" in closure.paths
    sign(model, person(), loaded=list(closure.files))
    assert gate(model).verdict == "passed"
    (model / "logo.png").write_bytes(picture[:4096] + picture[4096:][::-1])
    sign(model, person(), loaded=list(closure.files))
    assert "HP201" in {finding.rule for finding in gate(model).findings}


def test_a_closure_that_lacks_what_is_loaded_is_not_tested(model: Path) -> None:
    weights_into_picture(model)
    reader = FolderRelease(model)
    configs = {path: reader.read(path) for path in config_paths(reader.manifest)}
    (closure,) = closures(reader.manifest, configs)
    with pytest.raises(UnsupportedError, match=r"^logo.png is loaded"):
        refuse_unopened(closure, ("model.onnx", "logo.png"))


def embedder(folder: Path) -> None:
    rows = numpy_helper.from_array(np.zeros((100, 4), np.float32), "rows")
    ids = helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["b", "s"])
    out = helper.make_tensor_value_info("last_hidden_state", TensorProto.FLOAT, ["b", "s", 4])
    node = helper.make_node("Gather", ["rows", "input_ids"], ["last_hidden_state"])
    graph = helper.make_graph([node], "g", [ids], [out], [rows])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    (folder / "model.onnx").write_bytes(made.SerializeToString())
    (folder / "config.json").write_text('{"vocab_size": 100}')


def test_an_embedder_lends_its_exemption_to_nothing_beside_it(tmp_path: Path) -> None:
    embedder(tmp_path)
    open_all(tmp_path)
    (tmp_path / "dense").mkdir()
    (tmp_path / "dense" / "model.safetensors").write_bytes(EVIL)
    module = {"path": "dense", "type": "sentence_transformers.models.Dense"}
    (tmp_path / "modules.json").write_text(json.dumps([module]))
    with pytest.raises(UnsupportedError, match=r"^dense/model.safetensors would count as tested"):
        open_all(tmp_path)


def test_logits_under_another_name_need_a_vocabulary_to_compare_with(tmp_path: Path) -> None:
    embedder(tmp_path)
    (tmp_path / "config.json").unlink()
    (closure,) = closures_of(tmp_path)
    applies = decide(FolderLoader(tmp_path).facts(closure))
    assert (applies.decision, applies.reason) == (
        "generates-text",
        "the size of the vocabulary is not known",
    )
