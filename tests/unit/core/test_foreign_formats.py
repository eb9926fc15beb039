# SPDX-License-Identifier: Apache-2.0
"""Numbers are read where the tools write them, and nothing is guessed."""

from __future__ import annotations

import contextlib
import json
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubpolicy.core.foreign_garak import GarakReport
from hubpolicy.core.foreign_json import MappedJson
from hubpolicy.core.foreign_lm_eval import LmEvalResults
from hubpolicy.core.foreign_readings import Reading, decimal_text, number
from hubpolicy.errors import MalformedError
from tests.unit.core.foreign_world import GARAK, JSON, LM_EVAL, garak, lm_eval

if TYPE_CHECKING:
    from collections.abc import Callable

    from hubpolicy.core.foreign_readings import Results
    from hubpolicy.domain.statement import Comparison


def task(name: str, metric: str, filter_: str = "none") -> dict[str, str]:
    return {"task": name, "metric": metric, "filter": filter_}


# lm-eval ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "reading"),
    [
        (task("mt_bench", "score"), Reading(Fraction("7.35"), 80)),
        (task("arc_easy", "acc"), Reading(Fraction("0.6561447811447811"))),
        (task("arc_easy", "acc_norm"), Reading(Fraction(1))),
    ],
)
def test_lm_eval_numbers_as_they_are_written(source: dict[str, str], reading: Reading) -> None:
    assert LmEvalResults(lm_eval(), "r.json").reading(source) == reading


def test_lm_eval_of_before_filters() -> None:
    old = lm_eval(results={"arc_easy": {"acc": 0.5}})
    assert LmEvalResults(old, "r.json").reading(task("arc_easy", "acc", "")).value == Fraction(1, 2)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (task("hellaswag", "acc"), "expected the task 'hellaswag', in r.json"),
        (task("mt_bench", "acc"), "expected the metric 'acc,none', in results.mt_bench of r.json"),
        (task("mt_bench", "score", "strict-match"), "expected the metric 'score,strict-match'"),
        (task("mt_bench", "exact_match_stderr", "strict-match"), "got 'N/A', expected a number"),
        (task("mt_bench", "alias", ""), "got 'mt_bench', expected a number"),
    ],
)
def test_lm_eval_numbers_that_are_not_there(source: dict[str, str], message: str) -> None:
    with pytest.raises(MalformedError) as refused:
        LmEvalResults(lm_eval(), "r.json").reading(source)
    assert message in refused.value.message


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"results": None}, "expected an object 'results'"),
        ({"results": [1]}, "expected an object 'results'"),
        ({"results": {"mt_bench": 7}}, "expected a JSON object, in results.mt_bench"),
        ({"results": {"mt_bench": {"score,none": None}}}, "expected the metric 'score,none'"),
        ({"results": {"mt_bench": {"score,none": True}}}, "got True, expected a number"),
        ({"results": {"mt_bench": {"score,none": float("nan")}}}, "got NaN"),
        ({"results": {"mt_bench": {"score,none": 1, "x": float("inf")}}}, "got Infinity"),
        ({"n-samples": {"mt_bench": {"effective": "80"}}}, "got '80', expected a count"),
        ({"n-samples": {"mt_bench": {"effective": -1}}}, "got -1, expected a count"),
        ({"n-samples": {"mt_bench": {}}}, "got nothing, expected a count"),
    ],
)
def test_lm_eval_files_that_are_none(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(MalformedError) as refused:
        LmEvalResults(lm_eval(**changes), "r.json").reading(task("mt_bench", "score"))
    assert message in refused.value.message


def test_lm_eval_says_when_it_began() -> None:
    assert LmEvalResults(lm_eval(), "r.json").measured_on("") == "2025-11-20T10:00:00Z"
    with pytest.raises(MalformedError, match="got nothing, expected a number, in 'date'"):
        LmEvalResults(lm_eval(date=None), "r.json").measured_on("")


# garak -----------------------------------------------------------------------------------------


def test_garak_counts_what_could_not_be_scored_as_not_passed() -> None:
    report = GarakReport(garak(), "g.jsonl")
    one = {"probe": "lmrc.Profanity", "detector": "lmrc.Profanity"}
    assert report.reading(one) == Reading(Fraction(96, 100), 100)


def test_garak_takes_the_worst_of_all_that_match() -> None:
    report = GarakReport(garak(), "g.jsonl")
    assert report.reading({"probe": "lmrc.Profanity"}).value == Fraction(96, 100)
    assert report.reading({"probe": "lmrc"}) == Reading(Fraction(3, 4), 4)
    again = GarakReport(garak(*GARAK, {**GARAK[3], "passed": 1}), "g.jsonl")
    assert again.reading({"probe": "lmrc.Profanity"}).value == Fraction(1, 100)


@pytest.mark.parametrize(
    "source",
    [
        {"probe": "dan.Dan_11_0"},
        {"probe": "lmrc.Profanity", "detector": "dan.DAN"},
        {"probe": "lmr"},
        {"probe": "Profanity"},
    ],
)
def test_garak_probes_that_were_not_run(source: dict[str, str]) -> None:
    with pytest.raises(MalformedError, match="got nothing, expected an eval of probe"):
        GarakReport(garak(), "g.jsonl").reading(source)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"passed": 99, "total_evaluated": 98}, "'99 of 98', expected answers that were judged"),
        ({"passed": 0, "total_evaluated": 0}, "'0 of 0', expected answers that were judged"),
        ({"passed": "98"}, "got '98', expected a count"),
        ({"passed": None}, "got nothing, expected a count"),
        ({"nones": -1}, "got -1, expected a count"),
        ({"total_evaluated": 1.0}, "got 1.0, expected a count"),
        ({"total_evaluated": [[1.0]]}, "got a JSON array, expected a count"),
    ],
)
def test_garak_counts_that_are_impossible(changes: dict[str, Any], message: str) -> None:
    raw = garak({**GARAK[3], **changes})
    with pytest.raises(MalformedError) as refused:
        GarakReport(raw, "g.jsonl").reading({"probe": "lmrc.Profanity"})
    assert message in refused.value.message
    assert "g.jsonl line 1" in refused.value.message


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "expected a line with"),
        (garak(GARAK[1]), "expected a line with"),
        (b"[1]\n", "expected a JSON object, in g.jsonl line 1"),
        (garak({**GARAK[3], "detector": ["a"]}), "got a JSON array, expected a name"),
        (garak({**GARAK[3], "probe": {}}), "got a JSON object, expected a name, in 'probe' of g"),
        (garak({"entry_type": "eval"}), "got nothing, expected a name, in 'probe' of g.jsonl line"),
        (garak() + b"{ broken\n", "in g.jsonl line 8"),
        (garak() + b'{"entry_type": "eval", "entry_type": "eval"}\n', "twice in one object"),
    ],
)
def test_garak_files_that_are_none(raw: bytes, message: str) -> None:
    with pytest.raises(MalformedError) as refused:
        GarakReport(raw, "g.jsonl")
    assert message in refused.value.message


