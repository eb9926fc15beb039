# SPDX-License-Identifier: Apache-2.0
"""What a listing without contents is taken for: a name hides nothing that its size gives away."""

from __future__ import annotations

import pytest

from hubpolicy.core.filetypes import LARGE, is_weight_like
from hubpolicy.core.listed_weights import may_publish_weights, publishes_weights
from hubpolicy.core.rules.hp601 import SentBlob, is_weight
from hubpolicy.domain.manifest import ListedFile

MIB = 1 << 20
GIB = 1 << 30
SHA, BLOB = "a" * 64, "b" * 40


@pytest.mark.parametrize(
    ("file", "weights"),
    [
        (ListedFile("model.safetensors", 10, None, BLOB), True),
        (ListedFile("x.pkl", 10, None, BLOB), True),
        (ListedFile("blob", 10, SHA, None), True),
        (ListedFile("notes", 10, None, BLOB), False),
        (ListedFile("notes", 10, SHA, BLOB), False),
        (ListedFile("README.md", 10, None, BLOB), False),
        (ListedFile("picture.png", 10_000, SHA, None), False),
        (ListedFile(".hubpolicy/release.intoto.jsonl", 10, SHA, None), False),
        (ListedFile(".hubpolicy/model.safetensors", 10, None, BLOB), True),
        (ListedFile("model.sig", 1 << 40, SHA, None), True),
        (ListedFile(f".hubpolicy/evidence/{SHA}.jsonl.gz", LARGE, SHA, None), False),
        (ListedFile(f".hubpolicy/evidence/{SHA}.jsonl.gz", LARGE + 1, SHA, None), True),
    ],
)
def test_a_listing_tells_what_would_publish_weights(file: ListedFile, weights: bool) -> None:
    assert publishes_weights(file) is weights


HIDDEN = (
    ("weights.js", 5 * GIB),
    ("model.so", 5 * GIB),
    ("model.so.1", LARGE + 1),
    ("model-00001.o", 5 * GIB),
    ("w.html", 5 * GIB),
    ("w.class", 70 * GIB),
    ("w.whl", LARGE + 1),
    ("Makefile", 5 * GIB),
    ("tokenizer_1.model", 64 * MIB),
    ("params.json", 60 * MIB),
    ("config.json", LARGE + 1),
    ("tokenizer.model", LARGE + 1),
    ("tokenizer.json", 65 * MIB),
    ("model.index.json", 65 * MIB),
    ("card.png", LARGE + 1),
)


@pytest.mark.parametrize(("name", "size"), HIDDEN)
def test_a_name_hides_no_weights(name: str, size: int) -> None:
    """By LFS, in a bucket without any digest, in a past commit, in a push."""
    assert publishes_weights(ListedFile(name, size, SHA, None))
    assert publishes_weights(ListedFile(f"a/{name.upper()}", size, SHA, None))
    assert publishes_weights(ListedFile(name, size, None, None))
    assert is_weight_like(name, size)
    for head in (b"var x = 1;\n", b"\x7fELF\x02"):
        assert is_weight(SentBlob(name, BLOB, size, SHA, head, is_pointer=True))


@pytest.mark.parametrize(
    "name", ["w.js", "w.o", "w.class", "w.py", "tokenizer_1.model", "params.json", "config.json"]
)
def test_by_lfs_there_is_no_text(name: str) -> None:
    """Small pieces of something large; what git itself has under these names is ordinary."""
    assert publishes_weights(ListedFile(name, 5 * MIB, SHA, None))
    assert not publishes_weights(ListedFile(name, 5 * MIB, None, BLOB))
    assert not publishes_weights(ListedFile(name, 5 * MIB, SHA, BLOB))


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("tokenizer.json", 33 * MIB),
        ("tekken.json", 19 * MIB),
        ("tokenizer.model", 4 * MIB),
        ("text/sentencepiece.bpe.model", 5 * MIB),
        ("source.spm", MIB),
        ("qwen.tiktoken", 3 * MIB),
        ("model.safetensors.index.json", 12 * MIB),
        ("figures/a.png", 3 * MIB),
        ("paper.pdf", 9 * MIB),
        ("component-0.1-py3-none-any.whl", 2 * MIB),
        ("demo.wasm", 8 * MIB),
        ("lib/libx.so.1", MIB),
        ("walk.ipynb", 6 * MIB),
    ],
)
def test_what_ordinary_repositories_keep_by_lfs(name: str, size: int) -> None:
    assert not publishes_weights(ListedFile(name, size, SHA, None))
    assert not publishes_weights(ListedFile(name, size, None, None))


@pytest.mark.parametrize(
    ("name", "size", "may"),
    [
        ("model.onnx", 10, True),
        ("blob", 10, True),
        ("config.json", 700, False),
        ("modeling.py", 700, False),
        ("weights.js", 5 * GIB, True),
        ("README.md", 10, False),
        (".hubpolicy/release.intoto.jsonl", 10, False),
    ],
)
def test_of_a_copy_here_nobody_knows_what_is_kept_by_lfs(name: str, size: int, may: bool) -> None:
    assert may_publish_weights(name, size) is may
