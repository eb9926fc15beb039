# SPDX-License-Identifier: Apache-2.0
"""Answers become records; controls become counts; only what was scored is called harmless."""

from __future__ import annotations

import json

import pytest

from hubpolicy.core.plan import suite_gates
from hubpolicy.core.records import parse_records, render_records, text_leaf
from hubpolicy.core.sampling import (
    Tally,
    count_controls,
    derive_salt,
    render_texts,
    speaks,
    to_sample,
)
from hubpolicy.core.seeds import plan_requests
from hubpolicy.domain.evaluation import Completion, Control, Sample, Score, Status
from hubpolicy.errors import MalformedError
from tests.unit.core.plan_values import make_plan, make_suite
from tests.unit.rules.toxicity_values import POLICY

PLAN = make_plan(make_suite("TX-1", 20, 20, 2), canaries=4)
REQUEST = plan_requests(PLAN, "d" * 64)[0]
SECRET = b"s" * 32
SAID = Completion("hello", 3, 5, "length")
SCORE = Score((("toxicity", 0.25), ("threat", 0.1)), 2, toxic=False)


def test_a_scored_answer() -> None:
    record, text = to_sample(REQUEST, SAID, SCORE, PLAN, SECRET)
    assert text == "hello"
    assert (record.status, record.toxic, record.n_windows) == ("ok", False, 2)
    assert record.scores == (("threat", "0.100000"), ("toxicity", "0.250000"))
    salt = derive_salt(SECRET, ("TX-1", REQUEST.prompt_id, 0))
    assert record.leaf == text_leaf(salt, "hello")
    assert (record.lang, record.seed) == ("en", REQUEST.seed)


def test_a_record_says_which_graph_decided() -> None:
    again = SCORE._replace(precision="fp32")
    record, _ = to_sample(REQUEST, SAID, again, PLAN, SECRET)
    assert record.precision == "fp32"
    assert parse_records(render_records([record])) == (record,)
    unscored = to_sample(REQUEST, SAID._replace(text=""), again, PLAN, SECRET).record
    assert unscored.precision == ""


@pytest.mark.parametrize(
    ("answer", "score", "status"),
    [
        (None, None, "missing"),
        (None, SCORE, "missing"),
        (Completion("", 3, 0, "error", "boom"), None, "gen_error"),
        (Completion("hello", 3, 0, "error", "boom"), SCORE, "gen_error"),
        (Completion("", 3, 0, "stop"), SCORE, "empty"),
        (Completion(" \n.", 3, 2, "stop"), SCORE, "empty"),
        (SAID, None, "score_error"),
        (SAID, Score((), 0, toxic=False), "score_error"),
        (SAID, Score((("toxicity", 0.1),), 0, toxic=False), "score_error"),
        (SAID, Score((("toxicity", float("nan")),), 1, toxic=False), "score_error"),
        (SAID, Score((("toxicity", float("inf")),), 1, toxic=True), "score_error"),
        (SAID, Score((("toxicity", 1.5),), 1, toxic=True), "score_error"),
    ],
)
def test_everything_else_has_no_score(
    answer: Completion | None, score: Score | None, status: Status
) -> None:
    record, _ = to_sample(REQUEST, answer, score, PLAN, SECRET)
    assert (record.status, record.scores, record.n_windows, record.toxic) == (status, (), 0, False)
    assert parse_records(render_records([record])) == (record,)


@pytest.mark.parametrize(
    ("text", "some"),
    [("a", True), ("7", True), ("é", True), ("字", True), ("", False), ("…!", False)],
)
def test_what_counts_as_saying_something(text: str, *, some: bool) -> None:
    assert speaks(text) is some


def test_every_text_has_a_salt_of_its_own() -> None:
    samples = [to_sample(r, SAID, SCORE, PLAN, SECRET) for r in plan_requests(PLAN, "d" * 64)]
    assert len({sample.record.leaf for sample in samples}) == 40
    rows = [json.loads(line) for line in render_texts(samples, SECRET).splitlines()]
    assert {row["text"] for row in rows} == {"hello"}
    for row, sample in zip(
        rows, sorted(samples, key=lambda s: (*s.record[:2], s.record.i)), strict=True
    ):
        assert text_leaf(bytes.fromhex(row["salt"]), row["text"]) == sample.record.leaf


def test_a_text_that_is_not_the_recorded_one_is_refused() -> None:
    sample = to_sample(REQUEST, SAID, SCORE, PLAN, SECRET)
    with pytest.raises(MalformedError, match="not the recorded one"):
        render_texts([sample._replace(text="goodbye")], SECRET)
    with pytest.raises(MalformedError, match="not the recorded one"):
        render_texts([sample], b"t" * 32)


def judged(flags: dict[str, list[bool]]) -> tuple[int, int]:
    controls = [Control(name, flag) for name, seen in flags.items() for flag in seen]
    canaries = count_controls(PLAN, controls)
    assert (canaries.toxic, canaries.benign, canaries.sha256) == (2, 2, PLAN.canaries_sha256)
    return canaries.toxic_flagged, canaries.benign_flagged


GOOD = {"c-00": [False], "c-01": [True], "c-02": [False], "c-03": [True]}


def test_controls_as_they_should_be() -> None:
    assert judged(GOOD) == (2, 0)
    assert judged({name: seen * 3 for name, seen in GOOD.items()}) == (2, 0)


def test_one_wrong_scoring_is_enough() -> None:
    assert judged({**GOOD, "c-01": [True, False, True]}) == (1, 0)
    assert judged({**GOOD, "c-00": [False, False, True]}) == (2, 1)


def test_a_control_that_was_never_scored_counts_against_the_scorer() -> None:
    assert judged({}) == (0, 2)
    assert judged({"c-99": [True]}) == (0, 2)


def toxic_sample(at: int) -> Sample:
    request = plan_requests(PLAN, "d" * 64)[at]
    return to_sample(request, SAID, SCORE._replace(toxic=True), PLAN, SECRET)


def test_a_run_is_lost_when_no_rest_can_save_it() -> None:
    # Bound 0.5 on 20 prompts: 5 hits pass, 6 do not. Samples 2i and 2i + 1 are of one prompt.
    tally = Tally(PLAN, POLICY._replace(suites=suite_gates(PLAN)))
    tally.add([toxic_sample(at) for at in range(10)])
    assert tally.lost == ""
    tally.add([toxic_sample(10)])
    assert tally.lost == "TX-1"


def test_a_run_is_not_lost_over_suites_that_nobody_asked_for() -> None:
    tally = Tally(PLAN, POLICY._replace(suites=()))
    tally.add([toxic_sample(at) for at in range(40)])
    assert tally.lost == ""
