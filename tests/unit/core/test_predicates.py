# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from hubpolicy.core import predicates
from hubpolicy.domain.statement import (
    APPLICABILITY,
    APPROVAL,
    OMS,
    TEST_RESULT,
    TOXICITY,
    VSA,
    WAIVER,
    CardResult,
    FirstRelease,
    Predicate,
)
from hubpolicy.errors import MalformedError
from tests.golden import samples

MADE: dict[str, tuple[Predicate, dict[str, object]]] = {
    TEST_RESULT: (
        samples.CARD,
        predicates.make_card_predicate(samples.CARD, tool_version="0.1.0"),
    ),
    TOXICITY: (samples.TOXICITY, predicates.make_toxicity_predicate(samples.TOXICITY)),
    APPLICABILITY: (
        samples.APPLICABILITY,
        predicates.make_applicability_predicate(samples.APPLICABILITY),
    ),
    WAIVER: (samples.WAIVER, predicates.make_waiver_predicate(samples.WAIVER)),
    APPROVAL: (samples.APPROVAL, predicates.make_approval_predicate(samples.APPROVAL)),
    VSA: (
        samples.SUMMARY,
        predicates.make_release_predicate(samples.SUMMARY, samples.INPUTS),
    ),
}
OWN = (TOXICITY, APPLICABILITY, WAIVER, APPROVAL)
FOREIGN = (TEST_RESULT, VSA)


def wire(kind: str) -> dict[str, Any]:
    """What a parser of JSON would hand over: lists, not tuples, and nothing shared."""
    value: dict[str, Any] = json.loads(json.dumps(MADE[kind][1]))
    return value


@pytest.mark.parametrize("kind", MADE)
def test_round_trip(kind: str) -> None:
    assert predicates.parse_predicate(kind, wire(kind), where="x") == MADE[kind][0]


@pytest.mark.parametrize("kind", [OMS, "https://slsa.dev/provenance/v1", "", VSA + "/"])
def test_table_of_types_is_closed(kind: str) -> None:
    assert predicates.parse_predicate(kind, wire(VSA), where="x") is None


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place within a JSON value but the top."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    found = []
    for name, child in items:
        found.append((*path, name))
        if isinstance(child, (dict, list)):
            found += places(child, (*path, name))
    return found


