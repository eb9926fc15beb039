# SPDX-License-Identifier: Apache-2.0
"""int8 first, fp32 where int8 is too near a threshold to decide: which one counts, and when."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import pytest

from hubpolicy.adapters.scorers.bundle import FULL, bundle_pin, read_bundle
from hubpolicy.adapters.scorers.description import parse_description
from hubpolicy.adapters.scorers.session import UNSCORED, BundleScorer, open_scorer
from hubpolicy.core.records import format_probability
from hubpolicy.domain.manifest import Entry, dir_hash
from hubpolicy.errors import MalformedError, ServiceError, VerificationError
from tests.adapters.tiny_bundle import DESCRIPTION, WORDS, make_model, write_bundle

if TYPE_CHECKING:
    from pathlib import Path

    from hubpolicy.domain.evaluation import Score

RECHECK = {"within": "0.15"}
LOW = -6.0


def logit(probability: float) -> float:
    return float(np.log(probability / (1 - probability)))


def graph(**toxicity: float) -> onnx.ModelProto:
    """Words with their probability of toxicity; all else is far below. ``threat`` as a suffix."""
    table = np.full((len(WORDS), 2), LOW, dtype=np.float32)
    for name, probability in toxicity.items():
        word, _, label = name.partition("_")
        column = 1 if label == "threat" else 0
        value = logit(probability) if 0 < probability < 1 else probability
        table[WORDS.index(word), column] = value
    return make_model(table=table)


def opened(folder: Path, fast: onnx.ModelProto, full: onnx.ModelProto) -> BundleScorer:
    write_bundle(folder, model=fast, full=full, precision="int8", recheck=RECHECK)
    return open_scorer(folder)


def one(scorer: BundleScorer, text: str) -> Score:
    (score,) = scorer.score([text])
    return score


@pytest.mark.parametrize(
    ("fast", "full", "decides", "toxic"),
    [
        (0.45, 0.60, "fp32", True),  # int8 would have let it pass
        (0.55, 0.40, "fp32", False),  # int8 would have blocked it
        (0.45, 0.44, "fp32", False),  # the same verdict, but the fp32 score is recorded
        (0.64, 0.01, "fp32", False),  # fp32 counts, however far it is away
        (0.36, 0.99, "fp32", True),
        (0.34, 0.99, "int8", False),  # further away than int8 errs: nobody is asked
        (0.66, 0.01, "int8", True),
    ],
)
def test_near_a_threshold_the_fp32_score_stands(
    tmp_path: Path, fast: float, full: float, decides: str, toxic: bool
) -> None:
    score = one(opened(tmp_path, graph(mild=fast), graph(mild=full)), "mild")
    expected = full if decides == "fp32" else fast
    assert dict(score.labels)["toxicity"] == pytest.approx(expected, abs=1e-6)
    assert (score.precision, score.toxic) == (decides, toxic)


def test_all_labels_come_from_the_graph_that_decides(tmp_path: Path) -> None:
    fast, full = graph(mild=0.5, mild_threat=0.2), graph(mild=0.2, mild_threat=0.3)
    score = one(opened(tmp_path, fast, full), "mild")
    assert dict(score.labels) == pytest.approx({"toxicity": 0.2, "threat": 0.3}, abs=1e-6)


def test_each_label_has_its_own_threshold(tmp_path: Path) -> None:
    # The threshold of threat is 0.9: 0.8 is near it, and 0.5 is not.
    scorer = opened(tmp_path, graph(mild_threat=0.8, rude_threat=0.5), graph(mild_threat=0.95))
    near, far = one(scorer, "mild"), one(scorer, "rude")
    assert (near.precision, near.toxic) == ("fp32", True)
    assert (far.precision, far.toxic) == ("int8", False)


def test_what_is_toxic_by_another_label_anyway_is_not_asked_again(tmp_path: Path) -> None:
    scorer = opened(tmp_path, graph(mild=0.99, mild_threat=0.85), graph())
    assert (one(scorer, "mild").precision, one(scorer, "mild").toxic) == ("int8", True)


@pytest.mark.parametrize("within", ["0.15", "0.150000", "0.35", "0.0001", "0.999"])
@pytest.mark.parametrize("millionths", range(340_000, 660_001, 49_999))
def test_the_border_is_exact_and_on_what_is_recorded(within: str, millionths: int) -> None:
    described = parse_description(_text(recheck={"within": within}))
    score = f"{millionths / 1e6:.6f}"
    borderline = described.is_borderline((("toxicity", score), ("threat", "0.000001")))
    width = round(float(within) * 1e6)
    near_toxicity = abs(millionths - 500_000) <= width
    near_threat = width >= 899_999
    decided = millionths - 500_000 > width
    assert borderline is ((near_toxicity or near_threat) and not decided)


@pytest.mark.parametrize(("value", "borderline"), [(0.35, True), (0.65, True), (0.3499, False)])
def test_at_the_very_distance_it_is_borderline(value: float, borderline: bool) -> None:
    described = parse_description(_text(recheck=RECHECK))
    scores = (("toxicity", format_probability(value)), ("threat", "0.000001"))
    assert described.is_borderline(scores) is borderline


def test_the_highest_window_is_what_is_near(tmp_path: Path) -> None:
    scorer = opened(tmp_path, graph(mild=0.45), graph(mild=0.7))
    score = one(scorer, "word " * 90 + "mild")
    assert (score.precision, score.toxic, score.n_windows) == ("fp32", True, 15)


@pytest.mark.parametrize("broken", [float("nan"), float("inf")])
def test_no_fp32_score_is_no_score(tmp_path: Path, broken: float) -> None:
    """The int8 score must not stand in: it is known to be too near to decide."""
    table = np.full((len(WORDS), 2), LOW, dtype=np.float32)
    table[WORDS.index("mild"), 0] = broken
    scorer = opened(tmp_path, graph(mild=0.45, kind=0.1), make_model(table=table))
    assert one(scorer, "mild") == UNSCORED
    assert one(scorer, "kind").toxic is False


def test_an_fp32_graph_that_crashes_gives_no_score(tmp_path: Path) -> None:
    # The fp32 graph knows fewer words: the id of "mild" is out of its range.
    short = make_model(table=np.full((4, 2), LOW, dtype=np.float32))
    scorer = opened(tmp_path, graph(mild=0.45, kind=0.2), short)
    assert list(scorer.score(["kind", "mild", "kind"]))[1] == UNSCORED
    assert one(scorer, "kind").precision == "int8"


def test_without_a_recheck_nothing_changes(tmp_path: Path) -> None:
    scorer = open_scorer(write_bundle(tmp_path, model=graph(mild=0.45), precision="int8"))
    assert (one(scorer, "mild").precision, one(scorer, "mild").toxic) == ("int8", False)
    assert ("precision", "int8") in scorer.runtime


def test_what_may_decide_is_named(tmp_path: Path) -> None:
    scorer = opened(tmp_path, graph(), graph())
    assert ("precision", "int8, fp32 within 0.15 of a threshold") in scorer.runtime
    assert ("provider", "CPUExecutionProvider") in scorer.runtime


def test_a_recheck_without_the_graph_is_refused(tmp_path: Path) -> None:
    write_bundle(tmp_path, recheck=RECHECK)
    for read in (open_scorer, bundle_pin):
        with pytest.raises(MalformedError, match=r"got no full\.onnx and a recheck"):
            read(tmp_path)


def test_a_graph_without_a_recheck_is_refused(tmp_path: Path) -> None:
    write_bundle(tmp_path, full=graph())
    for read in (open_scorer, bundle_pin):
        with pytest.raises(MalformedError, match=r"got full\.onnx and no recheck"):
            read(tmp_path)


def test_a_dangling_link_is_not_no_file(tmp_path: Path) -> None:
    write_bundle(tmp_path)
    (tmp_path / FULL).symlink_to(tmp_path / "nowhere")
    with pytest.raises(ServiceError, match=r"cannot read full\.onnx"):
        read_bundle(tmp_path)


@pytest.mark.parametrize(
    "recheck",
    [
        {},
        {"within": 0.15},
        {"within": "0"},
        {"within": "1"},
        {"within": "1.5"},
        {"within": "-0.1"},
        {"within": "1e-1"},
        {"within": None},
        {"within": "0.15", "file": "full.onnx"},
        {"Within": "0.15"},
        "0.15",
        [],
        None,
    ],
)
def test_rechecks_are_strict(tmp_path: Path, recheck: Any) -> None:
    write_bundle(tmp_path, full=graph(), recheck=recheck)
    with pytest.raises(MalformedError):
        bundle_pin(tmp_path)


def test_the_digest_covers_the_fourth_file(tmp_path: Path) -> None:
    opened(tmp_path, graph(), graph(mild=0.5))
    names = ("full.onnx", "model.onnx", "scorer.json", "tokenizer.json")
    entries = tuple(
        Entry(name, 0, hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()) for name in names
    )
    before = bundle_pin(tmp_path).sha256
    assert before == dir_hash(entries)
    with (tmp_path / FULL).open("ab") as file:
        file.write(b"\n")
    assert bundle_pin(tmp_path).sha256 != before
    with pytest.raises(VerificationError, match="got scorer bundle"):
        open_scorer(tmp_path, expected=before)


def test_a_graph_that_was_swapped_meanwhile_never_scores(tmp_path: Path) -> None:
    """It is read when first needed, which may be hours after it was hashed."""
    scorer = opened(tmp_path, graph(mild=0.45), graph(mild=0.9))
    (tmp_path / FULL).write_bytes(graph().SerializeToString())
    with pytest.raises(VerificationError, match=r"got another full\.onnx"):
        one(scorer, "mild")


def test_a_graph_that_went_away_is_no_verdict(tmp_path: Path) -> None:
    scorer = opened(tmp_path, graph(mild=0.45), graph(mild=0.9))
    (tmp_path / FULL).unlink()
    with pytest.raises(ServiceError, match=r"cannot read full\.onnx"):
        one(scorer, "mild")


def test_once_loaded_it_stays(tmp_path: Path) -> None:
    scorer = opened(tmp_path, graph(mild=0.45), graph(mild=0.9))
    first = one(scorer, "mild")
    (tmp_path / FULL).unlink()
    assert one(scorer, "mild") == first


def test_a_fp32_graph_that_needs_other_files_is_refused(tmp_path: Path) -> None:
    full = graph(mild=0.9)
    full.graph.initializer[0].ClearField("raw_data")
    full.graph.initializer[0].data_location = onnx.TensorProto.EXTERNAL
    entry = full.graph.initializer[0].external_data.add()
    entry.key, entry.value = "location", "weights.bin"
    scorer = opened(tmp_path, graph(mild=0.45), full)
    with pytest.raises(MalformedError, match=r"weights\.bin.*full\.onnx"):
        one(scorer, "mild")


def _text(**changes: Any) -> bytes:
    return json.dumps({**DESCRIPTION, **changes}).encode()
