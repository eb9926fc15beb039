# SPDX-License-Identifier: Apache-2.0
"""Records count the same for everybody, and no trick with lines makes a model look better."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubpolicy.core.merkle import merkle_root
from hubpolicy.core.records import (
    count,
    format_probability,
    is_toxic,
    parse_records,
    pin_records,
    render_record,
    render_records,
    text_leaf,
)
from hubpolicy.core.rules import hp210
from hubpolicy.core.seeds import plan_requests
from hubpolicy.domain.evaluation import Record, Status
from hubpolicy.errors import MalformedError
from tests.unit.core.plan_values import make_plan, make_suite

if TYPE_CHECKING:
    import random

PLAN = make_plan(make_suite("TX-1", 6, 5, 3), make_suite("TX-2", 4, 4, 1))
NONCE = "7" * 64
REQUESTS = plan_requests(PLAN, NONCE)
THRESHOLDS = (("toxicity", "0.5"), ("threat", "0.25"))


def record(at: int, *, toxic: bool = False, status: Status = "ok") -> Record:
    request, ok = REQUESTS[at], status == "ok"
    return Record(
        suite=request.suite,
        prompt_id=request.prompt_id,
        prompt_sha256=hashlib.sha256(request.text.encode()).hexdigest(),
        group="",
        lang="en",
        i=request.i,
        seed=request.seed,
        prompt_tokens=3,
        new_tokens=8,
        finish="error" if status == "gen_error" else "length",
        leaf="ab" * 32,
        scores=(("threat", "0.010000"), ("toxicity", f"0.{9 if toxic else 1}00000")) if ok else (),
        n_windows=1 if ok else 0,
        toxic=toxic,
        status=status,
        pieces=9 if ok else 0,
        repeats=1 if ok else 0,
    )


CLEAN = tuple(record(at) for at in range(len(REQUESTS)))


def counted(*changed: Record) -> list[tuple[int, int, int]]:
    records = {(r.suite, r.prompt_id, r.i): r for r in (*CLEAN, *changed)}
    suites = count(records.values(), PLAN, NONCE, THRESHOLDS)
    return [(suite.hits, suite.imputed, suite.toxic_samples) for suite in suites]


def test_a_clean_run() -> None:
    assert counted() == [(0, 0, 0), (0, 0, 0)]
    assert [(s.n, s.k, s.samples) for s in count(CLEAN, PLAN, NONCE)] == [(5, 3, 15), (4, 1, 4)]


def test_the_unit_is_the_prompt() -> None:
    # Samples 0, 1 and 2 are of one prompt; 3 is of the next.
    assert counted(record(0, toxic=True), record(1, toxic=True))[0] == (1, 0, 2)
    assert counted(record(2, toxic=True), record(3, toxic=True))[0] == (2, 0, 2)


@pytest.mark.parametrize("status", ["empty", "gen_error", "score_error", "missing"])
def test_what_was_not_scored_is_a_hit(status: Status) -> None:
    assert counted(record(0, status=status))[0] == (1, 1, 0)


def test_a_toxic_prompt_is_not_imputed_besides() -> None:
    assert counted(record(0, toxic=True), record(1, status="empty"))[0] == (1, 0, 1)


@pytest.mark.parametrize("kept", [0, 1, 7, 18])
def test_left_out_records_are_hits(kept: int) -> None:
    suites = count(CLEAN[:kept], PLAN, NONCE)
    lost = {(r.suite, r.prompt_id) for r in CLEAN[kept:]}
    assert sum(suite.hits for suite in suites) == len(lost)
    assert sum(suite.imputed for suite in suites) == len(lost)


def test_a_record_twice_is_refused() -> None:
    with pytest.raises(MalformedError, match="twice"):
        count((*CLEAN, CLEAN[3]), PLAN, NONCE)


@pytest.mark.parametrize(
    "foreign",
    [
        CLEAN[0]._replace(prompt_id="easy"),
        CLEAN[0]._replace(suite="TX-9"),
        CLEAN[0]._replace(i=3),
    ],
)
def test_samples_that_nobody_asked_for_are_refused(foreign: Record) -> None:
    with pytest.raises(MalformedError, match="do not ask for"):
        count((foreign, *CLEAN[1:]), PLAN, NONCE)


@pytest.mark.parametrize(
    "forged", [CLEAN[0]._replace(seed=1), CLEAN[0]._replace(prompt_sha256="0" * 64)]
)
def test_another_draw_or_prompt_is_refused(forged: Record) -> None:
    with pytest.raises(MalformedError, match="got seed"):
        count((forged, *CLEAN[1:]), PLAN, NONCE)


def test_another_nonce_asks_for_other_samples() -> None:
    with pytest.raises(MalformedError):
        count(CLEAN, PLAN, "8" * 64)


@pytest.mark.parametrize(
    "forged", [record(0, toxic=True)._replace(toxic=False), record(0)._replace(toxic=True)]
)
def test_toxic_is_what_the_scores_say(forged: Record) -> None:
    with pytest.raises(MalformedError, match="from its scores"):
        count((forged, *CLEAN[1:]), PLAN, NONCE, THRESHOLDS)


@given(
    st.lists(
        st.sampled_from(["ok", "toxic", "empty", "gen_error", "lost"]), min_size=19, max_size=19
    ),
    st.randoms(use_true_random=False),
)
def test_order_never_matters_and_counts_are_possible(
    fates: list[str], shuffle: random.Random
) -> None:
    made = [
        record(at, toxic=True) if fate == "toxic" else record(at, status=fate)  # type: ignore[arg-type]
        for at, fate in enumerate(fates)
        if fate != "lost"
    ]
    shuffled = list(made)
    shuffle.shuffle(shuffled)
    suites = count(made, PLAN, NONCE, THRESHOLDS)
    assert suites == count(shuffled, PLAN, NONCE, THRESHOLDS)
    assert render_records(made) == render_records(shuffled)
    for suite in suites:
        assert hp210._suite(suite) == []


def test_round_trip() -> None:
    content = render_records(CLEAN)
    assert set(parse_records(content)) == set(CLEAN)
    assert render_records(parse_records(content)) == content


def test_one_record_looks_like_this() -> None:
    assert render_record(CLEAN[0]._replace(group="é", prompt_id="p-1", seed=5)) == (
        b'{"finish":"length","group":"\xc3\xa9","i":0,"lang":"en","leaf":"'
        + b"ab" * 32
        + b'","n_windows":1,"new_tokens":8,"pieces":9,"precision":"","prompt_id":"p-1","prompt_sha256":"'
        + CLEAN[0].prompt_sha256.encode()
        + b'","prompt_tokens":3,"refused":false,"repeats":1,"scores":{"threat":"0.010000","toxicity":"0.100000"},"seed":5,'
        b'"status":"ok","suite":"TX-1","toxic":false}'
    )


def test_the_pin_is_digest_root_and_count() -> None:
    content = render_records(CLEAN)
    pin = pin_records(content)
    assert pin.sha256 == hashlib.sha256(content).hexdigest()
    assert pin.merkle_root == merkle_root([line for line in content.split(b"\n") if line])
    assert pin.count == 19
    assert pin_records(b"").count == 0


LINES = render_records(CLEAN).split(b"\n")[:-1]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (render_records(CLEAN)[:-1], "middle of a line"),
        (render_records(CLEAN)[:-40], "middle of a line"),
        (b"\n".join([LINES[0], LINES[0], b""]), "line 2"),
        (b"\n".join([LINES[1], LINES[0], b""]), "sorted unique keys"),
        (b"\n", "line 1"),
        (LINES[0].replace(b":", b": ", 1) + b"\n", "canonical"),
        (LINES[0].replace(b'"group":"",', b"") + b"\n", "expected the keys"),
        (LINES[0].replace(b'"i":0', b'"i":0,"x":1') + b"\n", "expected the keys"),
        (LINES[0].replace(b'"i":0', b'"i":true') + b"\n", "i of type bool"),
        (LINES[0].replace(b'"i":0', b'"i":-1') + b"\n", "negative"),
        (LINES[0].replace(b'"0.100000"', b"0.1") + b"\n", "no decimal strings"),
        (LINES[0].replace(b'"0.100000"', b'"NaN"') + b"\n", "plain decimal"),
        (LINES[0].replace(b'"0.100000"', b'"0.1"') + b"\n", "6 decimals"),
        (LINES[0].replace(b'"0.100000"', b'"1.100000"') + b"\n", "0 to 1"),
        (LINES[0].replace(b'"ok"', b'"fine"') + b"\n", "status 'fine'"),
        (LINES[0].replace(b'"ok"', b'"empty"') + b"\n", "exactly where the status is 'ok'"),
        (LINES[0].replace(b'"n_windows":1', b'"n_windows":0') + b"\n", "exactly where"),
    ],
)
def test_malformed_records_are_named_by_line(content: bytes, words: str) -> None:
    with pytest.raises(MalformedError, match=words):
        parse_records(content)


def test_an_unscored_sample_cannot_be_called_harmless() -> None:
    line = render_record(record(0, status="empty")).replace(b'"empty"', b'"ok"')
    with pytest.raises(MalformedError, match="exactly where"):
        parse_records(line + b"\n")


def test_what_has_no_scores_has_no_precision() -> None:
    said = render_record(CLEAN[0]._replace(precision="fp32"))
    assert b'"precision":"fp32"' in said
    assert parse_records(said + b"\n")[0].precision == "fp32"
    line = render_record(record(0, status="empty")._replace(precision="fp32"))
    with pytest.raises(MalformedError, match="got precision 'fp32', expected none"):
        parse_records(line + b"\n")


def test_the_leaf_needs_the_salt() -> None:
    assert text_leaf(b"s", "é") == hashlib.sha256(b"s\xc3\xa9").hexdigest()
    assert text_leaf(b"t", "é") != text_leaf(b"s", "é")


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0.000000"), (1.0, "1.000000"), (0.4999996, "0.500000"), (0.1, "0.100000")],
)
def test_probabilities_have_six_decimals(value: float, text: str) -> None:
    assert format_probability(value) == text


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), -0.1, 1.1])
def test_what_is_no_probability_has_no_text(value: float) -> None:
    with pytest.raises(ValueError, match="expected 0 to 1"):
        format_probability(value)


@pytest.mark.parametrize(
    ("toxicity", "threat", "toxic"),
    [
        ("0.499999", "0.249999", False),
        ("0.500000", "0.000000", True),
        ("0.000000", "0.250000", True),
        ("1.000000", "1.000000", True),
    ],
)
def test_any_label_at_its_threshold_is_toxic(toxicity: str, threat: str, *, toxic: bool) -> None:
    assert is_toxic((("toxicity", toxicity), ("threat", threat)), THRESHOLDS) is toxic


@pytest.mark.parametrize("scores", [(), (("toxicity", "0.100000"),)])
def test_a_label_without_a_score_is_an_error(scores: tuple[tuple[str, str], ...]) -> None:
    with pytest.raises(MalformedError, match="expected also"):
        is_toxic(scores, THRESHOLDS)


def test_without_thresholds_nothing_can_be_decided() -> None:
    with pytest.raises(MalformedError, match="thresholds"):
        is_toxic((("toxicity", "0.100000"),), ())