def at(value: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        value = value[step]
    return value


def refused_or_equal(kind: str, value: Any) -> bool:
    try:
        return predicates.parse_predicate(kind, value, where="x") == MADE[kind][0]
    except MalformedError:
        return True


@pytest.mark.parametrize("kind", OWN)
def test_own_predicates_need_every_field_and_no_other(kind: str) -> None:
    for path in places(wire(kind)):
        if not isinstance(path[-1], str):
            continue
        without = wire(kind)
        del at(without, path[:-1])[path[-1]]
        if path == ("approver",):
            approval = predicates.parse_predicate(kind, without, where="x")
            assert approval == samples.APPROVAL._replace(approver="")
            continue
        with pytest.raises(MalformedError):
            predicates.parse_predicate(kind, without, where="x")
        extended = wire(kind)
        at(extended, path[:-1])["extension"] = 1
        with pytest.raises(MalformedError, match="unknown field 'extension'"):
            predicates.parse_predicate(kind, extended, where="x")


@pytest.mark.parametrize("kind", FOREIGN)
def test_extensions_of_foreign_predicates_change_nothing(kind: str) -> None:
    for path in [(), *places(wire(kind))]:
        value = wire(kind)
        if isinstance(at(value, path), dict) and path[-1:] != ("digest",):
            at(value, path)["x-extension"] = {"a": [1]}
            assert predicates.parse_predicate(kind, value, where="x") == MADE[kind][0]


@pytest.mark.parametrize("wrong", [None, True, -1, 2**60, 1.0, "", " ", "x" * 5000, [], {}, [None]])
@pytest.mark.parametrize("kind", MADE)
def test_wrong_types_never_pass_as_something_else(kind: str, wrong: Any) -> None:
    """A wrong value is refused or, where it is not read, changes nothing."""
    for path in places(wire(kind)):
        value = wire(kind)
        old = at(value, path)
        if old == wrong:
            continue
        at(value, path[:-1])[path[-1]] = copy.deepcopy(wrong)
        if wrong == [] and isinstance(old, list):
            continue  # some lists may be empty: tested by name below
        if path == ("generator", "chatTemplate") and wrong is True:
            continue  # the other of two answers
        if path == ("reason",) and isinstance(wrong, str) and len(wrong) < 2:
            continue  # an approval needs none
        assert refused_or_equal(kind, value), (path, wrong)


def _edit(path: str, value: Any) -> Any:
    steps = [int(s) if s.isdigit() else s for s in path.split(".")]
    return steps, value


CONTRADICTIONS = {
    "no suite": (TOXICITY, *_edit("suites", [])),
    "suite twice": (TOXICITY, *_edit("suites.1.id", "TX-1")),
    "more hits than prompts": (TOXICITY, *_edit("suites.0.hits", 601)),
    "more imputed than hits": (TOXICITY, *_edit("suites.0.imputed", 4)),
    "more samples than n x k": (TOXICITY, *_edit("suites.0.samples", 3001)),
    "more toxic samples than samples": (TOXICITY, *_edit("suites.0.toxicSamples", 3001)),
    "no prompts": (TOXICITY, *_edit("suites.0.n", 0)),
    "no draws": (TOXICITY, *_edit("suites.0.k", 0)),
    "hits as a float": (TOXICITY, *_edit("suites.0.hits", 3.0)),
    "hits as true": (TOXICITY, *_edit("suites.1.hits", False)),
    "temperature as a number": (TOXICITY, *_edit("suites.0.sampling.temperature", 0.8)),
    "temperature NaN": (TOXICITY, *_edit("suites.0.sampling.temperature", "NaN")),
    "temperature in exponents": (TOXICITY, *_edit("suites.0.sampling.temperature", "8e-1")),
    "no new tokens": (TOXICITY, *_edit("suites.0.sampling.maxNewTokens", 0)),
    "level 5": (TOXICITY, *_edit("generator.bindingLevel", 5)),
    "unknown tier": (TOXICITY, *_edit("scorer.tier", "none")),
    "scorer by sha256": (TOXICITY, *_edit("scorer.digest", {"sha256": "0" * 64})),
    "two digests": (TOXICITY, *_edit("plan.digest", {"sha256": "0" * 64, "md5": "0"})),
    "digest in capitals": (TOXICITY, *_edit("plan.digest.sha256", "A" * 64)),
    "more canaries flagged than there are": (TOXICITY, *_edit("canaries.toxicFlagged", 41)),
    "more benign flagged than there are": (TOXICITY, *_edit("canaries.benignFlagged", 41)),
    "no attempt": (TOXICITY, *_edit("ledger.attempts", 0)),
    "finished never": (TOXICITY, *_edit("finishedOn", "2026-02-30T00:00:00Z")),
    "unknown decision": (APPLICABILITY, *_edit("decision", "exempt")),
    "negative size": (APPLICABILITY, *_edit("outputShape", [1, -1])),
    "size as a float": (APPLICABILITY, *_edit("outputShape", [1.0])),
    "waived everything": (WAIVER, *_edit("rule", "*")),
    "waived a group": (WAIVER, *_edit("rule", "HP2")),
    "waived two rules": (WAIVER, *_edit("rule", "HP203 HP204")),
    "waived for ever": (WAIVER, *_edit("until", "never")),
    "nobody waived": (WAIVER, *_edit("who", "\t")),
    "abstained": (APPROVAL, *_edit("decision", "abstain")),
    "role in full": (APPROVAL, *_edit("role", "approver:safety")),
    "role in capitals": (APPROVAL, *_edit("role", "Safety")),
    "binds nothing": (APPROVAL, *_edit("binds", "")),
    "evidence as text": (APPROVAL, *_edit("evidence", ["0" * 64])),
    "not after never": (APPROVAL, *_edit("notAfter", "2026-13-01")),
    "rules unsorted": (TEST_RESULT, *_edit("passedTests", ["HP102", "HP101"])),
    "rule twice": (TEST_RESULT, *_edit("passedTests", ["HP101", "HP101"])),
    "rule passed and warned": (TEST_RESULT, *_edit("passedTests", ["HP101", "HP110"])),
    "rule that is none": (TEST_RESULT, *_edit("passedTests", ["HP101", "all"])),
    "passed against its lists": (TEST_RESULT, *_edit("result", "PASSED")),
    "failed against its lists": (TEST_RESULT, *_edit("result", "FAILED")),
    "warned with a failure": (TEST_RESULT, *_edit("failedTests", ["HP111"])),
    "no schema": (TEST_RESULT, *_edit("configuration", [{"name": "hubpolicy", "uri": "x"}])),
    "two schemas": (TEST_RESULT, *_edit("configuration.1.name", "card-profile/strict")),
    "somebody else's summary": (VSA, *_edit("verifier.id", "https://example.com")),
    "result in lower case": (VSA, *_edit("verificationResult", "passed")),
    "failed with our level": (VSA, *_edit("verificationResult", "FAILED")),
    "passed without our level": (VSA, *_edit("verifiedLevels", ["SLSA_BUILD_LEVEL_3"])),
    "input twice": (VSA, *_edit("inputAttestations", [{"digest": {"sha256": "0" * 64}}] * 2)),
    "local time": (VSA, *_edit("timeVerified", "2026-11-22T15:00:00+01:00")),
    "day alone": (VSA, *_edit("timeVerified", "2026-11-22")),
}


@pytest.mark.parametrize(
    ("kind", "steps", "wrong"), CONTRADICTIONS.values(), ids=CONTRADICTIONS.keys()
)
def test_contradictions_are_refused(kind: str, steps: list[Any], wrong: Any) -> None:
    value = wire(kind)
    at(value, tuple(steps[:-1]))[steps[-1]] = wrong
    with pytest.raises(MalformedError, match=r"in .*the predicate of line 4$"):
        predicates.parse_predicate(kind, value, where="line 4")


@pytest.mark.parametrize(
    ("warned", "failed", "word"),
    [
        ((), (), "PASSED"),
        (("HP110",), (), "WARNED"),
        (("HP110",), ("HP111",), "FAILED"),
        ((), ("HP111",), "FAILED"),
    ],
)
def test_card_word_follows_from_the_lists(
    warned: tuple[str, ...], failed: tuple[str, ...], word: str
) -> None:
    result = CardResult("strict", samples.sha("s"), ("HP101",), warned, failed)
    made = predicates.make_card_predicate(result, tool_version="9")
    assert made["result"] == word
    assert predicates.parse_predicate(TEST_RESULT, made, where="x") == result


def test_an_approval_needs_no_reason_and_a_rejection_does() -> None:
    for decision, reason, holds in (
        ("approve", "", True),
        ("reject", "", False),
        ("reject", "no", True),
    ):
        value = {**wire(APPROVAL), "decision": decision, "reason": reason}
        if holds:
            assert predicates.parse_predicate(APPROVAL, value, where="x")
        else:
            with pytest.raises(MalformedError, match="not blank"):
                predicates.parse_predicate(APPROVAL, value, where="x")


def test_empty_rule_set_proves_nothing() -> None:
    result = CardResult("strict", samples.sha("s"), (), (), ())
    made = predicates.make_card_predicate(result, tool_version="9")
    with pytest.raises(MalformedError, match="empty rule set"):
        predicates.parse_predicate(TEST_RESULT, made, where="x")


def test_failed_release_says_so_in_slsa_words() -> None:
    failed = samples.SUMMARY._replace(result="FAILED")
    made = predicates.make_release_predicate(failed, samples.INPUTS)
    assert made["verifiedLevels"] == ["FAILED"]
    assert predicates.parse_predicate(VSA, made, where="x") == failed


FIRST = FirstRelease(samples.INPUTS[1][1], "2026-11-20T00:00:00Z", samples.sha("the first line"))


def annotated(**changes: str) -> dict[str, Any]:
    """A release line whose second input was released before, as JSON has it."""
    summary = samples.SUMMARY._replace(first_released=(FIRST,))
    made = predicates.make_release_predicate(summary, samples.INPUTS)
    value: dict[str, Any] = json.loads(json.dumps(made))
    names = {"time": predicates.FIRST_TIME, "line": predicates.FIRST_LINE}
    for name, text in changes.items():
        value["inputAttestations"][1]["annotations"][names[name]] = text
    return value


def test_a_release_says_of_which_inputs_it_is_not_the_first() -> None:
    made = annotated()
    assert "annotations" not in made["inputAttestations"][0]
    parsed = predicates.parse_predicate(VSA, made, where="x")
    assert parsed == samples.SUMMARY._replace(first_released=(FIRST,))


@pytest.mark.parametrize(
    "changes",
    [
        {"time": "2026-11-22T14:59:01Z"},
        {"time": "2026-11-20"},
        {"time": ""},
        {"line": "0" * 63},
        {"line": ""},
    ],
)
def test_a_first_release_after_this_one_or_without_its_line_is_refused(
    changes: dict[str, str],
) -> None:
    with pytest.raises(MalformedError, match=r"hubpolicy[.]firstRelease"):
        predicates.parse_predicate(VSA, annotated(**changes), where="x")


def test_annotations_of_others_are_passed_over() -> None:
    made = annotated()
    made["inputAttestations"][1]["annotations"] = {"seenBy": "another tool"}
    assert predicates.parse_predicate(VSA, made, where="x") == samples.SUMMARY
