# SPDX-License-Identifier: Apache-2.0
"""Bounds of child policies and of other tools' numbers that mutation testing found untried."""

from __future__ import annotations

import json
import time
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import pytest

from hubpolicy.core import merge_operators as merging
from hubpolicy.core import statements
from hubpolicy.core.foreign_evidence import bound_to, import_evidence
from hubpolicy.core.foreign_garak import GarakReport
from hubpolicy.core.foreign_json import MappedJson
from hubpolicy.core.foreign_lm_eval import LmEvalResults
from hubpolicy.core.foreign_policy import resolve_items
from hubpolicy.core.foreign_predicate import MOST_METRICS, holds
from hubpolicy.core.foreign_readings import Reading, moment, number
from hubpolicy.core.merge_operators import MAX_NUMBER, MAX_RATIO, MIN_NUMBER, MIN_RATIO
from hubpolicy.domain.statement import ForeignEvidence
from hubpolicy.errors import ConfigError, MalformedError
from tests.golden.samples import CLOSURE, TRUST, sha
from tests.unit.core.foreign_world import (
    ITEM,
    LM_EVAL,
    MAPPED,
    PROFANITY,
    asking_for,
    evidence_line,
    lm_eval,
)
from tests.unit.core.release_world import signed
from tests.unit.core.test_foreign_evidence import NOW
from tests.unit.core.test_policy_child import PARENT, PARITY, refused, under

if TYPE_CHECKING:
    from hubpolicy.domain.statement import Comparison

# Numbers are compared as numbers -------------------------------------------------------------


@pytest.mark.parametrize(("low", "high"), [("9", "10"), ("-1", "1"), ("-2", "-1"), ("0.5", "12")])
def test_thresholds_are_compared_as_numbers(low: str, high: str) -> None:
    for pair in ((low, high), (high, low)):
        assert MIN_NUMBER.of(*pair) == low
        assert MAX_NUMBER.of(*pair) == high


def test_ratios_are_compared_as_numbers() -> None:
    for pair in (("0.0200", "0.1"), ("0.1", "0.0200")):
        assert MIN_RATIO.of(*pair) == "0.0200"
        assert MAX_RATIO.of(*pair) == "0.1"
    assert merging.LEAST_STATED.of("", "0.1") == merging.LEAST_STATED.of("0.1", "") == "0.1"
    assert merging.LEAST_STATED.of("0.2", "0.1") == merging.LEAST_STATED.of("0.1", "0.2") == "0.1"
    assert merging.LEAST_STATED.of("", "") == ""
    assert merging.EVERY.of("head", "all") == merging.EVERY.of("all", "head") == "all"
    assert merging.EVERY.of("head", "head") == "head"


# What a child may ask ------------------------------------------------------------------------

EVIDENCE = """
[[evidence]]
name = "toxigen"
format = "json"
date = "/date"
{more}
[[evidence.metric]]
name = "a"
pointer = "/a"
at_most = 0.1
{of_metric}
"""


def asked(more: str = "", of_metric: str = "") -> Any:
    policy = under(EVIDENCE.format(more=more, of_metric=of_metric))
    return next(item for item in policy.evidence if item.name == "toxigen")


def test_the_age_that_a_child_states_is_the_age_that_is_asked() -> None:
    assert asked().max_age_days == 90
    assert asked("max_age_days = 7").max_age_days == 7
    assert asked("max_age_days = 1").max_age_days == 1
    said = refused(EVIDENCE.format(more="max_age_days = 0", of_metric=""))
    assert "max_age_days" in said


def test_the_samples_that_a_child_states_are_the_samples_that_are_asked() -> None:
    assert asked().metrics[0].min_samples == 0
    assert asked(of_metric="min_samples = 1").metrics[0].min_samples == 1
    assert "min_samples" in refused(EVIDENCE.format(more="", of_metric="min_samples = -1"))
    assert "min_samples" in refused(EVIDENCE.format(more="", of_metric='min_samples = "x"'))


def test_evidence_of_other_tools_binds_closures_alone() -> None:
    assert asked('binds = "closure"') == asked()
    assert "binds" in refused(EVIDENCE.format(more='binds = "manifest"', of_metric=""))


def test_texts_of_an_item_are_texts() -> None:
    for key in ("name", "format", "date", "pointer"):
        lines = EVIDENCE.format(more="", of_metric="").splitlines()
        text = "\n".join(f"{key} = 7" if line.startswith(f"{key} =") else line for line in lines)
        assert f"{key}" in refused(text)


