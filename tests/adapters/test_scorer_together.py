# SPDX-License-Identifier: Apache-2.0
"""Texts share a run only where that was seen to change no bit of a score."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubpolicy.adapters.quiet_onnxruntime import onnxruntime
from hubpolicy.adapters.scorers import together
from hubpolicy.adapters.scorers.session import UNSCORED, open_scorer
from hubpolicy.adapters.scorers.together import ROWS, SIZES, Terms, share
from tests.adapters.test_scorer_stream import CHECK, SPOKEN, Bundle
from tests.adapters.tiny_bundle import make_model, write_bundle
from tests.adapters.true_shape_bundle import write_encoder_bundle

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import onnx

SHORT = ("kind", "rude", "threat", "mild", "word")
PAIRS = [" ".join(pair) for pair in itertools.product(SHORT, SHORT)]


def as_fp32(folder: Path, graph: str) -> Path:
    """One graph of an encoder's bundle, said to be fp32, as a bundle of its own."""
    described = json.loads((folder / "scorer.json").read_text())
    del described["recheck"]
    (folder / "scorer.json").write_text(json.dumps({**described, "precision": "fp32"}))
    (folder / graph).rename(folder / "model.onnx")
    (folder / "full.onnx").unlink(missing_ok=True)
    return folder


@pytest.fixture(scope="module", params=["full.onnx", "model.onnx"])
def bundle(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """Really fp32, and int8 that only says so: there every text counts for its neighbours."""
    folder = write_encoder_bundle(tmp_path_factory.mktemp("encoder"), within="0.15")
    return Bundle(as_fp32(folder, request.param))


@pytest.fixture(autouse=True)
def eager() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(together, "WORTH", 2)
        yield


@pytest.fixture
def sizes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many texts ONNX Runtime was given at a time, in that order."""
    found: list[int] = []
    run = onnxruntime.InferenceSession.run

    def counted(self: Any, names: Any, feed: Any, *rest: Any) -> Any:
        found.append(len(feed["input_ids"]))
        return run(self, names, feed, *rest)

    monkeypatch.setattr(onnxruntime.InferenceSession, "run", counted)
    return found


@settings(CHECK, max_examples=15)
@given(
    texts=st.lists(
        st.sampled_from((1, 5, 5, 13, 30)).flatmap(
            lambda length: st.lists(st.sampled_from(SPOKEN), min_size=length, max_size=length)
        ),
        min_size=20,
        max_size=60,
    ),
    workers=st.sampled_from([1, 2, 3]),
)
def test_neighbours_do_not_matter(bundle: Bundle, texts: list[list[str]], workers: int) -> None:
    spoken = [" ".join(words) for words in texts]
    got = list(bundle.by_workers[workers].score(spoken))
    assert got == [bundle.score_alone(text) for text in spoken]


def test_where_neighbours_matter_all_run_alone(tmp_path: Path, sizes: list[int]) -> None:
    folder = as_fp32(write_encoder_bundle(tmp_path, within="0.15"), "model.onnx")
    scorer = open_scorer(folder, workers=1)
    texts = [" ".join(words) for words in itertools.product(SPOKEN[:8], repeat=2)]
    list(scorer.score(texts))
    assert sizes[-len(texts) :] == [1] * len(texts)
    assert max(sizes) > 1  # it was tried,
    tried = len(sizes) - len(texts)
    list(scorer.score(texts))
    assert len(sizes) == tried + 2 * len(texts)  # and only once


def test_where_they_do_not_texts_of_one_length_share_a_run(
    tmp_path: Path, sizes: list[int]
) -> None:
    # Maxima and a sum of zeros: no processor can round them one way here and another way there.
    scorer = open_scorer(write_bundle(tmp_path), workers=1)
    first = list(scorer.score([*PAIRS, *SHORT]))
    assert sizes[-9:] == [4, 4, 4, 4, 4, 4, 1, 4, 1]
    alone = [score for text in (*PAIRS, *SHORT) for score in scorer.score([text])]
    assert first == alone


def only_one(model: onnx.ModelProto) -> onnx.ModelProto:
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_value = 1
    return model


def test_a_graph_that_takes_one_text_at_a_time_gets_one(tmp_path: Path) -> None:
    free = open_scorer(write_bundle(tmp_path / "free"), workers=1)
    bound = open_scorer(write_bundle(tmp_path / "bound", model=only_one(make_model())), workers=1)
    assert list(bound.score(PAIRS)) == list(free.score(PAIRS))


@pytest.mark.parametrize("bad", ["nan rude", "broken rude"])
def test_a_text_without_a_score_takes_no_other_with_it(tmp_path: Path, bad: str) -> None:
    scorer = open_scorer(write_bundle(tmp_path), workers=1)
    want = list(scorer.score(PAIRS))  # tried without it
    assert all(score.labels for score in want)
    assert list(scorer.score([*PAIRS[:3], bad, *PAIRS[3:]])) == [*want[:3], UNSCORED, *want[3:]]


def test_few_texts_are_not_worth_trying(
    tmp_path: Path, sizes: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(together, "WORTH", len(PAIRS) + 1)
    list(open_scorer(write_bundle(tmp_path), workers=1).score(PAIRS))
    assert sizes == [1] * len(PAIRS)


@given(
    lengths=st.lists(st.integers(0, 400), max_size=300),
    extra=st.integers(0, 4),
    longest=st.integers(1, 500),
    workers=st.integers(1, 8),
)
def test_runs_hold_every_text_once_and_are_bounded(
    lengths: list[int], extra: int, longest: int, workers: int
) -> None:
    texts = [(number,) * length for number, length in enumerate(sorted(lengths, reverse=True))]
    runs = list(share(texts, Terms(extra, longest, workers)))
    assert [text for run in runs for text in run] == texts
    for run in runs:
        assert len(run) in (1, *SIZES)
        assert len(set(map(len, run))) == 1
        if len(run) > 1:
            assert len(run) * (len(run[0]) + extra) <= ROWS
            assert 0 < len(run[0]) <= longest
            assert len(run) * workers <= len(texts)
