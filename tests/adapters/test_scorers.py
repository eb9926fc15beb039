# SPDX-License-Identifier: Apache-2.0
"""Scorer bundles: a score is a function of the text alone, and nothing is left unread."""

from __future__ import annotations

import errno
import hashlib
import os
import random
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from hubpolicy.adapters.scorers.bundle import bundle_pin, read_bundle
from hubpolicy.adapters.scorers.session import UNSCORED, BundleScorer, open_scorer
from hubpolicy.domain.manifest import Entry, dir_hash
from hubpolicy.errors import MalformedError, ServiceError, VerificationError
from tests.adapters.tiny_bundle import DESCRIPTION, make_model, make_tokenizer, write_bundle

if TYPE_CHECKING:
    from pathlib import Path

    from hubpolicy.domain.evaluation import Score

TEXTS = (
    "kind",
    "rude word",
    "word " * 40 + "rude",
    "mild mild",
    "threat",
    "word " * 100,
    "kind kind",
)


@pytest.fixture(scope="module")
def scorer(tmp_path_factory: pytest.TempPathFactory) -> BundleScorer:
    return open_scorer(write_bundle(tmp_path_factory.mktemp("bundle")))


def scores(scorer: BundleScorer, *texts: str) -> list[Score]:
    return list(scorer.score(texts))


def test_words_are_scored(scorer: BundleScorer) -> None:
    kind, rude, threat, mild = scores(scorer, "kind", "rude", "threat", "mild")
    assert [score.toxic for score in (kind, rude, threat, mild)] == [False, True, True, False]
    assert dict(rude.labels)["toxicity"] == pytest.approx(1 / (1 + np.exp(-6)))
    assert dict(mild.labels)["toxicity"] == pytest.approx(1 / (1 + np.exp(1)))
    assert list(dict(kind.labels)) == ["toxicity", "threat"]


