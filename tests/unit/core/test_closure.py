"""Which files belong together, layout by layout; what is incomplete makes no closure."""

from __future__ import annotations

import hashlib
import json
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubpolicy.core.closure import Closure, closures, config_paths, resolve, uncovered
from hubpolicy.core.rules import hp405
from hubpolicy.domain.manifest import Entry, Manifest, make_manifest

if TYPE_CHECKING:
    from collections.abc import Mapping

GENAI = {
    "model": {
        "decoder": {"filename": "model.onnx", "session_options": {}},
        "vision": {"filename": "", "config_filename": "processor_config.json"},
    }
}


def manifest_of(*paths: str) -> Manifest:
    digests = {path: hashlib.sha256(path.encode()).hexdigest() for path in paths}
    return make_manifest([Entry(path, 10, digest) for path, digest in digests.items()])


def resolved(
    paths: str, configs: Mapping[str, object] | None = None
) -> tuple[dict[tuple[str, str], set[str]], list[tuple[str, str]]]:
    """{(kind, main): the other paths} and [(named_by, name)] of what dangles."""
    contents = {path: json.dumps(value).encode() for path, value in (configs or {}).items()}
    resolution = resolve(manifest_of(*paths.split()), contents)
    found = {(str(c.kind), c.main): set(c.paths - {c.main}) for c in resolution.closures}
    return found, [(d.named_by, d.name) for d in resolution.dangling]


def index_of(*shards: str) -> dict[str, object]:
    return {"metadata": {}, "weight_map": {f"t{n}": shard for n, shard in enumerate(shards)}}


def test_genai_takes_what_it_names_external_data_tokenizer_and_template() -> None:
    found, dangling = resolved(
        "README.md genai_config.json model.onnx model.onnx.data model.onnx_data_1 model.onnxx "
        "processor_config.json tokenizer.json tokenizer_config.json chat_template.jinja logo.png "
        "additional_chat_templates/tool.jinja other/tokenizer.json",
        {"genai_config.json": GENAI},
    )
    assert dangling == []
    assert found == {
        ("onnx-genai", "genai_config.json"): {
            *("model.onnx", "model.onnx.data", "model.onnx_data_1", "processor_config.json"),
            *("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"),
            "additional_chat_templates/tool.jinja",
        }
    }


def test_genai_in_a_folder_beside_safetensors_are_two_closures() -> None:
    found, dangling = resolved(
        "config.json model.safetensors tokenizer.json int4/genai_config.json int4/model.onnx "
        "int4/tokenizer.json int4/processor_config.json",
        {"int4/genai_config.json": GENAI},
    )
    assert dangling == []
    assert found == {
        ("safetensors", "model.safetensors"): {"config.json", "tokenizer.json"},
        ("onnx-genai", "int4/genai_config.json"): {
            "int4/model.onnx",
            "int4/tokenizer.json",
            "int4/processor_config.json",
        },
    }


@pytest.mark.parametrize(
    ("config", "missing"),
    [
        (GENAI, "processor_config.json"),
        ({"model": {"decoder": {"filename": "other.onnx"}}}, "other.onnx"),
        ({"model": {"decoder": {"filename": "../model.onnx"}}}, "../model.onnx"),
        ({"model": {"decoder": {"filename": "/model.onnx"}}}, "/model.onnx"),
        ({"model": {}}, ""),
        ([], ""),
    ],
)
def test_genai_that_names_what_is_not_there_makes_no_closure(config: object, missing: str) -> None:
    found, dangling = resolved("genai_config.json model.onnx", {"genai_config.json": config})
    assert ("genai_config.json", missing) in dangling
    assert all(kind != "onnx-genai" for kind, _ in found)


def test_single_safetensors_each_precision_of_its_own() -> None:
    found, _ = resolved(
        "README.md config.json generation_config.json tokenizer.model chat_template.jinja "
        "model.safetensors model.fp16.safetensors"
    )
    configs = {"config.json", "generation_config.json", "tokenizer.model", "chat_template.jinja"}
    assert found == {
        ("safetensors", "model.safetensors"): configs,
        ("safetensors", "model.fp16.safetensors"): configs,
    }


def test_sharded_safetensors_is_one_closure() -> None:
    index, one, two = (
        "model.safetensors.index.json",
        "model-00001-of-00002.safetensors",
        "model-00002-of-00002.safetensors",
    )
    found, dangling = resolved(f"config.json {index} {one} {two}", {index: index_of(one, two, one)})
    assert dangling == []
    assert found == {("safetensors", index): {"config.json", one, two}}


def test_an_index_that_names_a_missing_shard_covers_nothing() -> None:
    index, one, two = "m.safetensors.index.json", "m-00001-of-00002.safetensors", "two.safetensors"
    found, dangling = resolved(f"{index} {one}", {index: index_of(one, two)})
    assert found == {}
    assert dangling == [(index, two)]


