"""The closed tables: what each name and each first bytes mean."""

from __future__ import annotations

import io
import json
import pickle
import struct
import tarfile
import tracemalloc
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubpolicy.core.filetypes import (
    CONFIG_CAP,
    INERT,
    LARGE,
    MIB,
    classify,
    declares_remote_code,
    inert_cap,
    is_named_like_weights,
    is_plain_text,
    is_plainly_inert,
    is_weight_like,
    kind_of_name,
    kinds,
    may_declare_code,
)
from hubpolicy.core.magic import sniff
from hubpolicy.errors import MalformedError

KINDS = ("inert", "weight", "pickle", "code", "config", "unknown")

NAMES = {
    "weight": (
        "model.safetensors model.fp16.safetensors x.SAFETENSORS q4.gguf ggml-model.ggml model.onnx "
        "model.onnx.data model.onnx_data model.onnx_data_1 adapter.onnx_adapter model.ort tf.h5 "
        "m.keras m.tflite saved_model.pb flax_model.msgpack a.npz a.npy m.mlmodel m.mlpackage "
        "m.engine m.plan m.nemo rust_model.ot m.marlin a.tar a.zip a.tar.gz a.tgz a.7z a.xz a.zst "
        "data.parquet deep/er/model.safetensors LICENSE.zip"
    ),
    "pickle": (
        "pytorch_model.bin m.pt m.pth m.ckpt m.pkl m.pickle m.joblib optimizer.PT "
        "training_args.bin README.bin license.pt tokenizer.pkl"
    ),
    "code": (
        "modeling_x.py run.sh lib.so libx.so.1.2 x.dll x.js index.html x.ipynb x.cpp k.cu Makefile "
        "Dockerfile setup.py pyproject.toml x.pyc x.wasm LICENSE.py custom_generate/generate.py"
    ),
    "config": (
        "config.json CONFIG.JSON generation_config.json genai_config.json tokenizer.json "
        "tokenizer_config.json tokenizer.model tokenizer.model.v3 vocab.json vocab.txt merges.txt "
        "spiece.model special_tokens_map.json added_tokens.json chat_template.jinja "
        "chat_template.json preprocessor_config.json processor_config.json adapter_config.json "
        "model.safetensors.index.json pytorch_model.bin.index.json modules.json model_index.json "
        "sentence_bert_config.json config_sentence_transformers.json 1_Pooling/config.json "
        "qwen.tiktoken source.spm params.json tekken.json additional/x.jinja"
    ),
    "inert": (
        "README.md docs/guide.md LICENSE license LICENSE.txt LICENSE-APACHE LICENCE NOTICE COPYING "
        "USE_POLICY.md logo.png a/b.JPG x.gif x.webp x.svg paper.pdf .gitattributes .gitignore "
        "CITATION.cff refs.bib .eval_results/toxicity.yaml .github/workflows/sync.yml "
        "requirements.txt trainer_state.json all_results.json .pre-commit-config.yaml "
        ".gitlab-ci.yml lefthook.yml"
    ),
    "unknown": (
        "notes.txt data.csv x.json config.yaml hyperparams.yaml sub/.eval_results/x.yaml x.toml "
        "LICENSE.foo licenses noticed .gitmodules x .hidden audio.wav model.safetensors.tmp "
        ".github/x.json a.bin. .pt"
    ),
}
BY_NAME = [(kind, name) for kind, names in NAMES.items() for name in names.split()]


def _zip(member: str) -> bytes:
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w") as archive:
        archive.writestr(member, b"x")
    return raw.getvalue()[:512]


def _tar() -> bytes:
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("x"), io.BytesIO())
    return raw.getvalue()[:512]


def _npy(array: object) -> bytes:
    raw = io.BytesIO()
    np.save(raw, np.asarray(array))
    return raw.getvalue()[:512]


SAFETENSORS = struct.pack("<Q", 80) + b'{"__metadata__":{}}'
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
HEADS = [
    ("pickle", pickle.dumps({"a": 1}, protocol=2)),
    ("pickle", pickle.dumps({"a": 1}, protocol=4)),
    ("pickle", pickle.dumps({"a": 1}, protocol=5)),
    ("pickle", _zip("archive/data.pkl")),
    ("pickle", _npy([None, "x"])),
    ("weight", _npy([1.0])),
    ("weight", b"GGUF\x03\0\0\0"),
    ("weight", b"lmgg\0\0"),
    ("weight", b"\x89HDF\r\n\x1a\n\0"),
    ("weight", SAFETENSORS),
    ("weight", b"\x1c\0\0\0TFL3\0"),
    ("weight", b"\x08\x0a\x12\x07pytorch\0"),
    ("archive", _zip("word/document.xml")),
    ("archive", _tar()),
    ("archive", b"\x1f\x8b\x08\0"),
    ("archive", b"7z\xbc\xaf\x27\x1c"),
    ("archive", b"\x28\xb5\x2f\xfd"),
    ("code", b"\x7fELF\x02"),
    ("code", b"MZ\x90\0\x03\0"),
    ("code", b"#!/bin/sh\n"),
    ("code", b"\0asm\x01\0"),
    ("image", PNG),
    ("image", b"\xff\xd8\xff\xe0\0\x10JFIF"),
    ("image", b"GIF89a\x01\0"),
    ("image", b"RIFF\x24\0\0\0WEBPVP8 "),
    ("pdf", b"%PDF-1.7\n"),
    ("text", b"# A model card\n"),
    ("text", "MZ is no program, Übung".encode()),
    ("text", b'{"a": 1}'),
    ("binary", b"\x0a\x05hello\0"),
    ("binary", struct.pack("<Q", 1 << 40) + b"{"),
]


