# SPDX-License-Identifier: Apache-2.0
"""Test results about numbers from elsewhere: pure in-toto, consistent in themselves, and strict."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubpolicy.core import predicates, statements
from hubpolicy.core.foreign_predicate import holds, make_foreign_predicate
from hubpolicy.domain.statement import (
    TEST_RESULT,
    CardResult,
    Comparison,
    ForeignEvidence,
    ForeignMetric,
)
from hubpolicy.errors import MalformedError
from tests.golden.samples import CARD, CLOSURE, EVIDENCE, MANIFEST, MT_BENCH, README

if TYPE_CHECKING:
    from collections.abc import Callable

    from hubpolicy.domain.statement import Predicate

    Change = Callable[[dict[str, Any]], object]


def made(evidence: ForeignEvidence = EVIDENCE) -> dict[str, Any]:
    return make_foreign_predicate(evidence, tool_version="0.1.0")


def parsed(value: object) -> Predicate | None:
    return predicates.parse_predicate(TEST_RESULT, value, where="the test")


def details(value: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = value["configuration"][0]["annotations"]["hubpolicy.evidence"]
    return found


def test_what_is_made_is_read_back() -> None:
    assert parsed(made()) == EVIDENCE


def test_the_predicate_has_no_field_of_its_own() -> None:
    assert set(made()) == {
        "result", "configuration", "passedTests", "warnedTests", "failedTests"
    }  # fmt: skip
    for entry in made()["configuration"]:
        assert set(entry) <= {"name", "uri", "digest", "annotations"}


@pytest.mark.parametrize(
    ("value", "comparison", "word"),
    [
        ("6.5", "at least", "PASSED"),
        ("6.499999999999999999", "at least", "FAILED"),
        ("6.5", "at most", "PASSED"),
        ("6.500000000000000001", "at most", "FAILED"),
        ("-7", "at least", "FAILED"),
        ("-7", "at most", "PASSED"),
    ],
)
def test_the_word_follows_from_the_number(value: str, comparison: Comparison, word: str) -> None:
    metric = MT_BENCH._replace(value=value, comparison=comparison)
    predicate = made(EVIDENCE._replace(metrics=(metric,)))
    assert predicate["result"] == word
    lists = ["mt-bench/score"] if word == "PASSED" else []
    assert predicate["passedTests"] == lists
    assert predicate["failedTests"] == ([] if lists else ["mt-bench/score"])


def test_one_failed_number_fails_the_whole() -> None:
    bad = MT_BENCH._replace(name="turn-2", value="1")
    predicate = made(EVIDENCE._replace(metrics=(MT_BENCH, bad)))
    assert predicate["result"] == "FAILED"
    assert (predicate["passedTests"], predicate["failedTests"]) == (
        ["mt-bench/score"], ["mt-bench/turn-2"]
    )  # fmt: skip


def test_both_kinds_of_test_results_are_told_apart() -> None:
    card = predicates.make_card_predicate(CARD, tool_version="0.1.0")
    assert isinstance(parsed(card), CardResult)
    assert isinstance(parsed(made()), ForeignEvidence)
    both = {**card, "configuration": [*made()["configuration"], *_entries(card)]}  # fmt: skip
    neither = {**card, "configuration": _entries(card)[1:]}
    twice = {**made(), "configuration": [*made()["configuration"], *made()["configuration"]]}
    for value in (both, neither, twice):
        with pytest.raises(MalformedError, match="exactly one entry named card-profile/<profile>"):
            parsed(value)


def _entries(predicate: dict[str, Any]) -> list[Any]:
    return list(predicate["configuration"])


@pytest.mark.parametrize(
    "change",
    [
        lambda p: p.update(result="FAILED"),
        lambda p: p.update(result="WARNED"),
        lambda p: p.update(passedTests=[]),
        lambda p: p.update(passedTests=["mt-bench/score", "mt-bench/score"]),
        lambda p: p.update(passedTests=["score"]),
        lambda p: p.update(warnedTests=["mt-bench/score"]),
        lambda p: p.update(failedTests=["mt-bench/score"], passedTests=[]),
        lambda p: p.pop("failedTests"),
        lambda p: p["configuration"][0].update(name="evidence/"),
        lambda p: p["configuration"][0].update(name="evidence/MT-Bench"),
        lambda p: p["configuration"][0].update(name="evidence/" + "x" * 41),
        lambda p: p["configuration"][0].pop("digest"),
        lambda p: p["configuration"][0].pop("annotations"),
        lambda p: details(p).update(bindingLevel=2),
        lambda p: details(p).update(bindingLevel=4),
        lambda p: details(p).update(bindingLevel=True),
        lambda p: details(p).update(format="helm"),
        lambda p: details(p).update(measuredOn="yesterday"),
        lambda p: details(p).update(measuredOn=None),
        lambda p: details(p).update(extra=1),
        lambda p: details(p).update(metrics=[]),
        lambda p: details(p)["metrics"].append(details(p)["metrics"][0]),
        lambda p: details(p)["metrics"][0].update(value=7.35),
        lambda p: details(p)["metrics"][0].update(value="NaN"),
        lambda p: details(p)["metrics"][0].update(value="7.350e0"),
        lambda p: details(p)["metrics"][0].update(value="07.35"),
        lambda p: details(p)["metrics"][0].update(value="0.1234567890123456789"),
        lambda p: details(p)["metrics"][0].update(threshold=""),
        lambda p: details(p)["metrics"][0].update(comparison=">="),
        lambda p: details(p)["metrics"][0].update(samples=-1),
        lambda p: details(p)["metrics"][0].update(samples=80.0),
        lambda p: details(p)["metrics"][0].update(name="Score"),
        lambda p: details(p)["metrics"][0].update(extra=1),
        lambda p: details(p)["metrics"][0].update(source={"task": 1}),
        lambda p: details(p)["metrics"][0].update(source={"column": "x"}),
        lambda p: details(p)["metrics"][0].pop("source"),
    ],
)
def test_what_contradicts_itself_or_is_not_as_we_write_it_is_refused(change: Change) -> None:
    value = copy.deepcopy(made())
    change(value)
    with pytest.raises(MalformedError):
        parsed(value)


def test_extensions_of_others_outside_our_annotation_are_ignored() -> None:
    value = copy.deepcopy(made())
    value["url"] = "https://example.com"
    value["configuration"][0]["mediaType"] = "application/json"
    value["configuration"].append({"name": "somebody's", "uri": "x:y"})
    assert parsed(value) == EVIDENCE


def test_it_is_about_the_files_of_a_closure_and_nothing_else() -> None:
    payload = statements.foreign_statement(EVIDENCE, CLOSURE, tool_version="0.1.0")
    value = json.loads(payload)
    statement = statements.parse_statement(payload, where="x")
    statements.check_subjects(statement, EVIDENCE, where="x")
    assert {subject["name"] for subject in value["subject"]} == {e.path for e in CLOSURE}
    whole = {"name": ".", "digest": {"dirHash": MANIFEST.dir_hash}}
    bad = json.dumps({**value, "subject": [*value["subject"], whole]}).encode()
    with pytest.raises(MalformedError, match="the files of a closure alone"):
        statements.check_subjects(statements.parse_statement(bad, where="x"), EVIDENCE, where="x")
    with pytest.raises(MalformedError, match=r"expected README[.]md and the whole"):
        statements.make_statement(
            statements.closure_subjects((README,)), TEST_RESULT,
            predicates.make_card_predicate(CARD, tool_version="0.1.0"),
        )  # fmt: skip


DECIMALS = st.decimals(min_value=-(10**17), max_value=10**17, allow_nan=False, places=9).map(
    "{:f}".format
)


@given(DECIMALS, DECIMALS)
def test_comparison_is_exact(value: str, threshold: str) -> None:
    from decimal import Decimal

    assert holds(value, "at least", threshold) == (Decimal(value) >= Decimal(threshold))
    assert holds(value, "at most", threshold) == (Decimal(value) <= Decimal(threshold))
    assert holds(value, "at least", value)
    assert holds(value, "at most", value)


NAMES = st.from_regex(r"[a-z0-9][a-z0-9._-]{0,39}", fullmatch=True)
METRICS = st.builds(
    ForeignMetric,
    name=NAMES,
    value=DECIMALS,
    source=st.dictionaries(
        st.sampled_from(("task", "metric", "filter", "probe", "detector", "pointer", "samples")),
        st.text(st.characters(codec="utf-8"), max_size=20),
    ).map(lambda found: tuple(sorted(found.items()))),
    samples=st.integers(0, 10**12),
    comparison=st.sampled_from(("at least", "at most")),
    threshold=DECIMALS,
)


@given(NAMES, st.lists(METRICS, min_size=1, max_size=4, unique_by=lambda metric: metric.name))
def test_any_evidence_is_read_back_as_it_was_made(name: str, metrics: list[ForeignMetric]) -> None:
    evidence = EVIDENCE._replace(name=name, metrics=tuple(sorted(metrics)))
    payload = statements.foreign_statement(evidence, CLOSURE, tool_version="0.1.0")
    assert parsed(json.loads(payload)["predicate"]) == evidence