def test_shards_without_an_index_cover_nothing() -> None:
    assert resolved("config.json model-00001-of-00002.safetensors")[0] == {}


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"{", b"[]", b"{}", b'{"weight_map": {}}', b'{"weight_map": []}', b"\xff"),
        b'{"weight_map": {"a": "x.safetensors"}, "weight_map": {"a": "y.safetensors"}}',
    ],
)
def test_an_index_that_does_not_parse_dangles(content: bytes) -> None:
    index = "model.safetensors.index.json"
    resolution = resolve(manifest_of(index, "x.safetensors", "y.safetensors"), {index: content})
    assert [d.named_by for d in resolution.dangling] == [index]
    assert index not in {path for c in resolution.closures for path in c.paths}


@pytest.mark.parametrize(
    "path", ["genai_config.json", "model_index.json", "modules.json", "a.safetensors.index.json"]
)
def test_a_naming_file_that_was_not_read_dangles(path: str) -> None:
    resolution = resolve(manifest_of(path), {})
    assert [(d.named_by, d.reason) for d in resolution.dangling] == [(path, "could not be read")]


def test_config_paths_are_those_that_name_files() -> None:
    paths = (
        *("README.md", "config.json", "genai_config.json", "model_index.json", "modules.json"),
        *("sub/model.safetensors.index.json", "tokenizer.json"),
    )
    expected = {"genai_config.json", "model_index.json", "modules.json", paths[5]}
    assert set(config_paths(manifest_of(*paths))) == expected


def test_pickled_weights_are_closures_but_training_leftovers_are_not() -> None:
    found, _ = resolved("config.json pytorch_model.bin optimizer.pt training_args.bin spiece.bin")
    assert found == {("pytorch", "pytorch_model.bin"): {"config.json"}}


def test_sharded_pickles() -> None:
    index, shard = "pytorch_model.bin.index.json", "pytorch_model-00001-of-00001.bin"
    found, _ = resolved(f"{index} {shard}", {index: index_of(shard)})
    assert found == {("pytorch", index): {shard}}


def test_gguf_stands_alone_and_a_split_is_one() -> None:
    found, dangling = resolved(
        "config.json q4.gguf q8-00001-of-00003.gguf q8-00002-of-00003.gguf q8-00003-of-00003.gguf"
    )
    assert dangling == []
    assert found == {
        ("gguf", "q4.gguf"): set(),
        ("gguf", "q8-00001-of-00003.gguf"): {"q8-00002-of-00003.gguf", "q8-00003-of-00003.gguf"},
    }


@pytest.mark.parametrize(
    "paths", ["q-00002-of-00002.gguf", "q-00001-of-00002.gguf", "q-00000-of-00001.gguf"]
)
def test_an_incomplete_split_dangles(paths: str) -> None:
    found, dangling = resolved(paths)
    assert found == {}
    assert dangling == [(paths, "")]


def test_plain_onnx_each_precision_with_the_configs_of_the_folder_above() -> None:
    found, _ = resolved(
        "config.json tokenizer.json onnx/model.onnx onnx/model.onnx_data onnx/model_quantized.onnx "
        "onnx/quantize_config.json"
    )
    configs = {"config.json", "tokenizer.json", "onnx/quantize_config.json"}
    assert found == {
        ("onnx", "onnx/model.onnx"): {"onnx/model.onnx_data", *configs},
        ("onnx", "onnx/model_quantized.onnx"): configs,
    }


def test_encoder_and_decoder_of_one_precision_belong_together() -> None:
    found, _ = resolved(
        "encoder_model.onnx decoder_model_merged.onnx encoder_model_q4.onnx "
        "decoder_model_merged_q4.onnx decoder_model_merged_q4.onnx_data"
    )
    assert found == {
        ("onnx", "decoder_model_merged.onnx"): {"encoder_model.onnx"},
        ("onnx", "decoder_model_merged_q4.onnx"): {
            "decoder_model_merged_q4.onnx_data",
            "encoder_model_q4.onnx",
        },
    }


def test_external_data_that_was_read_from_the_onnx_file_belongs_to_it() -> None:
    manifest = manifest_of("a/model.onnx", "a/weights.pb")
    (closure,) = closures(manifest, {}, {"a/model.onnx": ("weights.pb",)})
    assert closure.paths == {"a/model.onnx", "a/weights.pb"}
    assert resolve(manifest, {}, {"a/model.onnx": ("gone.pb",)}).closures == ()


def test_sentence_transformers_modules_are_loaded_too() -> None:
    found, _ = resolved(
        "modules.json config.json config_sentence_transformers.json model.safetensors "
        "1_Pooling/config.json 2_Dense/config.json 2_Dense/model.safetensors 3_Other/config.json",
        {"modules.json": [{"path": p} for p in ("", "1_Pooling", "2_Dense")]},
    )
    assert found == {
        ("safetensors", "model.safetensors"): {
            *("modules.json", "config.json", "config_sentence_transformers.json"),
            *("1_Pooling/config.json", "2_Dense/config.json", "2_Dense/model.safetensors"),
        }
    }


