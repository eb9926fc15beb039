# SPDX-License-Identifier: Apache-2.0
"""Real transformers models in folders: which can write, and whether the others really load."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

from hubpolicy.adapters.loaders import FolderLoader
from hubpolicy.errors import MalformedError, ServiceError, UnsupportedError
from tests.adapters.closures_here import decided

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.torch

SMALL = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 1,
         "num_attention_heads": 2, "vocab_size": 99}  # fmt: skip


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
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    make: Any,
    architecture: str,
    shape: tuple[int, ...],
) -> None:
    make(tmp_path)
    transformers.logging.enable_progress_bar()
    capfd.readouterr()
    closure, applies = decided(tmp_path)
    assert (applies.decision, applies.architecture) == ("no-generated-output", architecture), (
        applies.reason
    )
    probe = FolderLoader(tmp_path).probe(closure, applies)
    assert probe.output_shape == shape
    assert [name for name, _ in probe.runtime] == ["torch", "transformers"]
    assert capfd.readouterr() == ("", "")


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