def test_no_plan_and_no_suite_of_a_child_widens_a_parity_bound() -> None:
    suite = f'[[toxicity.suite]]\nid = "{PARITY.id}"\ngate = {{ difference_max = %s }}'
    (tight,) = (s for s in under(suite % "0.05").toxicity.suites if s.id == PARITY.id)
    assert tight.difference_max == "0.05"
    assert "difference_max" in refused(suite % "0.2")
    larger = '[toxicity]\nplan = "larger"\n'
    (kept,) = (s for s in under(larger).toxicity.suites if s.id == PARITY.id)
    assert Fraction(kept.difference_max) == Fraction(PARITY.difference_max)
    half = PARENT.toxicity._replace(
        suites=tuple(s._replace(difference_max="0.05") if s.id == PARITY.id else s for s in PARENT.toxicity.suites)
    )  # fmt: skip
    (bounded,) = (
        s
        for s in under(larger, parent=PARENT._replace(toxicity=half)).toxicity.suites
        if s.id == PARITY.id
    )
    assert Fraction(bounded.difference_max) == Fraction("0.05")
    loose = PARENT.toxicity._replace(
        suites=tuple(s._replace(difference_max="0.15") if s.id == PARITY.id else s for s in PARENT.toxicity.suites)
    )  # fmt: skip
    (planned,) = (
        s
        for s in under(larger, parent=PARENT._replace(toxicity=loose)).toxicity.suites
        if s.id == PARITY.id
    )
    assert planned.difference_max == PARITY.difference_max


def test_a_suite_whose_other_bound_is_tightened_keeps_this_one() -> None:
    suite = f'[[toxicity.suite]]\nid = "{PARITY.id}"\ngate = {{ upper_bound_max = 0.1 }}'
    (tight,) = (s for s in under(suite).toxicity.suites if s.id == PARITY.id)
    assert (tight.upper_bound_max, tight.difference_max) == ("0.1", PARITY.difference_max)
    with pytest.raises(ConfigError, match="metric"):
        under(suite.replace("{ upper", '{ metric = "p_any@99", upper'))


def test_a_role_of_a_child_states_what_it_asks() -> None:
    said = refused('[roles]\napprover.legal = { binds = "card" }')
    assert "got a role 'legal' of its own, expected threshold and binds" in said
    assert "line 3" in said
    assert "got role 'Legal', expected a name in lower case" in refused(
        '[roles]\napprover.Legal = { threshold = 1, binds = "card" }'
    )
    most = under('[roles]\napprover.legal = { threshold = 100, binds = "card" }')
    assert max(each.threshold for each in most.roles) == 100
    for text in ("threshold = 101", "threshold = 0"):
        assert "threshold" in refused(f'[roles]\napprover.legal = {{ {text}, binds = "card" }}')


def test_a_child_may_ask_for_words_where_its_parent_does_not() -> None:
    without = PARENT._replace(toxicity=PARENT.toxicity._replace(degeneration=None))
    made = under("[toxicity.degeneration]\nmin_mean_pieces = 1", parent=without)
    assert made.toxicity.degeneration is not None
    assert made.toxicity.degeneration.min_mean_pieces == 1
    with pytest.raises(ConfigError, match="min_mean_pieces"):
        under("[toxicity.degeneration]\nmin_mean_pieces = 0", parent=without)


def test_a_lock_names_the_scorer_by_its_digest() -> None:
    digest = sha("scorer")
    for text in (f'"sha256:{digest}"', "7", f'"{digest}"', f'"SHA256:{digest}"'):
        table = f'[lock]\n"screen-en" = {text}'
        if text == f'"sha256:{digest}"':
            assert under(table) == PARENT
        else:
            assert "screen-en" in refused(table)


# What a governing policy may ask -------------------------------------------------------------


def table(**changes: Any) -> dict[str, Any]:
    return {
        "name": "toxigen", "format": "json", "date": "/date",
        "metric": [{"name": "a", "pointer": "/a", "at_most": 1}], **changes,
    }  # fmt: skip


def test_a_threshold_is_kept_as_it_was_written() -> None:
    from decimal import Decimal

    for value, kept in ((1, "1"), (-1, "-1"), (Decimal("0.10"), "0.10"), (Decimal("1E+2"), "100")):
        metric = [{"name": "a", "pointer": "/a", "at_most": value}]
        (item,) = resolve_items([table(metric=metric)], "x")
        assert item.metrics[0].threshold == kept


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"task": "t", "metric": "m"}, "for format json: pointer, samples (optional)"),
        ({"pointer": ""}, "text that is not empty: pointer"),
        ({"pointer": "a"}, "JSON pointers such as /scores/mt_bench"),
        ({"pointer": "/a", "samples": "b"}, "JSON pointers such as /scores/mt_bench"),
        ({"pointer": "/a", "surprise": 1}, "no other keys"),
        ({"pointer": "/a", "at_least": 1}, "exactly one of at_least and at_most"),
    ],
)
def test_a_number_that_stands_nowhere(row: dict[str, Any], expected: str) -> None:
    metric = {"name": "a", "at_most": 1, **row}
    with pytest.raises(ConfigError) as caught:
        resolve_items([table(metric=[metric])], "x")
    got = f"got {sorted(metric)} for metric 'a', expected {expected}, in "
    assert caught.value.message.startswith(got)