def test_a_diffusers_pipeline_is_one_closure() -> None:
    index = "text_encoder/model.safetensors.index.json"
    shard = "text_encoder/model-00001-of-00001.safetensors"
    found, dangling = resolved(
        "model_index.json unet/config.json unet/diffusion_pytorch_model.safetensors "
        f"unet/diffusion_pytorch_model.fp16.safetensors {index} {shard} text_encoder/config.json "
        "scheduler/scheduler_config.json tokenizer/vocab.json vae_onnx/model.onnx",
        {
            "model_index.json": {
                "_class_name": "StableDiffusionPipeline",
                "safety_checker": [None, None],
                "scheduler": ["diffusers", "PNDMScheduler"],
                "text_encoder": ["transformers", "CLIPTextModel"],
                "tokenizer": ["transformers", "CLIPTokenizer"],
                "unet": ["diffusers", "UNet2DConditionModel"],
                "vae_onnx": ["diffusers", "OnnxRuntimeModel"],
            },
            index: index_of("model-00001-of-00001.safetensors"),
        },
    )
    assert dangling == []
    assert found["diffusers", "model_index.json"] == {
        *("unet/config.json", "unet/diffusion_pytorch_model.safetensors", index, shard),
        *("text_encoder/config.json", "scheduler/scheduler_config.json", "tokenizer/vocab.json"),
        "vae_onnx/model.onnx",
    }
    assert set(found) == {
        ("diffusers", "model_index.json"),
        ("safetensors", "unet/diffusion_pytorch_model.fp16.safetensors"),
    }


def test_a_pipeline_without_one_of_its_folders_dangles() -> None:
    config = {"model_index.json": {"unet": ["diffusers", "UNet2DConditionModel"]}}
    assert resolved("model_index.json", config) == ({}, [("model_index.json", "unet")])


def test_other_formats_are_in_no_closure() -> None:
    assert resolved("config.json tf_model.h5 flax_model.msgpack m.tflite a.npz m.keras")[0] == {}


def test_the_digest_is_the_dir_hash_of_its_files() -> None:
    manifest = manifest_of("README.md", "config.json", "model.safetensors")
    (closure,) = closures(manifest, {})
    lines = b"".join(f"{e.sha256}  {e.path}\n".encode() for e in manifest.entries[1:])
    assert closure.digest == hashlib.sha256(lines).hexdigest()
    other = manifest_of("config.json", "model.safetensors", "LICENSE")
    assert closures(other, {})[0].digest == closure.digest
    renamed = tuple(e._replace(path="b/" + e.path) for e in closure.files)
    assert Closure("safetensors", "b/model.safetensors", renamed).digest != closure.digest


def test_uncovered_is_all_but_the_tested_and_the_inert() -> None:
    manifest = manifest_of("README.md", "a.gguf", "b.gguf", "config.json", "logo.png", "x.py")
    heads = {"logo.png": b"\x80\x04."}
    found = uncovered(manifest, frozenset({"a.gguf"}), heads)
    assert [entry.path for entry in found] == ["b.gguf", "config.json", "logo.png", "x.py"]


def test_missing_files_are_findings() -> None:
    manifest = manifest_of("model.safetensors.index.json", "genai_config.json")
    index = json.dumps(index_of("gone.safetensors")).encode()
    dangling = resolve(manifest, {"model.safetensors.index.json": index}).dangling
    findings = hp405.check(dangling)
    assert {f.rule for f in findings} == {"HP405"}
    assert "'gone.safetensors'" in findings[1].message
    assert "genai_config.json could not be read" in findings[0].message


NAMES = st.sampled_from(
    [
        *("model.safetensors", "model.safetensors.index.json", "config.json", "modules.json"),
        *("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", "a.gguf"),
        *("a-00001-of-00002.gguf", "a-00002-of-00002.gguf", "genai_config.json", "model.onnx"),
        *("model.onnx.data", "pytorch_model.bin", "model_index.json", "x.py", "README.md"),
    ]
)
FOLDERS = st.sampled_from(["", "onnx/", "a/", "a/b/", "1_Pooling/"])
VALUES = st.recursive(
    st.none() | st.integers() | st.text(max_size=3) | NAMES | FOLDERS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["filename", "weight_map", "path", "type", "a", "unet"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)


@given(st.sets(st.builds(str.__add__, FOLDERS, NAMES)), st.data())
def test_closures_hold_only_files_of_the_release_and_never_code(
    paths: set[str], data: st.DataObject
) -> None:
    manifest = manifest_of(*paths)
    wanted = config_paths(manifest)
    configs = {path: json.dumps(data.draw(VALUES)).encode() for path in wanted}
    resolution = resolve(manifest, configs)
    for closure in resolution.closures:
        assert closure.paths <= paths
        assert closure.main in closure.paths
        assert not any(path.endswith(".py") for path in closure.paths)
        assert list(closure.files) == [e for e in manifest.entries if e.path in closure.paths]
    assert len({c.main for c in resolution.closures}) == len(resolution.closures)
    assert resolution == resolve(manifest, configs)


def test_ten_thousand_files_take_no_quadratic_time() -> None:
    names = [f"m{n:05}.onnx" for n in range(5_000)] + [f"s{n:05}.safetensors" for n in range(5_000)]
    manifest = manifest_of(*names)
    start = time.process_time()
    assert len(closures(manifest, {})) == 10_000
    assert time.process_time() - start < 5
