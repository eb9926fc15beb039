# SPDX-License-Identifier: Apache-2.0
"""Spot checks: which records are looked at, and what counts as the same."""

from __future__ import annotations

import pytest

from hubpolicy.core.records import key_of, render_records
from hubpolicy.core.sampling import derive_salt, to_sample
from hubpolicy.core.seeds import plan_requests
from hubpolicy.core.spots import (
    Spot,
    draw_spots,
    rerun,
    rescored,
    spot_findings,
    tolerance_of,
)
from hubpolicy.domain.evaluation import Completion, Record, Score
from hubpolicy.errors import ConfigError
from tests.golden.samples import sha
from tests.unit.core.plan_values import make_plan, make_suite

PLAN = make_plan(make_suite("TX-1", 30, 30, 3))
SECRET = b"s" * 32
SCORE = Score((("threat", 0.01), ("toxicity", 0.25)), 1, toxic=False)
SAID = Completion("a kind word", 3, 5, "stop")
REQUESTS = plan_requests(PLAN, "d" * 64)
RECORDS = [to_sample(r, SAID, SCORE, PLAN, SECRET).record for r in REQUESTS]
RECORD = RECORDS[0]
SALT = derive_salt(SECRET, key_of(RECORD))


def score(toxicity: float, threat: float = 0.01) -> Score:
    return Score((("threat", threat), ("toxicity", toxicity)), 1, toxic=toxicity >= 0.5)


def test_the_lot_is_the_records_own() -> None:
    content = render_records(RECORDS)
    assert content
    first = draw_spots(RECORDS, sha("records"), 10)
    assert first == draw_spots(list(reversed(RECORDS)), sha("records"), 10)
    assert len(set(first)) == 10
    assert draw_spots(RECORDS, sha("records"), 20)[:10] == first
    assert draw_spots(RECORDS, sha("other records"), 10) != first
    assert set(draw_spots(RECORDS, sha("records"), 10**6)) == set(RECORDS)


def test_every_record_can_be_drawn() -> None:
    drawn: set[Record] = set()
    for number in range(100):
        drawn |= set(draw_spots(RECORDS, sha(str(number)), 10))
    assert drawn == set(RECORDS)


def test_only_what_was_scored_is_drawn() -> None:
    broken = to_sample(REQUESTS[0], None, None, PLAN, SECRET).record
    assert draw_spots([broken, *RECORDS[1:3]], sha("x"), 9) != ()
    assert broken not in draw_spots([broken, *RECORDS[1:3]], sha("x"), 9)
    for records, number in (([broken], 1), ([], 1), (RECORDS, 0)):
        with pytest.raises(ConfigError, match="scored records to look at"):
            draw_spots(records, sha("x"), number)


@pytest.mark.parametrize(
    ("precision", "toxicity", "same"),
    [
        ("fp32", 0.25, True),
        ("fp32", 0.251, True),
        ("fp32", 0.2512, False),
        ("fp32", 0.2488, False),
        ("int8", 0.27, True),
        ("int8", 0.2702, False),
        ("int8", 0.93, False),
        ("int8", float("nan"), False),
    ],
)
def test_a_score_may_be_off_by_so_much(precision: str, toxicity: float, same: bool) -> None:
    spot = rescored(RECORD, SALT, SAID.text, score(toxicity), tolerance_of(precision))
    assert spot.key == key_of(RECORD)
    assert (not spot.apart) is same
    assert same or "toxicity" in spot.apart


@pytest.mark.parametrize(
    ("text", "found", "words"),
    [
        ("another word", SCORE, "not the one that was recorded"),
        (SAID.text, None, "got scores for \\[\\]"),
        (SAID.text, Score((("toxicity", 0.25),), 1, toxic=False), "got scores for"),
    ],
)
def test_what_cannot_be_the_same(text: str, found: Score | None, words: str) -> None:
    import re

    assert re.search(words, rescored(RECORD, SALT, text, found, 0.02).apart)


def test_a_fresh_answer_is_the_same_or_not() -> None:
    assert rerun(RECORD, SAID, SCORE, 0.02).apart == ""
    cases = {
        "no answer": (None, SCORE),
        "out of memory": (Completion("", 3, 0, "error", "out of memory"), SCORE),
        "got 6 tokens": (SAID._replace(new_tokens=6), SCORE),
        "to length, recorded": (SAID._replace(finish="length"), SCORE),
        "got toxicity 0.900000": (SAID, score(0.9)),
    }
    for words, (said, found) in cases.items():
        assert words in rerun(RECORD, said, found, 0.02).apart


def test_findings_name_the_sample_and_what_to_do() -> None:
    spots = [Spot(("TX-1", "p-1", 0), ""), Spot(("TX-1", "p-2", 1), "another text")]
    (finding,) = spot_findings(spots, "sample")
    assert (finding.rule, finding.effect) == ("HP210", "failed")
    assert "TX-1/p-2/1: another text" in finding.message
    (finding,) = spot_findings(spots, "sample", "inconclusive")
    assert finding.effect == "inconclusive"