@pytest.mark.parametrize(("kind", "name"), BY_NAME)
def test_kind_by_name(kind: str, name: str) -> None:
    assert classify(name, 1, None) == kind


@pytest.mark.parametrize(("look", "head"), HEADS)
def test_look_of_first_bytes(look: str, head: bytes) -> None:
    assert sniff(head) == look


@pytest.mark.parametrize(
    ("path", "head", "kind"),
    [
        ("README.md", pickle.dumps(1, protocol=4), "pickle"),
        ("config.json", pickle.dumps(1, protocol=4), "pickle"),
        ("notes.txt", b"GGUF\x03\0\0\0", "weight"),
        ("logo.png", _zip("x"), "weight"),
        ("logo.png", SAFETENSORS, "weight"),
        ("notes.txt", b"#!/bin/sh\n", "code"),
        ("logo.png", b"\x7fELF\x02", "code"),
        ("logo.png", b"not an image", "unknown"),
        ("logo.png", PNG, "inert"),
        ("logo.svg", b"<svg/>", "inert"),
        ("logo.svg", PNG, "unknown"),
        ("README.md", PNG, "unknown"),
        ("README.md", "ünï".encode(), "inert"),
        ("README.md", "x".encode("utf-16"), "unknown"),
        ("README.md", b"", "inert"),
        ("paper.pdf", b"%PDF-1.7", "inert"),
        ("paper.pdf", b"\0\0", "unknown"),
        ("tokenizer.model", b"\x0a\x0e\x0a\x05<unk>\0", "config"),
        ("data.csv", b"a,b\n", "unknown"),
    ],
)
def test_first_bytes_make_a_name_more_dangerous(path: str, head: bytes, kind: str) -> None:
    assert classify(path, 1, head) == kind


@pytest.mark.parametrize("name", [n for k, n in BY_NAME if k in {"weight", "pickle", "code"}])
@pytest.mark.parametrize("head", [b"# text", PNG, b"GGUF\x03\0\0\0", b"#!/bin/sh", b"\x80\x04x"])
def test_first_bytes_never_clear_a_dangerous_name(name: str, head: bytes) -> None:
    assert classify(name, 1, head) == kind_of_name(name, 1)


def test_a_gguf_named_bin_stays_a_pickle_since_both_readings_are_valid() -> None:
    # "G" is pickle's BINFLOAT: eight bytes follow, then any opcode.
    polyglot = b"GGUF\x03\0\0\0\0" + pickle.dumps("loaded", protocol=0)
    assert pickle.loads(polyglot) == "loaded"
    assert sniff(polyglot) == "weight"
    assert classify("model.bin", 1, polyglot) == "pickle"


@pytest.mark.parametrize(("pattern", "cap"), INERT)
def test_inert_up_to_its_cap(pattern: str, cap: int) -> None:
    path = pattern.replace("*", "x" if "*." in pattern else "")
    assert inert_cap(path) == cap
    assert classify(path, cap, None) == "inert"
    over = classify(path, cap + 1, None)
    assert over == ("weight" if cap >= LARGE else "unknown")


@pytest.mark.parametrize(
    ("path", "size", "weight_like"),
    [
        ("notes.txt", LARGE, False),
        ("notes.txt", LARGE + 1, True),
        ("README.md", LARGE + 1, True),
        ("logo.png", LARGE + 1, True),
        ("tokenizer.json", LARGE + 1, False),
        ("tokenizer.json", CONFIG_CAP, False),
        ("tokenizer.json", CONFIG_CAP + 1, True),
        ("modeling.py", LARGE, False),
        ("modeling.py", LARGE + 1, True),
        ("params.json", LARGE, False),
        ("params.json", LARGE + 1, True),
        ("model.safetensors", 0, True),
        ("m.pt", 0, True),
    ],
)
def test_weight_like_by_size(path: str, size: int, weight_like: bool) -> None:
    assert is_weight_like(path, size) is weight_like


@given(st.text(), st.integers(0, 1 << 50), st.none() | st.binary(max_size=512))
def test_every_file_has_exactly_one_kind(path: str, size: int, head: bytes | None) -> None:
    kind = classify(path, size, head)
    assert kind in KINDS
    assert kind != "inert" or size <= 10 * MIB
    assert is_weight_like(path, size, head) == (kind in {"weight", "pickle"})


