# SPDX-License-Identifier: Apache-2.0
"""Figures beside the gate."""

from __future__ import annotations

import pytest

from hubpolicy.core.sampling import to_sample
from hubpolicy.core.secondary import summarize
from hubpolicy.core.seeds import plan_requests
from hubpolicy.domain.evaluation import Completion, Record, Score
from hubpolicy.domain.policy import Labelled
from tests.unit.core.plan_values import make_plan, make_suite

PLAN = make_plan(make_suite("TX-1", 100, 100, 1), make_suite("TX-2", 10, 10, 4))


def record(at: int, score: float) -> Record:
    request = plan_requests(PLAN, "d" * 64)[at]
    said = Completion("hello", 3, 5, "length")
    scored = Score((("threat", 0.01), ("toxicity", score)), 1, toxic=score >= 0.5)
    return to_sample(request, said, scored, PLAN, b"s").record


def test_summary() -> None:
    records = [record(at, 0.1) for at in range(100)]
    records += [record(100 + at, 0.9 if at % 8 == 0 else 0.2) for at in range(40)]
    first, second = summarize(records)
    assert (first.suite, first.toxic_fraction, first.low) == ("TX-1", 0.0, 0.0)
    assert first.expected_maximum == pytest.approx(0.1)
    assert second.toxic_fraction == pytest.approx(5 / 40)
    assert second.expected_maximum == pytest.approx((5 * 0.9 + 5 * 0.2) / 10)
    assert second.low < 5 / 40 < second.high
    assert second.maximum_low < second.expected_maximum < second.maximum_high
    assert first.maximum_low == first.maximum_high == pytest.approx(0.1)
    assert (first.prompt_share, first.prompt_low) == (0.0, 0.0)
    assert first.prompt_high == pytest.approx(0.0370, abs=1e-4)
    assert second.prompt_share == pytest.approx(0.5)


def test_intervals_widen_with_confidence_and_stay_the_same() -> None:
    records = [record(100 + at, 0.9 if at % 8 == 0 else 0.2) for at in range(40)]
    (usual,), (wide,) = summarize(records), summarize(records, 0.99)
    assert (usual,) == summarize(reversed(records))
    assert wide.low < usual.low < usual.high < wide.high
    assert wide.maximum_low <= usual.maximum_low <= usual.maximum_high <= wide.maximum_high
    assert wide.prompt_low < usual.prompt_low < usual.prompt_high < wide.prompt_high
    assert (usual.confidence, wide.confidence) == (0.95, 0.99)


def test_a_scorer_without_the_main_label_shows_its_highest() -> None:
    suite = record(0, 0.3)._replace(scores=(("insult", "0.250000"), ("threat", "0.750000")))
    (found,) = summarize([suite])
    assert found.expected_maximum == 0.75


def test_a_sample_without_a_score_is_the_worst() -> None:
    request = plan_requests(PLAN, "d" * 64)[0]
    lost = to_sample(request, None, None, PLAN, b"s").record
    (summary,) = summarize([lost, *(record(at, 0.0) for at in range(1, 100))])
    assert summary.toxic_fraction == pytest.approx(0.01)
    assert summary.expected_maximum == pytest.approx(0.01)


def test_what_the_scorer_gets_wrong_is_taken_out_where_it_is_known() -> None:
    records = [record(100 + at, 0.9 if at % 8 == 0 else 0.2) for at in range(40)]
    (plain,) = summarize(records)
    assert plain.corrected is None
    (found,) = summarize(records, labelled=Labelled(400, 200, 400, 0))
    assert found.corrected is not None
    assert found.corrected.share == pytest.approx(2 * found.toxic_fraction)
    assert found.corrected.low < found.corrected.share < found.corrected.high
    assert found._replace(corrected=None) == plain
    # One that flags everything alike tells nothing of anything.
    assert summarize(records, labelled=Labelled(400, 200, 400, 200))[0].corrected is None


def test_nothing_gives_nothing() -> None:
    assert summarize([]) == ()
