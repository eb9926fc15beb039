# SPDX-License-Identifier: Apache-2.0
"""From a file to what is signed: which items it answers, exact numbers, how loose the tie is."""

from __future__ import annotations

import hashlib
import json
from fractions import Fraction
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubpolicy.core.foreign_evidence import Imported, bound_to, import_evidence
from hubpolicy.core.foreign_predicate import holds
from hubpolicy.core.foreign_readings import decimal_text
from hubpolicy.errors import ConfigError, MalformedError
from tests.golden.samples import sha
from tests.unit.core.foreign_world import (
    ITEM,
    JSON,
    LM_EVAL,
    MAPPED,
    PROFANITY,
    SCORE,
    asking_for,
    garak,
    lm_eval,
)

if TYPE_CHECKING:
    from hubpolicy.domain.statement import Comparison

ARC = ITEM._replace(
    name="arc",
    metrics=(
        SCORE._replace(
            name="acc",
            source=(("filter", "none"), ("metric", "acc"), ("task", "arc_easy")),
            threshold="0.6",
        ),
    ),
)
POLICY = asking_for(ITEM, ARC, PROFANITY, MAPPED)
NOW = "2026-11-22T15:00:00Z"


def test_an_item_is_found_by_its_name() -> None:
    raw = lm_eval()
    (found,) = import_evidence("mt-bench", raw, POLICY, where="r.json")
    assert found.item == ITEM
    assert found.evidence.sha256 == hashlib.sha256(raw).hexdigest()
    (metric,) = found.evidence.metrics
    assert (metric.value, metric.samples, metric.threshold) == ("7.35", 80, "6.5")


def test_every_item_of_a_format_is_answered_by_what_the_file_holds() -> None:
    both = import_evidence("lm-eval", lm_eval(), POLICY, where="r.json")
    assert [found.item.name for found in both] == ["mt-bench", "arc"]
    half = lm_eval(results={"arc_easy": LM_EVAL["results"]["arc_easy"]})
    (one,) = import_evidence("lm-eval", half, POLICY, where="r.json")
    assert (one.item.name, one.evidence.metrics[0].value) == ("arc", "0.6561447811447811")
    (report,) = import_evidence("garak", garak(), POLICY, where="g.jsonl")
    assert report.evidence.metrics[0].value == "0.96"
    (mapped,) = import_evidence("json", json.dumps(JSON).encode(), POLICY, where="x.json")
    assert (mapped.evidence.metrics[0].value, mapped.evidence.metrics[0].samples) == ("0.005", 400)


def test_a_file_that_answers_nothing_is_an_error_and_so_is_a_name_that_nobody_asks_for() -> None:
    with pytest.raises(MalformedError, match="expected the task 'mt_bench'"):
        import_evidence("lm-eval", lm_eval(results={}), POLICY, where="r.json")
    half = lm_eval(results={"arc_easy": LM_EVAL["results"]["arc_easy"]})
    with pytest.raises(MalformedError, match="expected the task 'mt_bench'"):
        import_evidence("mt-bench", half, POLICY, where="r.json")
    with pytest.raises(ConfigError, match="got evidence 'helm', expected a name or a format") as no:
        import_evidence("helm", lm_eval(), POLICY, where="r.json")
    assert "mt-bench" in no.value.message
    assert "hubpolicy policy sign" in no.value.hint
    with pytest.raises(ConfigError, match="of the policy: none"):
        import_evidence("lm-eval", lm_eval(), asking_for(), where="r.json")


def test_one_missing_number_of_an_item_is_not_made_up_for_by_the_others() -> None:
    two = ITEM._replace(metrics=(*ITEM.metrics, SCORE._replace(
        name="turn-2", source=(("filter", "none"), ("metric", "turn_2"), ("task", "mt_bench"))
    )))  # fmt: skip
    with pytest.raises(MalformedError, match="expected the metric 'turn_2,none'"):
        import_evidence("mt-bench", lm_eval(), asking_for(two), where="r.json")


