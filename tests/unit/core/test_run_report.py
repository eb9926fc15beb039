# SPDX-License-Identifier: Apache-2.0
"""What a page shows of a run, counted from its records."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubpolicy.core.run_report import BINS, TEXT_LIMIT, WORST, Slice, with_texts, worst_keys
from hubpolicy.core.statistics import max_hits, upper_bound
from hubpolicy.domain.evaluation import Prompt
from tests.unit.core.plan_values import make_plan, make_suite
from tests.unit.core.run_values import (
    DIFFERENCE,
    SALT,
    hand_counted,
    parity,
    record,
    result_of,
    run_from,
    run_of,
)


def test_a_suite_stands_beside_the_policy_s_limit() -> None:
    one = run_of(result_of((hand_counted("TX-1", 600, 5, 6),)), {"TX-1": "0.02"})
    (suite,) = one.suites
    assert (suite.asked, suite.passed, suite.limit) == (True, True, "0.02")
    assert suite.upper_bound == upper_bound(6, 600, "0.95")
    assert suite.most_hits == max_hits(600, "0.02", "0.95") == 6
    assert suite.metric == "p_any@5"
    (over,) = run_of(result_of((hand_counted("TX-1", 600, 5, 7),)), {"TX-1": "0.02"}).suites
    assert not over.passed


def test_a_suite_that_the_policy_does_not_ask_for_stands_beside_the_plan_s_bound() -> None:
    plan = make_plan(make_suite("TX-1", 20, 20, 1))
    result = result_of((hand_counted("TX-1", 20, 1, 0),))
    (suite,) = run_of(result, {}, plan=plan).suites
    assert (suite.asked, suite.limit, suite.title) == (False, "0.5", "TX-1")
    assert suite.passed
    (bare,) = run_of(result, {}).suites
    assert (bare.limit, bare.most_hits, bare.passed) == ("", -1, False)
    assert bare.upper_bound == upper_bound(0, 20, "0.95")


def test_without_records_only_counts_are_known() -> None:
    one = run_of(result_of((hand_counted("TX-1", 600, 5, 6),)), {"TX-1": "0.02"})
    (suite,) = one.suites
    assert (one.records, one.done, one.expected, one.languages) == (False, 0, 3000, ())
    assert (suite.histogram, suite.groups, suite.worst, suite.secondary) == ((), (), (), None)


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=40))
def test_every_scored_sample_stands_in_one_bar(scores: list[int]) -> None:
    records = [record("TX-1", n, 0, score / 10**6) for n, score in enumerate(scores)]
    (suite,) = run_from(records, 1, {}).suites
    expected = [0] * BINS
    for score in scores:
        # In whole millionths: 0.15 is the first of its bar, whatever binary fractions say.
        expected[min(score // (10**6 // BINS), BINS - 1)] += 1
    assert list(suite.histogram) == expected


def test_a_sample_without_a_score_stands_in_no_bar_but_in_the_counts() -> None:
    records = [record("TX-1", 1, 0, 0.9, status="empty"), record("TX-1", 2, 0, 0.1)]
    one = run_from(records, 1, {"TX-1": "0.5"})
    (suite,) = one.suites
    assert sum(suite.histogram) == 1
    assert suite.statuses == (("ok", 1), ("empty", 1))
    assert [sample.key for sample in suite.worst] == [("TX-1", "p-0002", 0)]
    assert (suite.counts.hits, suite.counts.imputed) == (1, 1)


def test_missing_samples_are_not_done() -> None:
    records = [record("TX-1", 1, 0, 0.9, status="missing"), record("TX-1", 2, 0, 0.1)]
    one = run_from(records, 1, {})
    assert (one.done, one.expected) == (1, 2)


def test_groups_and_languages_count_prompts_not_answers() -> None:
    records = [
        record("TX-1", prompt, i, 0.9 if prompt in {0, 4} and i else 0.1,
               group="even" if prompt % 2 == 0 else "odd", lang="de" if prompt < 4 else "en")
        for prompt in range(10)
        for i in range(3)
    ]  # fmt: skip
    one = run_from(records, 3, {})
    assert one.suites[0].groups == (
        Slice("even", 5, 2, upper_bound(2, 5, "0.95")),
        Slice("odd", 5, 0, upper_bound(0, 5, "0.95")),
    )
    assert [(s.name, s.prompts, s.hits) for s in one.languages] == [("de", 4, 1), ("en", 6, 1)]


def test_a_prompt_of_the_same_name_in_another_suite_is_another_prompt() -> None:
    records = [record(suite, 1, 0, 0.9) for suite in ("TX-1", "TX-2")]
    (language,) = run_from(records, 1, {}).languages
    assert (language.prompts, language.hits) == (2, 2)


def test_an_answer_that_is_missing_is_a_hit_of_its_group() -> None:
    records = [record("TX-1", 1, 0, 0.1, group="g", status="gen_error")]
    assert run_from(records, 1, {}).suites[0].groups[0].hits == 1


def test_the_worst_come_first_and_toxic_before_all() -> None:
    records = [record("TX-1", n, 0, n / 100) for n in range(60)]
    records[3] = records[3]._replace(toxic=True)  # by another label than the one that is shown
    (suite,) = run_from(records, 1, {}).suites
    names = [sample.key[1] for sample in suite.worst]
    assert names == [*(f"p-{n:04}" for n in range(59, 49, -1))]
    assert len(names) == WORST
    few = run_from(records[:50], 1, {}).suites[0].worst
    assert [few[0].key[1], few[1].key[1]] == ["p-0003", "p-0049"]


def test_a_scorer_with_other_labels_shows_its_highest() -> None:
    one = record("TX-1", 1, 0, 0.2)._replace(
        scores=(("insult", "0.700000"), ("threat", "0.100000"))
    )
    (suite,) = run_from([one], 1, {}).suites
    assert suite.worst[0].score == "0.700000"
    assert suite.histogram[14] == 1


def test_texts_come_in_only_if_they_are_the_recorded_ones() -> None:
    text = "x" * (TEXT_LIMIT + 5)
    one = run_from([record("TX-1", 1, 0, 0.9, text=text)], 1, {})
    (key,) = worst_keys(one)
    assert one.suites[0].worst[0].shown is None
    made = make_suite("TX-1", 1, 1, 1)
    plan = make_plan(made._replace(prompts=(Prompt(key[1], "What did she say?"),)))
    shown = with_texts(one, {key: (SALT.hex(), text)}, plan).suites[0].worst[0].shown
    assert shown is not None
    assert (shown.prompt, shown.text, shown.cut) == ("What did she say?", text[:TEXT_LIMIT], 5)
    for salt, other in ((SALT.hex(), "y"), ("", text), ("nothex", text), (SALT.hex(), "\ud800")):
        assert with_texts(one, {key: (salt, other)}, plan).suites[0].worst[0].shown is None
    assert with_texts(one, {}, plan).suites[0].worst[0].shown is None


@pytest.mark.parametrize("limit", ["0.02", "0.5"])
def test_the_page_says_the_same_as_the_rules(limit: str) -> None:
    records = [record("TX-1", n, 0, 0.9 if n < 3 else 0.1) for n in range(100)]
    one = run_from(records, 1, {"TX-1": limit})
    assert one.suites[0].passed == (one.verdict == "passed") == (limit == "0.5")


def test_of_a_parity_suite_every_group_decides_and_the_worst_is_the_bound() -> None:
    counts = parity("TX-3", ("age", 204, 1), ("faith", 204, 9), ("none", 204, 0))
    (suite,) = run_of(result_of((counts,)), {"TX-3": "0.05"}).suites
    assert [(g.name, g.passed) for g in suite.groups] == [
        ("age", True),
        ("faith", False),
        ("none", True),
    ]
    assert suite.upper_bound == upper_bound(9, 204, "0.95")
    assert not suite.passed
    assert suite.difference_limit == DIFFERENCE
    assert 0 < float(suite.difference) < 0.2
    records = [record("TX-3", n, 0, 0.1, group="age") for n in range(3)]
    (with_records,) = run_of(result_of((counts,)), {"TX-3": "0.05"}, records).suites
    assert with_records.groups == suite.groups


def test_in_a_suite_of_refusals_a_refused_prompt_is_the_hit() -> None:
    records = [
        record("OR-1", n, 0, 0.9 if n == 1 else 0.1, group="g")._replace(refused=n < 3)
        for n in range(10)
    ]
    counts = hand_counted("OR-1", 10, 1, 3)._replace(kind="refusal", refused_samples=3)
    one = run_of(result_of((counts,)), {"OR-1": "0.9"}, records)
    (suite,) = one.suites
    assert (suite.metric, suite.refusal) == ("p_refused@1", True)
    assert [(g.hits, g.passed) for g in suite.groups] == [(3, None)]
    assert one.languages == ()
    assert suite.worst[0].refused


def test_prompts_of_a_private_suite_are_shown_nowhere() -> None:
    one = run_from([record("TX-1", 1, 0, 0.9, text="t")], 1, {})
    (key,) = worst_keys(one)
    made = make_suite("TX-1", 1, 1, 1)._replace(prompts=(Prompt(key[1], "secret?"),), private=True)
    shown = with_texts(one, {key: (SALT.hex(), "t")}, make_plan(made)).suites[0].worst[0].shown
    assert shown is not None
    assert (shown.prompt, shown.text) == ("", "t")


def test_counts_that_have_no_place_yet_are_listed() -> None:
    (suite,) = run_of(result_of((hand_counted("TX-1", 9, 1, 0),)), {}).suites
    assert suite.extra == ()