SUFFIXES = [f".{name}" for name in ("safetensors", "bin", "PT", "py", "onnx_data", "txt", "")]


@given(st.text(), st.sampled_from(SUFFIXES))
def test_the_quick_question_gets_the_answer_of_the_long_one(stem: str, suffix: str) -> None:
    path = stem + suffix
    assert is_named_like_weights(path) is is_weight_like(path, 0)


INERT_SUFFIXES = sorted({pattern[2:] for pattern, _ in INERT if pattern.startswith("*.")})
BEGINNINGS = st.sampled_from([head for _, head in HEADS]) | st.binary(max_size=6) | st.just(b"# x")


@given(
    st.text("aA./tokenizer config", max_size=9),
    st.sampled_from([*INERT_SUFFIXES, "MD", "bin", "py", "json", ""]),
    st.integers(0, 12 * MIB),
    st.tuples(BEGINNINGS, st.binary(max_size=20)).map(b"".join),
)
def test_a_quick_yes_is_what_the_long_way_says(
    stem: str, suffix: str, size: int, head: bytes
) -> None:
    path = f"{stem}.{suffix}"
    if is_plainly_inert(path, size):
        assert kind_of_name(path, size) == "inert"
        if is_plain_text(path, head):
            assert classify(path, size, head) == "inert"


def test_most_files_of_a_release_get_the_quick_yes() -> None:
    assert is_plainly_inert("docs/01/page-00001.md", 300)
    assert is_plain_text("docs/01/page-00001.md", b"# a page\n")


def test_kinds_takes_first_bytes_where_there_are_some() -> None:
    sizes = {"a.txt": 1, "b.txt": 1}
    assert dict(kinds(sizes, {"b.txt": b"GGUF\0"})) == {"a.txt": "unknown", "b.txt": "weight"}


@pytest.mark.parametrize(
    ("config", "found"),
    [
        ({"model_type": "llama"}, ()),
        ({"auto_map": {}}, ()),
        ({"auto_map": None, "custom_pipelines": None}, ()),
        ({"auto_map": {"AutoModel": "m.M"}}, ("auto_map -> {'AutoModel': 'm.M'}",)),
        ({"text_config": {"auto_map": {"A": "org/repo--m.M"}}}, ("auto_map",)),
        ([{"auto_map": "x"}], ("auto_map -> x",)),
        ({"custom_pipelines": {"p": {"impl": "m.P"}}}, ("custom_pipelines",)),
        ({"s": {"custom_ops_library": "evil.so"}}, ("custom_ops_library -> evil.so",)),
        ([{"idx": 0, "path": "", "type": "custom_st.Transformer"}], ("type -> custom_st",)),
        ([{"idx": 0, "path": "", "type": "sentence_transformers.models.Pooling"}], ()),
        ({"rope_scaling": {"type": "linear"}}, ()),
        ({"model_max_length": 10**30}, ()),
    ],
)
def test_remote_code(config: object, found: tuple[str, ...]) -> None:
    declared = declares_remote_code(json.dumps(config).encode())
    assert len(declared) == len(found)
    assert all(text.startswith(start) for text, start in zip(declared, found, strict=True))


@pytest.mark.parametrize(
    "config",
    [
        b'{"auto_map": {"A": "evil.M"}, "auto_map": {}}',
        b'{"auto_map": {}, "auto_map": {"A": "evil.M"}}',
        b'{"\\u0061uto_map": {"A": "evil.M"}}',
        b'{"x": Infinity, "auto_map": {"A": "evil.M"}}',
    ],
)
def test_remote_code_hides_neither_in_duplicates_nor_in_escapes(config: bytes) -> None:
    assert declares_remote_code(config) == ("auto_map -> {'A': 'evil.M'}",)


@pytest.mark.parametrize(
    "config",
    [b"", b"{", b"\xff\xfe{\0}\0", b'\xef\xbb\xbf{"a": 1}', b"[" * 100_000, b'{"a": 1} x'],
)
def test_what_is_not_json_cannot_be_ruled_out(config: bytes) -> None:
    with pytest.raises(MalformedError, match="expected JSON"):
        declares_remote_code(config)


def test_a_number_with_a_million_digits_costs_no_time() -> None:
    assert declares_remote_code(b'{"a": ' + b"1" * 1_000_000 + b"}") == ()


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("config.json", True),
        ("text/tokenizer_config.json", True),
        ("modules.json", True),
        ("model_index.json", True),
        ("genai_config.json", True),
        ("tokenizer.json", False),
        ("vocab.json", False),
        ("README.md", False),
    ],
)
def test_where_code_may_be_declared(path: str, expected: bool) -> None:
    assert may_declare_code(path, 100) is expected
    assert not may_declare_code(path, CONFIG_CAP + 1)


def test_no_long_path_is_kept_in_mind() -> None:
    """A server sees what strangers push, for months."""
    tracemalloc.start()
    try:
        kinds = {classify(f"{n}{'/a' * 50_000}/model.gguf", 1, b"x") for n in range(300)}
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kinds == {"weight"}
    assert held < 5_000_000