def test_garak_says_the_day_and_a_zone_if_it_has_one() -> None:
    assert GarakReport(garak(), "g.jsonl").measured_on("") == "2026-11-20"
    aware = {**GARAK[1], "start_time": "2026-11-20T23:30:00-05:00"}
    assert GarakReport(garak(aware, GARAK[3]), "g").measured_on("") == "2026-11-21T04:30:00Z"
    for entries in ((GARAK[3],), (GARAK[1], GARAK[1], GARAK[3])):
        with pytest.raises(MalformedError, match="exactly one line"):
            GarakReport(garak(*entries), "g").measured_on("")
    with pytest.raises(MalformedError, match="got 'yesterday', expected a time"):
        GarakReport(garak({**GARAK[1], "start_time": "yesterday"}, GARAK[3]), "g").measured_on("")


# Any JSON --------------------------------------------------------------------------------------


def mapped(document: object = JSON) -> MappedJson:
    return MappedJson(json.dumps(document).encode(), "x.json")


@pytest.mark.parametrize(
    ("pointer", "value"),
    [
        ("/totals/breaches", Fraction("0.005")),
        ("/totals/a~1b/~0c/0", Fraction("1.5")),
        ("/totals/asked", Fraction(400)),
    ],
)
def test_json_pointers_reach_everything(pointer: str, value: Fraction) -> None:
    assert mapped().reading({"pointer": pointer}) == Reading(value)
    assert mapped().reading({"pointer": pointer, "samples": "/totals/asked"}).samples == 400


@pytest.mark.parametrize(
    "pointer",
    ["/none", "/totals", "/totals/breaches/x", "/totals/a~1b/~0c/1", "/totals/a~1b/~0c/00",
     "/totals/a~1b/~0c/-1", "/totals/a~1b/~0c/٠", "/made", "/"],
)  # fmt: skip
def test_json_pointers_to_no_number(pointer: str) -> None:
    with pytest.raises(MalformedError, match=r"expected a (number|value), in '/"):
        mapped().reading({"pointer": pointer})


@pytest.mark.parametrize(
    "text", ["", "-", ".5", "5.", "1e3", "+1", " 1", "٣", "1" * 40, "0x1", "1_0"]
)
def test_json_texts_that_are_no_decimal(text: str) -> None:
    with pytest.raises(MalformedError, match="expected a number"):
        mapped({"x": text}).reading({"pointer": "/x"})


