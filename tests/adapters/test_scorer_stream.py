# SPDX-License-Identifier: Apache-2.0
"""A score is a function of the text alone, however many texts there are and whoever works on them.

On a real encoder layer in int8, with the fp32 graph asked near the thresholds.
"""

from __future__ import annotations

import itertools
import threading
import tracemalloc
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hubpolicy.adapters.quiet_onnxruntime import onnxruntime
from hubpolicy.adapters.scorers import session as session_module
from hubpolicy.adapters.scorers.session import UNSCORED, BundleScorer, open_scorer
from hubpolicy.errors import ServiceError, UnsupportedError
from tests.adapters.tiny_bundle import write_bundle
from tests.adapters.true_shape_bundle import WORDS, write_encoder_bundle

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hubpolicy.domain.evaluation import Score

SPOKEN = WORDS[3:]
TEXTS = st.lists(
    st.one_of(
        st.just(""),
        st.lists(st.sampled_from(SPOKEN), min_size=1, max_size=70).map(" ".join),
    ),
    max_size=12,
)
CHECK = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


class Bundle:
    """One folder, loaded with several numbers of workers, and what each text scores alone."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.by_workers = {n: open_scorer(folder, workers=n) for n in (1, 2, 3)}
        self.alone: dict[str, Score] = {}

    def score_alone(self, text: str) -> Score:
        if text not in self.alone:
            (self.alone[text],) = self.by_workers[1].score([text])
        return self.alone[text]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return Bundle(write_encoder_bundle(tmp_path_factory.mktemp("encoder"), within="0.15"))


def numbered(count: int, *, words: int = 6) -> Iterator[str]:
    """Texts that are all different, made as they are asked for."""
    choices = itertools.product(SPOKEN, repeat=words)
    return (" ".join(words) for words in itertools.islice(choices, count))


@CHECK
@given(texts=TEXTS, workers=st.sampled_from([1, 2, 3]), seed=st.randoms(use_true_random=False))
def test_order_batch_and_workers_do_not_matter(
    bundle: Bundle, texts: list[str], workers: int, seed: Any
) -> None:
    shuffled = [*texts, *texts]
    seed.shuffle(shuffled)
    got = list(bundle.by_workers[workers].score(shuffled))
    assert got == [bundle.score_alone(text) for text in shuffled]


@CHECK
@given(texts=TEXTS, ahead=st.integers(1, 5), remembered=st.integers(1, 4))
def test_neither_does_how_many_are_held_at_a_time(
    bundle: Bundle, texts: list[str], ahead: int, remembered: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(session_module, "IN_FLIGHT", ahead)
        patch.setattr(session_module, "REMEMBERED", remembered)
        got = list(bundle.by_workers[2].score(iter([*texts, *texts])))
    assert got == [bundle.score_alone(text) for text in (*texts, *texts)]


def test_together_the_texts_would_change_each_other(bundle: Bundle) -> None:
    """Why each is scored alone: this graph is of the kind where batch-mates count."""
    session = onnxruntime.InferenceSession(str(bundle.folder / "model.onnx"))
    random = np.random.default_rng(0)
    ids = random.integers(3, len(WORDS), (16, 20))
    together = _logits(session, ids)
    alone = np.concatenate([_logits(session, row[None]) for row in ids])
    assert np.abs(together - alone).max() > 1e-4


def test_the_bundle_has_texts_on_both_sides_of_every_border(bundle: Bundle) -> None:
    """Else the properties above would say little."""
    scores = list(bundle.by_workers[2].score(numbered(600)))
    assert {score.precision for score in scores} == {"int8", "fp32"}
    assert {score.toxic for score in scores} == {True, False}


def test_a_long_stream_is_read_as_it_is_scored(bundle: Bundle) -> None:
    drawn = itertools.count()
    stream = (text for text, _ in zip(numbered(5000), drawn, strict=False))
    scores = bundle.by_workers[2].score(stream)
    first = next(scores)
    assert first.labels
    assert next(drawn) <= session_module.IN_FLIGHT + 1
    scores.close()  # type: ignore[attr-defined]


def test_memory_does_not_grow_with_the_number_of_texts(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_module, "IN_FLIGHT", 32)
    monkeypatch.setattr(session_module, "REMEMBERED", 64)
    scorer = bundle.by_workers[1]
    list(scorer.score(numbered(100)))  # what is made once

    def peak(count: int) -> int:
        tracemalloc.start()
        try:
            for score in scorer.score(numbered(count)):
                assert score.labels
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    few, many = peak(150), peak(2500)
    # 2,350 scores more would be over a megabyte; garbage that is not collected yet is far less.
    assert many < few + 600_000


def test_nothing_is_started_before_somebody_asks(bundle: Bundle) -> None:
    before = set(threading.enumerate())
    scores = bundle.by_workers[3].score(numbered(10**9))
    assert not set(threading.enumerate()) - before
    next(scores)
    scores.close()  # type: ignore[attr-defined]
    assert not set(threading.enumerate()) - before


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The lengths of what ONNX Runtime was given, in that order."""
    lengths: list[int] = []
    run = onnxruntime.InferenceSession.run

    def counted(self: Any, names: Any, feed: Any, *rest: Any) -> Any:
        lengths.append(feed["input_ids"].shape[1])
        return run(self, names, feed, *rest)

    monkeypatch.setattr(onnxruntime.InferenceSession, "run", counted)
    return lengths