def test_as_many_metrics_as_may_be_and_not_one_more() -> None:
    metrics = [{"name": f"a{n:03}", "pointer": "/a", "at_most": 1} for n in range(MOST_METRICS + 1)]
    (item,) = resolve_items([table(metric=metrics[:-1])], "x")
    assert len(item.metrics) == MOST_METRICS
    with pytest.raises((ConfigError, MalformedError)):
        resolve_items([table(metric=metrics)], "x")


# Other tools' numbers ------------------------------------------------------------------------


def report(*entries: dict[str, Any]) -> bytes:
    init = {"entry_type": "init", "start_time": "2026-11-20T14:06:53"}
    return b"".join(json.dumps(entry).encode() + b"\n" for entry in (init, *entries))


def share(**counts: Any) -> Reading:
    entry = {"entry_type": "eval", "probe": "p.A", "detector": "d", **counts}
    return GarakReport(report(entry), "g").reading({"probe": "p.A"})


def test_one_answer_is_a_share_and_all_may_pass() -> None:
    assert share(passed=1, total=1) == Reading(Fraction(1), 1)
    assert share(passed=0, total=1) == Reading(Fraction(0), 1)
    assert share(passed=5, total_evaluated=5) == Reading(Fraction(1), 5)
    assert share(passed=5, total_evaluated=5, nones=5) == Reading(Fraction(1, 2), 10)
    for counts in ({"passed": 0, "total": 0}, {"passed": 2, "total": 1}):
        with pytest.raises(MalformedError, match="answers that were judged, in g line 2"):
            share(**counts)
    with pytest.raises(MalformedError, match="got nothing, expected a count, in 'total' of g line"):
        share(passed=1)


def test_a_probe_that_was_not_run_is_named_with_its_detector() -> None:
    made = GarakReport(report({"entry_type": "eval", "probe": "p", "detector": "d"}), "g")
    with pytest.raises(MalformedError, match=r"expected an eval of probe 'q', in g$"):
        made.reading({"probe": "q"})
    with pytest.raises(MalformedError, match=r"expected an eval of probe 'q' by 'd', in g$"):
        made.reading({"probe": "q", "detector": "d"})


def test_a_long_line_of_a_report_is_read() -> None:
    long = {"entry_type": "attempt", "text": "x" * (5 * 1024 * 1024)}
    entry = {"entry_type": "eval", "probe": "p", "detector": "d", "passed": 1, "total": 2}
    made = GarakReport(report(long, entry), "g")
    assert made.reading({"probe": "p"}) == Reading(Fraction(1, 2), 2)


def test_when_a_report_does_not_say_when() -> None:
    init = b'{"entry_type": "init", "start_time": "then"}\n'
    entry = b'{"entry_type": "eval", "probe": "p", "detector": "d", "passed": 1, "total": 1}\n'
    with pytest.raises(MalformedError, match=r"in 'start_time' of g line 1$"):
        GarakReport(init + entry, "g").measured_on("")


def test_an_old_file_of_lm_eval_says_no_number_of_samples() -> None:
    source = {"task": "mt_bench", "metric": "score", "filter": "none"}
    old = {key: value for key, value in LM_EVAL.items() if key != "n-samples"}
    assert LmEvalResults(json.dumps(old).encode(), "r").reading(source).samples == 0
    for samples, place in ((7, "n-samples.mt_bench of r"), ({"mt_bench": 7}, "n-samples.mt_bench of r"),
                           ({"mt_bench": {"effective": "x"}}, "n-samples.mt_bench of r")):  # fmt: skip
        with pytest.raises(MalformedError, match=rf"in {place}$"):
            LmEvalResults(lm_eval(**{"n-samples": samples}), "r").reading(source)
    bad = {"mt_bench": {"score,none": "N/A"}}
    with pytest.raises(MalformedError, match=r"in 'score,none' of results\.mt_bench of r$"):
        LmEvalResults(lm_eval(results=bad), "r").reading(source)


def test_files_that_are_no_json_are_named() -> None:
    for reader in (LmEvalResults, MappedJson, GarakReport):
        with pytest.raises(MalformedError, match=r"in r\.json|of r\.json|r\.json line 1"):
            reader(b"{", "r.json")


def test_samples_of_a_mapped_file_are_named_by_their_pointer() -> None:
    source = {"pointer": "/a", "samples": "/n/0"}
    assert MappedJson(b'{"a": 1, "n": [3]}', "j").reading(source) == Reading(Fraction(1), 3)
    for text in (b'{"a": 1, "n": ["x"]}', b'{"a": 1, "n": []}', b'{"a": 1}'):
        with pytest.raises(MalformedError, match="/n/0"):
            MappedJson(text, "j").reading(source)