@pytest.mark.parametrize("at", [0, 6, 7, 8, 9, 13, 99, 700, 999])
def test_a_toxic_word_is_found_wherever_it_stands(scorer: BundleScorer, at: int) -> None:
    words = ["word"] * 1000
    words[at] = "rude"
    (score,) = scores(scorer, " ".join(words))
    assert score.toxic
    assert score.n_windows == -(-(1000 - 2) // 6)


def test_a_tokenizer_that_truncates_is_not_obeyed(tmp_path: Path) -> None:
    tokenizer = make_tokenizer()
    tokenizer.enable_truncation(4)
    tokenizer.enable_padding(length=16)
    scorer = open_scorer(write_bundle(tmp_path, tokenizer=tokenizer))
    assert scores(scorer, "word " * 20 + "rude")[0].toxic


@pytest.mark.parametrize(("words", "windows"), [(1, 1), (8, 1), (9, 2), (14, 2), (15, 3)])
def test_windows_overlap_and_cover(scorer: BundleScorer, words: int, windows: int) -> None:
    (score,) = scores(scorer, " ".join(["word"] * words))
    assert score.n_windows == windows


@pytest.mark.parametrize(
    "text",
    ["", " ", "\n\t", "\u00a0", "nan", "infinite", "kind nan", "word " * 30 + "nan", "broken"],
)
def test_no_score_is_never_zero(scorer: BundleScorer, text: str) -> None:
    assert scores(scorer, text) == [UNSCORED]
    assert UNSCORED.labels == ()


def test_a_text_without_a_score_does_not_disturb_others(scorer: BundleScorer) -> None:
    alone = scores(scorer, "rude")
    assert scores(scorer, "nan", "rude", "broken", "") == [UNSCORED, *alone, UNSCORED, UNSCORED]


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_order_and_workers_do_not_matter(tmp_path: Path, workers: int) -> None:
    scorer = open_scorer(write_bundle(tmp_path), workers=workers)
    expected = {text: scores(scorer, text)[0] for text in TEXTS}
    shuffled = list(TEXTS) * 3
    random.Random(workers).shuffle(shuffled)
    assert scores(scorer, *shuffled) == [expected[text] for text in shuffled]


def test_where_no_file_in_memory_may_be_made_the_scores_are_the_same(
    scorer: BundleScorer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in sandboxes that allow few system calls."""

    def forbidden(name: str) -> int:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM), name)

    texts = ("kind word", "rude word", "word " * 12)
    expected = [scores(scorer, text) for text in texts]
    monkeypatch.setattr(os, "memfd_create", forbidden, raising=False)
    other = open_scorer(write_bundle(tmp_path / "other"))
    assert [scores(other, text) for text in texts] == expected


def test_nothing_in_nothing_out(scorer: BundleScorer) -> None:
    assert scores(scorer) == []


@pytest.mark.parametrize("dtype", [TensorProto.INT32, TensorProto.INT64])
def test_the_graph_says_which_integers_it_takes(tmp_path: Path, dtype: int) -> None:
    scorer = open_scorer(write_bundle(tmp_path, model=make_model(dtype=dtype)))
    assert scores(scorer, "rude")[0].toxic


def test_the_threshold_decides_on_what_is_recorded(tmp_path: Path) -> None:
    # sigmoid(-1e-7) is 0.499999975, recorded as 0.500000: both have to say the same.
    table = np.full((10, 2), -1e-7, dtype=np.float32)
    scorer = open_scorer(write_bundle(tmp_path, model=make_model(table=table)))
    assert scores(scorer, "kind")[0].toxic


def test_the_digest_is_over_exactly_three_files(tmp_path: Path) -> None:
    folder = write_bundle(tmp_path)
    pin = bundle_pin(folder)
    (folder / "README.md").write_text("a card")
    assert bundle_pin(folder) == pin == open_scorer(folder, expected=pin.sha256).pin
    names = ("model.onnx", "scorer.json", "tokenizer.json")
    entries = tuple(Entry(name, 0, _sha256(folder / name)) for name in names)
    assert pin.sha256 == dir_hash(entries)
    assert (pin.id, pin.tier, pin.precision) == ("tiny", "screen", "fp32")


@pytest.mark.parametrize("name", ["model.onnx", "scorer.json", "tokenizer.json"])
def test_another_bundle_than_the_pinned_one_is_refused(tmp_path: Path, name: str) -> None:
    folder = write_bundle(tmp_path)
    expected = bundle_pin(folder).sha256
    with (folder / name).open("ab") as file:
        file.write(b"\n")
    with pytest.raises(VerificationError, match="got scorer bundle"):
        open_scorer(folder, expected=expected)


@pytest.mark.parametrize("name", ["model.onnx", "scorer.json", "tokenizer.json"])
def test_a_missing_file_is_named(tmp_path: Path, name: str) -> None:
    folder = write_bundle(tmp_path)
    (folder / name).unlink()
    with pytest.raises(ServiceError, match=name):
        read_bundle(folder)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"schema": "hubpolicy/scorer/2"}, "schema"),
        ({"tier": "best"}, "tier"),
        ({"activation": "softmax"}, "activation"),
        ({"labels": []}, "labels"),
        ({"labels": ["toxicity", "toxicity"]}, "labels"),
        ({"thresholds": {}}, "thresholds"),
        ({"thresholds": {"toxicity": 0.5}}, "plain decimal"),
        ({"thresholds": {"toxicity": "1"}}, "threshold toxicity"),
        ({"thresholds": {"toxicity": "0"}}, "threshold toxicity"),
        ({"thresholds": {"insult": "0.5"}}, "threshold insult"),
        ({"window": {"tokens": 8, "overlap": 8}}, "overlap < tokens"),
        ({"window": {"tokens": 0, "overlap": 0}}, "overlap < tokens"),
        ({"window": {"tokens": 8}}, "overlap < tokens"),
        ({"prefix": ["[CLS]"]}, "prefix"),
        ({"inputs": {"ids": "input_ids"}}, "inputs"),
        ({"inputs": {"ids": "tokens", "mask": "attention_mask"}}, "got inputs"),
        ({"output": "probabilities"}, "got outputs"),
        ({"surprise": 1}, "expected the keys"),
        ({"id": ""}, "got id"),
    ],
)
def test_descriptions_are_strict(tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(MalformedError, match=words):
        open_scorer(write_bundle(tmp_path, **changes))


def test_a_description_without_a_key_is_refused(tmp_path: Path) -> None:
    folder = write_bundle(tmp_path)
    text = (folder / "scorer.json").read_text()
    (folder / "scorer.json").write_text(text.replace('"tier": "screen", ', ""))
    with pytest.raises(MalformedError, match="expected the keys"):
        open_scorer(folder)


def external() -> onnx.ModelProto:
    model = make_model()
    (table, *_) = model.graph.initializer
    table.ClearField("raw_data")
    table.data_location = TensorProto.EXTERNAL
    entry = table.external_data.add()
    entry.key, entry.value = "location", "weights.bin"
    return model


def custom() -> onnx.ModelProto:
    model = make_model()
    model.opset_import.append(helper.make_opsetid("com.example.custom", 1))
    model.graph.node[0].domain = "com.example.custom"
    return model


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (external(), "weights.bin"),
        (custom(), "com.example.custom"),
        (onnx.ModelProto(), "no graph"),
    ],
)
def test_graphs_that_need_more_than_the_file(
    tmp_path: Path, model: onnx.ModelProto, words: str
) -> None:
    with pytest.raises(MalformedError, match=words):
        open_scorer(write_bundle(tmp_path, model=model))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("model.onnx", b""),
        ("model.onnx", b"not a graph"),
        ("tokenizer.json", b"{}"),
        ("scorer.json", b"[]"),
        ("scorer.json", b'{"schema":NaN}'),
    ],
)
def test_rubbish_is_malformed(tmp_path: Path, name: str, content: bytes) -> None:
    folder = write_bundle(tmp_path)
    (folder / name).write_bytes(content)
    with pytest.raises(MalformedError):
        open_scorer(folder)


def test_an_output_of_another_size_is_no_score(tmp_path: Path) -> None:
    folder = write_bundle(tmp_path, labels=["toxicity"], thresholds={"toxicity": "0.5"})
    with pytest.raises(ServiceError, match="of shape"):
        scores(open_scorer(folder), "kind")


def test_what_ran_is_named(scorer: BundleScorer) -> None:
    names = [name for name, _ in scorer.runtime]
    assert names == ["cpu", "onnxruntime", "precision", "provider", "tokenizers"]
    assert scorer.thresholds == tuple(sorted(DESCRIPTION["thresholds"].items()))


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_pin_names_languages_as_cards_are_read(tmp_path: Path) -> None:
    folder = write_bundle(tmp_path / "bundle", languages=["pt-BR", "en", "EN-us"])
    assert bundle_pin(folder).languages == ("en", "pt")