def test_equal_texts_are_scored_once_in_a_call_and_again_in_the_next(
    tmp_path: Path, runs: list[int]
) -> None:
    scorer = open_scorer(write_bundle(tmp_path), workers=2)
    texts = ["rude", "kind kind", "rude", "rude"] * 700  # more than are read ahead
    first = list(scorer.score(texts))
    assert len(runs) == 2
    assert list(scorer.score(["rude"])) == first[:1]
    assert len(runs) == 3


def test_longest_first_at_the_exact_length(tmp_path: Path, runs: list[int]) -> None:
    scorer = open_scorer(write_bundle(tmp_path), workers=1)
    list(scorer.score(["kind", "kind " * 5, "kind " * 3, "kind " * 8]))
    assert runs == [10, 7, 5, 3]


def test_a_runtime_that_dies_half_way_leaves_no_zeros(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scorer = open_scorer(write_bundle(tmp_path), workers=1)
    run, calls = onnxruntime.InferenceSession.run, itertools.count()

    def dying(self: Any, *arguments: Any) -> Any:
        if next(calls) >= 3:
            message = "out of memory"
            raise RuntimeError(message)
        return run(self, *arguments)

    monkeypatch.setattr(onnxruntime.InferenceSession, "run", dying)
    texts = ["rude " * n for n in range(6, 0, -1)]
    scores = list(scorer.score(texts))
    assert [score.toxic for score in scores[:3]] == [True] * 3
    assert scores[3:] == [UNSCORED] * 3
    assert UNSCORED.labels == ()
    assert UNSCORED.precision == ""


def test_a_provider_that_is_not_installed_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError, match=r"got execution provider 'NoneSuch', .*CPU"):
        open_scorer(write_bundle(tmp_path), provider="NoneSuch")


@pytest.mark.parametrize("provider", ["", "CPUExecutionProvider"])
def test_where_nothing_else_is_there_the_cpu_scores(tmp_path: Path, provider: str) -> None:
    scorer = open_scorer(write_bundle(tmp_path), provider=provider)
    assert ("provider", "CPUExecutionProvider") in scorer.runtime


@pytest.fixture
def broken_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    """The GPU build is installed, and there is no GPU: what ONNX Runtime says it has, it has not."""
    monkeypatch.setattr(
        onnxruntime,
        "get_available_providers",
        lambda: ["CUDAExecutionProvider", "CPUExecutionProvider"],
    )


@pytest.mark.usefixtures("broken_cuda")
@pytest.mark.parametrize("within", ["", "0.15"])
def test_a_provider_that_does_not_work_is_not_recorded(tmp_path: Path, within: str) -> None:
    scorer = open_scorer(write_encoder_bundle(tmp_path, within=within))
    said = dict(scorer.runtime)
    assert said["provider"] == "CPUExecutionProvider"
    assert said["precision"].startswith("int8")
    assert next(scorer.score(["word1 word2"])).labels


@pytest.mark.usefixtures("broken_cuda")
def test_a_provider_that_was_asked_for_and_does_not_work_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ServiceError, match="CUDAExecutionProvider"):
        open_scorer(write_bundle(tmp_path), provider="CUDAExecutionProvider")


def test_a_scorer_can_be_used_from_several_threads(bundle: Bundle) -> None:
    scorer: BundleScorer = bundle.by_workers[2]
    texts = list(numbered(40))
    got: list[list[Score]] = []
    threads = [threading.Thread(target=lambda: got.append(list(scorer.score(texts)))) for _ in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == [[bundle.score_alone(text) for text in texts]] * 2


def _logits(session: Any, ids: Any) -> Any:
    feed = {"input_ids": ids, "attention_mask": np.ones_like(ids)}
    return session.run(None, feed)[0]