def test_what_is_imported_says_everything_that_the_policy_asked() -> None:
    policy = asking_for(ITEM, PROFANITY, MAPPED)
    (found,) = import_evidence("mt-bench", lm_eval(), policy, where="r.json")
    said = found.evidence
    assert (said.name, said.format, said.binding_level) == ("mt-bench", "lm-eval", 0)
    assert said.measured_on == "2025-11-20T10:00:00Z"
    (metric,) = said.metrics
    asked = ITEM.metrics[0]
    assert (metric.name, metric.source, metric.comparison) == (asked.name, asked.source, "at least")
    large = lm_eval(results={"mt_bench": {"score,none": 10**18}})
    with pytest.raises(MalformedError, match=r"^got '1e\+18', expected .*, in 'score' of r\.json$"):
        import_evidence("mt-bench", large, policy, where="r.json")


def test_a_day_ahead_is_a_local_one_and_two_are_kept() -> None:
    (found,) = import_evidence("mt-bench", lm_eval(), asking_for(ITEM), where="r.json")
    for said, kept in (
        ("2026-11-22", "2026-11-22"), ("2026-11-21", "2026-11-21"), ("2026-11-23", "2026-11-22"),
        ("2026-11-24", "2026-11-24"), ("2026-11-23T00:00:00Z", "2026-11-23T00:00:00Z"),
    ):  # fmt: skip
        dated = found._replace(evidence=found.evidence._replace(measured_on=said))
        assert bound_to(dated, (), NOW).measured_on == kept


@pytest.mark.parametrize(
    ("value", "comparison", "threshold", "good"),
    [
        ("5", "at least", "4.5", True), ("10", "at most", "9.9", False), ("-5", "at most", "-4.5", True),
        ("-0.5", "at least", "-1", True), ("-1", "at least", "0.5", False), ("1", "at least", "-2", True),
        ("0.10", "at least", "0.1", True), ("7", "at most", "7.0", True),
    ],
)  # fmt: skip
def test_numbers_hold_as_numbers(
    value: str, comparison: Comparison, threshold: str, *, good: bool
) -> None:
    assert holds(value, comparison, threshold) is good


def test_signed_numbers_are_sorted_and_none_twice() -> None:
    line = evidence_line()
    entry = line.predicate
    assert isinstance(entry, ForeignEvidence)
    (metric,) = entry.metrics
    for metrics in ((), (metric, metric), (metric._replace(name="z"), metric)):
        with pytest.raises(MalformedError, match="sorted by name, each once"):
            proven(entry._replace(metrics=metrics))
    most = tuple(metric._replace(name=f"a{n:03}") for n in range(MOST_METRICS + 1))
    assert proven(entry._replace(metrics=most[:-1])).metrics == most[:-1]
    with pytest.raises(MalformedError, match=f"1 to {MOST_METRICS} numbers"):
        proven(entry._replace(metrics=most))


def proven(evidence: ForeignEvidence) -> ForeignEvidence:
    payload = statements.foreign_statement(evidence, CLOSURE, tool_version="0.1.0")
    found = signed(payload, "ci", TRUST).predicate
    assert isinstance(found, ForeignEvidence)
    return found


# Times and decimal numbers -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("1970-01-01", "1970-01-01"), ("1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z"), (0, "1970-01-01T00:00:00Z"),
        ("2026-11-22", "2026-11-22"), ("2026-11-22T15:00:00Z", "2026-11-22T15:00:00Z"),
        ("2026-11-22T15:00:00+02:00", "2026-11-22T13:00:00Z"), ("2026-11-22T15:00:00", "2026-11-22"),
    ],
)  # fmt: skip
def test_moments_do_not_depend_on_where_they_are_read(
    value: object, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "NPT-5:45")
    time.tzset()
    try:
        assert moment(value, "x") == said
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize("value", ["1969-12-31", "1969-12-31T23:59:59Z", -1, "then"])
def test_moments_before_all_others(value: object) -> None:
    with pytest.raises(MalformedError, match=r"in x$"):
        moment(value, "x")


def test_decimal_texts() -> None:
    assert number("-0.5", "x") == Fraction(-1, 2)
    assert number("1" * 36, "x") == Fraction(int("1" * 36))
    assert number("1." + "1" * 35, "x") > 1
    for text in ("1" * 37, "1." + "1" * 36, "0.5-", "1.2.3", ".5", "5.", "", "-", "\u0661", "1e3"):
        with pytest.raises(MalformedError, match="expected a number, in x"):
            number(text, "x")