# How loose the tie is --------------------------------------------------------------------------


def imported(raw: bytes, measured_on: str = "2026-11-20") -> Imported:
    (found,) = import_evidence("mt-bench", raw, POLICY, where="r.json")
    return found._replace(evidence=found.evidence._replace(measured_on=measured_on))


@pytest.mark.parametrize(
    ("named", "level"),
    [((), 0), (("one",), 1), (("one", "two"), 1), (("one", "three"), 0), (("three",), 0)],
)
def test_level_1_takes_a_file_that_names_every_closure(named: tuple[str, ...], level: int) -> None:
    found = imported(lm_eval(closures=[sha("one"), sha("two")]))
    assert bound_to(found, tuple(map(sha, named)), NOW).binding_level == level


@pytest.mark.parametrize(
    ("said", "taken"),
    [
        ("2026-11-20", "2026-11-20"),
        ("2026-11-22", "2026-11-22"),
        ("2026-11-23", "2026-11-22"),  # a day that has begun in Auckland
        ("2026-11-24", "2026-11-24"),  # refused as dated in the future when it is signed
        ("2026-11-23T01:00:00Z", "2026-11-23T01:00:00Z"),
    ],
)
def test_a_local_day_may_be_one_ahead(said: str, taken: str) -> None:
    assert bound_to(imported(lm_eval(), said), (), NOW).measured_on == taken


# Numbers ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "at_least", "at_most"),
    [
        (Fraction(0), "0", "0"),
        (Fraction(-3, 2), "-1.5", "-1.5"),
        (Fraction(98, 100), "0.98", "0.98"),
        (Fraction(1, 3), "0." + "3" * 18, "0." + "3" * 17 + "4"),
        (Fraction(-1, 3), "-0." + "3" * 17 + "4", "-0." + "3" * 18),
        (Fraction("1e-30"), "0", "0.000000000000000001"),
        (Fraction(10**18 - 1), "9" * 18, "9" * 18),
        (Fraction(100), "100", "100"),
    ],
)
def test_rounding_is_to_the_side_that_is_harder_to_pass(
    value: Fraction, at_least: str, at_most: str
) -> None:
    assert decimal_text(value, "at least", "x") == at_least
    assert decimal_text(value, "at most", "x") == at_most


@pytest.mark.parametrize("value", [Fraction(10**18), Fraction(-(10**18))])
def test_numbers_beyond_18_digits_are_refused(value: Fraction) -> None:
    with pytest.raises(MalformedError, match="at most 18 digits"):
        decimal_text(value, "at least", "x")


@given(
    st.fractions(min_value=-(10**9), max_value=10**9),
    st.decimals(min_value=-(10**9), max_value=10**9, places=9),
    st.sampled_from(("at least", "at most")),
)
def test_what_holds_after_rounding_held_before(
    value: Fraction, threshold: object, comparison: Comparison
) -> None:
    limit = Fraction(str(threshold))
    really = value >= limit if comparison == "at least" else value <= limit
    signed = decimal_text(value, comparison, "x")
    assert holds(signed, comparison, f"{threshold:f}") == really


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e17, max_value=1e17))
def test_every_float_of_a_file_is_signed_as_no_better_than_it_is(value: float) -> None:
    for comparison in ("at least", "at most"):
        item = MAPPED._replace(
            metrics=(
                MAPPED.metrics[0]._replace(source=(("pointer", "/x"),), comparison=comparison),
            )
        )
        raw = json.dumps({"x": value, "made": "2026-11-20"}).encode()
        (found,) = import_evidence("json", raw, asking_for(item), where="x")
        text = found.evidence.metrics[0].value
        exact = Fraction(repr(value))
        assert Fraction(text) <= exact if comparison == "at least" else Fraction(text) >= exact
        assert abs(Fraction(text) - exact) < Fraction(1, 10**18)
