# SPDX-License-Identifier: Apache-2.0
"""Checkpoints from elsewhere: nothing in them runs, and what is not as published is refused."""

from __future__ import annotations

import hashlib
import json
import os
from typing import TYPE_CHECKING, Any

import pytest
import torch

from hubpolicy.adapters.scorers.export.checkpoint import Weights, read_weights
from hubpolicy.adapters.scorers.export.known import Known, known_model, parse_lock, shape_of
from hubpolicy.adapters.scorers.export.network import build_network, columns, longest
from hubpolicy.adapters.scorers.export.parity import (
    Difference,
    compare,
    recheck_within,
    refuse_far,
    text_set,
)
from hubpolicy.errors import ConfigError, MalformedError, ServiceError, VerificationError
from tests.adapters.detoxify_world import (
    JIGSAW,
    VOCABULARY,
    Made,
    make_model,
    make_unitary,
    tiny_shape,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.torch

ORIGINAL = known_model("detoxify-original")
UNBIASED = known_model("detoxify-unbiased")


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return make_model("original", tmp_path_factory.mktemp("reading"))


@pytest.fixture(scope="session")
def unbiased(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return make_model("unbiased", tmp_path_factory.mktemp("reading-unbiased"))


def digest_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def published(known: Known, path: Path, digits: int = 8) -> Known:
    return known._replace(checkpoint_sha256=digest_of(path)[:digits])


def read(path: Path, known: Known = ORIGINAL) -> Weights:
    return read_weights(path, known, sha256=digest_of(path))


def saved(tmp_path: Path, content: Any) -> Path:
    torch.save(content, tmp_path / "made.ckpt")
    return tmp_path / "made.ckpt"


def test_a_checkpoint_is_read_as_it_is(made: Made) -> None:
    weights = read(made.checkpoint)
    assert weights.classes == ORIGINAL.labels
    assert weights.architecture == "BertForSequenceClassification"
    assert weights.confirmed == "caller"
    assert weights.sha256 == made.sha256
    for name, value in made.model.state_dict().items():
        assert torch.equal(weights.state[name], value)


@pytest.mark.parametrize(("digits", "confirmed"), [(8, "first 8 hex"), (64, "first 64 hex")])
def test_the_published_digits_are_enough(made: Made, digits: int, confirmed: str) -> None:
    weights = read_weights(made.checkpoint, published(ORIGINAL, made.checkpoint, digits))
    assert weights.confirmed.startswith(confirmed)


def test_another_digest_than_the_published_one_is_refused(made: Made) -> None:
    with pytest.raises(VerificationError, match="expected c1212f89… as published") as caught:
        read_weights(made.checkpoint, ORIGINAL)
    assert caught.value.hint.endswith(f"--sha256 {made.sha256}")


@pytest.mark.parametrize("given", ["0" * 64, "c1212f89", "f" * 64])
def test_another_digest_than_the_given_one_is_refused(made: Made, given: str) -> None:
    """Even where the published digits are right: the caller knows more."""
    known = published(ORIGINAL, made.checkpoint)
    with pytest.raises(VerificationError, match=f"expected {given}"):
        read_weights(made.checkpoint, known, sha256=given)


def test_the_digest_is_looked_at_before_the_content(tmp_path: Path) -> None:
    path = tmp_path / "junk.ckpt"
    path.write_bytes(b"\x80\x02junk")
    with pytest.raises(VerificationError):
        read_weights(path, ORIGINAL)


class Trap:
    """Makes a folder when it is unpickled the usual way."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
        return os.mkdir, (str(self.folder),)


@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "legacy"])
def test_code_in_a_checkpoint_never_runs(made: Made, tmp_path: Path, legacy: bool) -> None:
    content = torch.load(made.checkpoint, weights_only=True)
    content["config"]["callback"] = Trap(tmp_path / "sprung")
    path = tmp_path / "trap.ckpt"
    torch.save(content, path, _use_new_zipfile_serialization=not legacy)
    with pytest.raises(MalformedError, match="expected tensors and plain values alone") as refused:
        read(path)
    assert not (tmp_path / "sprung").exists()
    # What was found is named; torch's own advice, to load it with its code, is not passed on.
    assert "mkdir" in str(refused.value)
    assert "False" not in str(refused.value)
    # The trap is a real one: Detoxify's own way of loading springs it.
    torch.load(path, weights_only=False)
    assert (tmp_path / "sprung").exists()


@pytest.mark.parametrize("content", [b"", b"text", b"PK\x03\x04", b"\x80\x04K\x01.", b"\0" * 4096])
def test_what_is_no_checkpoint_is_one_clear_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "junk.ckpt"
    path.write_bytes(content)
    with pytest.raises(MalformedError, match=r"junk\.ckpt"):
        read(path)


def test_a_checkpoint_cut_short_is_one_clear_error(made: Made, tmp_path: Path) -> None:
    path = tmp_path / "cut.ckpt"
    path.write_bytes(made.checkpoint.read_bytes()[:-5000])
    with pytest.raises(MalformedError, match=r"cut\.ckpt"):
        read(path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ServiceError, match=r"gone\.ckpt"):
        read_weights(tmp_path / "gone.ckpt", ORIGINAL)


def without(*path: str) -> Callable[[dict[str, Any]], None]:
    def edit(content: dict[str, Any]) -> None:
        inner = content
        for key in path[:-1]:
            inner = inner[key]
        del inner[path[-1]]

    return edit


def classes(*names: str) -> Callable[[dict[str, Any]], None]:
    return lambda content: content["config"]["dataset"]["args"].update(classes=list(names))


def arch(**changes: Any) -> Callable[[dict[str, Any]], None]:
    return lambda content: content["config"]["arch"]["args"].update(changes)


def tensor(name: str, value: Any) -> Callable[[dict[str, Any]], None]:
    return lambda content: content["state_dict"].update({name: value})


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (without("config"), "got no 'config'"),
        (without("state_dict"), "got no 'state_dict'"),
        (without("config", "dataset", "args", "classes"), "got no 'classes'"),
        (without("config", "arch", "args", "model_name"), "got no 'model_name'"),
        (classes(), "got 0 classes"),
        (classes(*JIGSAW, "more"), "got 7 classes for 6 outputs"),
        (classes("toxic", "toxicity"), "got a label twice"),
        (arch(model_name="RobertaForSequenceClassification"), "got a Roberta"),
        (arch(model_name="os.system"), "got a os.system"),
        (arch(num_classes="6"), "for '6' outputs"),
        (tensor("bert.pooler.dense.bias", torch.full((64,), float("nan"))), "not finite"),
        (tensor("classifier.bias", torch.full((6,), float("inf"))), "not finite"),
        (tensor("classifier.bias", [0.0] * 6), "no tensors, or other things"),
    ],
)
def test_another_layout_is_refused(
    made: Made, tmp_path: Path, edit: Callable[[dict[str, Any]], None], words: str
) -> None:
    content = torch.load(made.checkpoint, weights_only=True)
    edit(content)
    with pytest.raises(MalformedError, match=words):
        read(saved(tmp_path, content))


@pytest.mark.parametrize("left_out", ORIGINAL.labels)
def test_a_label_that_is_missing_is_named(left_out: str) -> None:
    names = tuple(label for label in ORIGINAL.labels if label != left_out)
    with pytest.raises(MalformedError, match=f"expected also {left_out}, for detoxify-original"):
        columns(names, ORIGINAL)


def test_columns_are_found_by_name() -> None:
    assert columns(ORIGINAL.labels, ORIGINAL) == (0, 1, 2, 3, 4, 5)
    assert columns((*reversed(UNBIASED.labels), "male"), UNBIASED) == (6, 5, 4, 3, 2, 1, 0)


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (without("state_dict", "classifier.bias"), r"missing \['classifier.bias'\]"),
        (tensor("bert.extra", torch.zeros(1)), r"left over \['bert.extra'\]"),
        (tensor("classifier.bias", torch.zeros(7)), r"classifier.bias \(7,\), expected \(6,\)"),
        (tensor("bert.pooler.dense.bias", torch.zeros(())), "another shape"),
    ],
)
def test_tensors_fit_exactly(
    made: Made, tmp_path: Path, edit: Callable[[dict[str, Any]], None], words: str
) -> None:
    content = torch.load(made.checkpoint, weights_only=True)
    edit(content)
    weights = read(saved(tmp_path, content))
    with pytest.raises(MalformedError, match=words):
        build_network(weights, tiny_shape("original"))


def test_what_older_versions_saved_and_nobody_uses_is_no_hindrance(
    unbiased: Made, tmp_path: Path
) -> None:
    content = torch.load(unbiased.checkpoint, weights_only=True)
    content["state_dict"]["roberta.pooler.dense.weight"] = torch.zeros(64, 64)
    content["state_dict"]["roberta.pooler.dense.bias"] = torch.zeros(64)
    network = build_network(read(saved(tmp_path, content), UNBIASED), tiny_shape("unbiased"))
    assert not network.training
    assert network.config.num_labels == 16


def test_half_precision_is_read_as_single(made: Made, tmp_path: Path) -> None:
    content = torch.load(made.checkpoint, weights_only=True)
    content["state_dict"] = {
        name: value.half() if value.is_floating_point() else value
        for name, value in content["state_dict"].items()
    }
    network = build_network(read(saved(tmp_path, content)), tiny_shape("original"))
    assert {value.dtype for value in network.parameters()} == {torch.float32}


def folder_config(folder: Path, **changes: Any) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_bytes()), **changes}))


def test_a_folder_names_its_labels_and_its_shape(made: Made, tmp_path: Path) -> None:
    digest = make_unitary(made, tmp_path / "unitary")
    weights = read_weights(tmp_path / "unitary", ORIGINAL, sha256=digest)
    assert weights.classes == ORIGINAL.labels
    assert weights.shape == tiny_shape("original")


def test_nobody_vouches_for_a_folder_unless_the_caller_does(made: Made, tmp_path: Path) -> None:
    digest = make_unitary(made, tmp_path / "unitary")
    with pytest.raises(VerificationError, match="no digest to compare it with") as caught:
        read_weights(tmp_path / "unitary", ORIGINAL)
    assert caught.value.hint.endswith(f"--sha256 {digest}")
    locked = ORIGINAL._replace(safetensors_sha256=digest)
    assert read_weights(tmp_path / "unitary", locked).confirmed.startswith("first 64 hex")


def test_a_folder_with_a_pickle_is_refused(made: Made, tmp_path: Path) -> None:
    make_unitary(made, tmp_path / "unitary")
    (tmp_path / "unitary" / "model.safetensors").rename(tmp_path / "unitary" / "pytorch_model.bin")
    with pytest.raises(MalformedError, match=r"got a pickle, expected model\.safetensors"):
        read_weights(tmp_path / "unitary", ORIGINAL, sha256="0" * 64)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"architectures": ["RobertaForSequenceClassification"]}, "got a Roberta"),
        ({"architectures": []}, "expected one architecture"),
        ({"id2label": None}, "expected one architecture, id2label"),
        ({"id2label": {"0": "toxic", "2": "threat"}}, "expected one architecture, id2label"),
        ({"hidden_size": "64"}, "got no number for hidden_size"),
        ({"num_attention_heads": None}, "got no number for num_attention_heads"),
        ({"hidden_act": "relu"}, "got hidden_act 'relu', expected 'gelu'"),
        ({"position_embedding_type": "relative_key"}, "expected 'absolute'"),
        ({"is_decoder": True}, "got is_decoder True"),
    ],
)
def test_a_config_that_does_not_say_it_is_refused(
    made: Made, tmp_path: Path, changes: dict[str, Any], words: str
) -> None:
    digest = make_unitary(made, tmp_path / "unitary")
    folder_config(tmp_path / "unitary", **changes)
    with pytest.raises(MalformedError, match=words):
        read_weights(tmp_path / "unitary", ORIGINAL, sha256=digest)


def test_labels_that_are_only_numbers_are_not_guessed(made: Made, tmp_path: Path) -> None:
    digest = make_unitary(made, tmp_path / "unitary")
    names = {str(at): f"LABEL_{at}" for at in range(6)}
    folder_config(tmp_path / "unitary", id2label=names)
    weights = read_weights(tmp_path / "unitary", ORIGINAL, sha256=digest)
    with pytest.raises(MalformedError, match="got labels LABEL_0"):
        columns(weights.classes, ORIGINAL)


def test_the_longest_text_counts_padding_where_roberta_does() -> None:
    assert longest(tiny_shape("original"), "BertForSequenceClassification") == 512
    assert longest(tiny_shape("unbiased"), "RobertaForSequenceClassification") == 512
    assert tiny_shape("unbiased").vocab_size == VOCABULARY


@pytest.mark.parametrize("content", [b"{}", b"[]", b'{"schema": "hubpolicy/scorer-lock/1"}',
                                     b'{"schema": "x", "scorers": {}}', b"{"])  # fmt: skip
def test_a_broken_lock_file_is_an_error(content: bytes) -> None:
    with pytest.raises(MalformedError, match=r"detoxify\.lock\.json"):
        parse_lock(content)


def test_names_that_are_not_in_the_lock_are_refused() -> None:
    with pytest.raises(ConfigError, match="got 'detoxify-large', expected one of detoxify-m"):
        known_model("detoxify-large")


def test_a_shape_needs_all_its_numbers() -> None:
    assert shape_of(tiny_shape("original")._asdict(), "here") == tiny_shape("original")
    with pytest.raises(MalformedError, match="no number for vocab_size, hidden_size"):
        shape_of({}, "here")


LIMITS = (("toxicity", "0.5"),)


def test_differences_and_flips_are_counted() -> None:
    want = ((0.1, 0.2), (0.6, 0.1), (0.4, 0.9))
    got = ((0.1, 0.3), (0.45, 0.1), (0.55, 0.9))
    found = compare(got, want, ("toxicity", "threat"), LIMITS)
    assert found.largest == pytest.approx(0.15)
    assert found.mean == pytest.approx((0.1 + 0.15 + 0.15) / 6)
    assert (found.texts, found.flips) == (3, 2)


@pytest.mark.parametrize(("got", "want"), [((), ()), (((0.1,),), ()), ((), ((0.1,),))])
def test_nothing_compared_is_never_equal(got: Any, want: Any) -> None:
    with pytest.raises(MalformedError, match="not none"):
        compare(got, want, ("toxicity",), LIMITS)


@pytest.mark.parametrize(
    ("largest", "within"),
    [
        (0.0, "0.05"),
        (0.03, "0.05"),
        (0.034, "0.06"),
        (0.135, "0.21"),
        (0.25, "0.38"),
        (0.9, "0.99"),
    ],
)
def test_the_recheck_covers_more_than_was_seen(largest: float, within: str) -> None:
    assert recheck_within(Difference(100, largest, 0.0, 0)) == within


@pytest.mark.parametrize("largest", [0.00011, 1.0, float("nan")])
def test_a_difference_above_the_limit_is_refused(largest: float) -> None:
    refuse_far(Difference(9, 0.0001, 0.0, 0), "0.0001", "fp32")
    with pytest.raises(VerificationError, match=r"expected at most 0\.0001, from the fp32 graph"):
        refuse_far(Difference(9, largest, 0.0, 1), "0.0001", "fp32")


def test_the_texts_are_in_the_scorers_languages_and_of_all_lengths() -> None:
    english, all_seven = text_set(("en",)), text_set(("en", "es", "fr", "it", "pt", "ru", "tr"))
    assert len(english.texts) > 100
    assert len(all_seven.texts) >= len(english.texts) + 48
    assert len(set(all_seven.texts)) == len(all_seven.texts)
    assert english.sha256 != all_seven.sha256
    assert any("идиот" in text for text in all_seven.texts)
    assert not any("идиот" in text for text in english.texts)
    lengths = sorted(len(text) for text in english.texts)
    assert (lengths[0], lengths[-1]) == (1, 900)