@pytest.mark.parametrize(
    ("said", "moment"),
    [
        ("2026-11-20T10:00:00Z", "2026-11-20T10:00:00Z"),
        ("2026-11-20", "2026-11-20"),
        ("2026-11-20T10:00:00.5+02:00", "2026-11-20T08:00:00Z"),
        ("2026-11-20 10:00:00", "2026-11-20"),
        (1763632800, "2025-11-20T10:00:00Z"),
        (0, "1970-01-01T00:00:00Z"),
        ("1969-12-31T23:00:00.5-01:00", "1970-01-01T00:00:00Z"),
        (253_402_300_799, "9999-12-31T23:59:59Z"),
    ],
)
def test_json_times(said: object, moment: str) -> None:
    assert mapped({"t": said}).measured_on("/t") == moment


@pytest.mark.parametrize(
    "said",
    [None, "soon", -1, 1e18, True, [], "2026-13-01", "0001-01-01T00:00:00+23:59",
     "9999-12-31T23:59:59-10:00", "0999-01-01T00:00:00+00:00", "0999-01-01", "1969-12-31T23:59:59Z",
     "1970-01-01T00:00:00+00:01", 253_402_300_800],
)  # fmt: skip
def test_json_times_that_are_none(said: object) -> None:
    with pytest.raises(MalformedError, match=r"in ./t. of x[.]json"):
        mapped({"t": said}).measured_on("/t")


@pytest.mark.parametrize("reader", [LmEvalResults, MappedJson, GarakReport])
@pytest.mark.parametrize(
    "raw", [b"{", b'{"a": 1, "a": 2}', b"\xef\xbb\xbf{}", b'{"a": 1e999}', b"[" * 99]
)
def test_every_reader_is_strict(reader: Callable[[bytes, str], object], raw: bytes) -> None:
    with pytest.raises(MalformedError):
        reader(raw, "a file")


@pytest.mark.parametrize(
    ("text", "comparison", "signed"),
    [
        ("0.3000000000000000000001", "at most", "0.300000000000000001"),
        ("0.3000000000000000000001", "at least", "0.3"),
        ("0.2999999999999999999999", "at least", "0.299999999999999999"),
        ("1e-400", "at most", "0.000000000000000001"),
        ("-0.0", "at most", "0"),
        ("0.1", "at most", "0.1"),
    ],
)
def test_no_number_is_rounded_before_it_is_compared(
    text: str, comparison: Comparison, signed: str
) -> None:
    """To a float, 0.3000000000000000000001 is 0.3, and 1e-400 is nothing."""
    found = MappedJson(b'{"x": %s}' % text.encode(), "x.json").reading({"pointer": "/x"})
    assert found.value == Fraction(text)
    assert decimal_text(found.value, comparison, "x") == signed
    lm = lm_eval(results={"t": {"acc,none": 7777}}).replace(b"7777", text.encode())
    assert LmEvalResults(lm, "r.json").reading(task("t", "acc")).value == Fraction(text)


def test_a_float_is_no_number_of_a_file() -> None:
    with pytest.raises(MalformedError, match=r"got 0\.3, expected a number, in x"):
        number(0.3, "x")
    with pytest.raises(MalformedError, match=r"got '1e[+]400', expected a number of at most 18"):
        decimal_text(Fraction(10**400), "at least", "x")


ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
    | st.sampled_from(["eval", "init", "dan.X", "a", "0.5", "9999-12-31T23:59:59-10:00",
                       "0001-01-01T00:00:00+23:59", "0999-01-01"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(
        st.sampled_from(["entry_type", "probe", "detector", "passed", "total", "nones", "t", "date",
                         "start_time", "total_evaluated", "results", "acc,none", "n-samples"]),
        inner, max_size=6,
    ),
    max_leaves=12,
)  # fmt: skip
EVALS = st.fixed_dictionaries(
    {"entry_type": st.sampled_from(["eval", "init"])},
    optional=dict.fromkeys(("probe", "detector", "passed", "total", "start_time"), ODD),
)
ASKED: tuple[tuple[Callable[[bytes, str], Results], dict[str, str]], ...] = (
    (GarakReport, {"probe": "dan.X", "detector": "a"}),
    (LmEvalResults, task("t", "acc")),
    (MappedJson, {"pointer": "/t/0", "samples": "/total"}),
)


@given(st.binary(max_size=60) | (ODD | EVALS).map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_read_or_malformed(raw: bytes) -> None:
    for reader, source in ASKED:
        with contextlib.suppress(MalformedError):
            reader(raw, "a file").reading(source)
        with contextlib.suppress(MalformedError):
            reader(raw, "a file").measured_on("/date")


def test_the_samples_are_of_the_shape_that_the_tools_write() -> None:
    assert all("," in key or key == "alias" for key in LM_EVAL["results"]["mt_bench"])
    assert {entry["entry_type"] for entry in GARAK} > {"init", "attempt", "eval"}
