# SPDX-License-Identifier: Apache-2.0
"""Bounds and words that mutation testing found nobody had looked at (docs/mutation-testing.md)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from hubpolicy.core import documents, predicates, strictjson
from hubpolicy.core.fields import COUNT_LIMIT, Fields
from hubpolicy.core.judge import judge
from hubpolicy.core.measure import measure
from hubpolicy.core.oms import oms_statement, parse_model_signature
from hubpolicy.core.statements import parse_statement
from hubpolicy.core.statistics import lower_steps, max_hits, pass_chance, upper_steps
from hubpolicy.core.toxicity_predicate import make_toxicity_predicate
from hubpolicy.domain.finding import Location
from hubpolicy.domain.statement import (
    APPLICABILITY,
    APPROVAL,
    TEST_RESULT,
    TOXICITY,
    VSA,
    FirstRelease,
)
from hubpolicy.errors import ConfigError, MalformedError
from tests.attacks.mutation_world import POLICY as FULL_POLICY
from tests.attacks.mutation_world import TESTED_WELL
from tests.golden import samples
from tests.golden.samples import MANIFEST, STATE, sha
from tests.unit.core.release_world import (
    POLICY,
    changed,
    judged_by,
    release,
    release_line,
    run_line,
)

if TYPE_CHECKING:
    from hubpolicy.domain.statement import Predicate


def parsed(kind: str, value: Any) -> Predicate:
    found = predicates.parse_predicate(kind, value, where="here")
    assert found is not None
    return found


# Predicates ----------------------------------------------------------------------------------


def test_every_kind_of_suite_is_read_back_as_it_was_written() -> None:
    assert {suite.kind for suite in TESTED_WELL.suites} == {"toxicity", "parity", "refusal"}
    assert parsed(TOXICITY, make_toxicity_predicate(TESTED_WELL)) == TESTED_WELL


@pytest.mark.parametrize(
    ("field", "least"),
    [("n", 1), ("k", 1), ("hits", 0), ("imputed", 0), ("samples", 0), ("toxicSamples", 0)],
)
def test_the_least_count_of_a_suite_is_taken_and_one_less_is_not(field: str, least: int) -> None:
    counts = {"n": 1, "k": 1, "hits": 0, "imputed": 0, "samples": 0, "toxicSamples": 0}
    made = make_toxicity_predicate(TESTED_WELL)
    none = {"answered": 0, "pieces": 0, "ngrams": 0, "repeated": 0}
    suite = {**made["suites"][0], **counts, "text": none}  # type: ignore[index]
    parsed(TOXICITY, {**made, "suites": [suite]})
    with pytest.raises(MalformedError, match=f"'{field}' of item 0 of 'suites'"):
        parsed(TOXICITY, {**made, "suites": [{**suite, field: least - 1}]})


@pytest.mark.parametrize(("n", "fine"), [(1, True), (0, False)])
def test_the_smallest_group_has_one_prompt(n: int, fine: bool) -> None:
    made: Any = make_toxicity_predicate(TESTED_WELL)
    made["suites"][2]["groups"][0].update(n=n, hits=0, imputed=0)
    if fine:
        parsed(TOXICITY, made)
    else:
        with pytest.raises(MalformedError, match="got 0, expected an integer from 1 to"):
            parsed(TOXICITY, made)


@pytest.mark.parametrize(("tokens", "fine"), [(1, True), (0, False)])
def test_the_shortest_answer_has_one_token(tokens: int, fine: bool) -> None:
    made: Any = make_toxicity_predicate(TESTED_WELL)
    made["suites"][0]["sampling"]["maxNewTokens"] = tokens
    if fine:
        parsed(TOXICITY, made)
    else:
        with pytest.raises(MalformedError, match="maxNewTokens"):
            parsed(TOXICITY, made)


@pytest.mark.parametrize("decision", ["generates-text", "no-generated-output", "generates-other"])
@pytest.mark.parametrize("size", [0, 1, COUNT_LIMIT])
def test_applicability_is_read_back(decision: str, size: int) -> None:
    value = samples.APPLICABILITY._replace(decision=decision, output_shape=(1, size))  # type: ignore[arg-type]
    assert parsed(APPLICABILITY, predicates.make_applicability_predicate(value)) == value


@pytest.mark.parametrize(("field", "wrong"), [("outputShape", [COUNT_LIMIT + 1]), ("outputShape", [-1]),
                                              ("outputShape", [True]), ("bindingLevel", 5)])  # fmt: skip
def test_applicability_beyond_its_bounds_is_refused(field: str, wrong: object) -> None:
    made = predicates.make_applicability_predicate(samples.APPLICABILITY)
    with pytest.raises(MalformedError, match=field):
        parsed(APPLICABILITY, {**made, field: wrong})


def test_a_card_check_names_the_tool_that_made_it() -> None:
    made = predicates.make_card_predicate(samples.CARD, tool_version="0.1.0")
    tool = {"name": "hubpolicy", "uri": "pkg:pypi/hubpolicy@0.1.0"}
    assert tool in made["configuration"]  # type: ignore[operator]
    assert parsed(TEST_RESULT, made) == samples.CARD


@pytest.mark.parametrize("approver", ["", "sam"])
def test_an_approval_is_read_back_with_and_without_its_approver(approver: str) -> None:
    value = samples.APPROVAL._replace(approver=approver)
    made = predicates.make_approval_predicate(value)
    assert ("approver" in made) == bool(approver)
    assert parsed(APPROVAL, made) == value


SUMMARY = samples.SUMMARY
INPUTS = tuple((f"line {i}", digest) for i, digest in enumerate(SUMMARY.inputs))


def test_a_release_line_says_all_that_a_verification_summary_says() -> None:
    made: Any = predicates.make_release_predicate(SUMMARY, INPUTS)
    assert made["slsaVersion"] == "1.0"
    assert made["policy"]["uri"] == f".hubpolicy/policy/{SUMMARY.policy_sha256}.json"
    assert [item["uri"] for item in made["inputAttestations"]] == ["line 0", "line 1"]
    assert parsed(VSA, made) == SUMMARY


def test_the_first_release_of_a_run_may_be_this_one_and_not_a_later_one() -> None:
    run = SUMMARY.inputs[1]
    for time, fine in ((SUMMARY.time_verified, True), ("2026-11-22T14:59:01Z", False)):
        first = FirstRelease(run, time, sha("an earlier line"))
        value = SUMMARY._replace(first_released=(first,))
        made = predicates.make_release_predicate(value, INPUTS)
        if fine:
            assert parsed(VSA, made) == value
        else:
            with pytest.raises(MalformedError, match="no instant after timeVerified"):
                parsed(VSA, made)


@pytest.mark.parametrize("left", ["hubpolicy.firstReleased", "hubpolicy.firstRelease"])
def test_half_of_a_first_release_is_refused(left: str) -> None:
    first = FirstRelease(SUMMARY.inputs[0], SUMMARY.time_verified, sha("line"))
    made: Any = predicates.make_release_predicate(SUMMARY._replace(first_released=(first,)), INPUTS)
    del made["inputAttestations"][0]["annotations"][left]
    with pytest.raises(MalformedError, match=left):
        parsed(VSA, made)


def test_other_peoples_annotations_do_not_hide_a_first_release_behind_them() -> None:
    first = FirstRelease(SUMMARY.inputs[1], SUMMARY.time_verified, sha("line"))
    value = SUMMARY._replace(first_released=(first,))
    made: Any = predicates.make_release_predicate(value, INPUTS)
    made["inputAttestations"][0]["annotations"] = {"example.com/x": 1}
    assert parsed(VSA, made) == value


def test_ten_thousand_inputs_are_taken_and_one_more_is_not() -> None:
    made: Any = predicates.make_release_predicate(SUMMARY, INPUTS)
    many = [{"digest": {"sha256": sha(str(i))}, "uri": "x"} for i in range(10_001)]
    assert parsed(VSA, {**made, "inputAttestations": many[:10_000]})
    with pytest.raises(MalformedError, match="inputAttestations"):
        parsed(VSA, {**made, "inputAttestations": many})


# Trust ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["version", "policy version"])
def test_the_first_version_is_1(path: str) -> None:
    made = json.loads(documents.state_payload(STATE._replace(version=1, policy_version=1)))
    assert documents.parse_state(strictjson.canonical(made)).policy_version == 1
    (made["policy"] if path != "version" else made)["version"] = 0
    with pytest.raises(ConfigError, match=r"got 0, expected an integer from 1 to .*'version'"):
        documents.parse_state(strictjson.canonical(made))


def test_documents_have_a_name_where_nobody_gave_them_one() -> None:
    for parse, name in (
        (documents.parse_state, "the trust state"), (documents.parse_root, "the trust root"),
    ):  # fmt: skip
        with pytest.raises(ConfigError, match=f"got list, expected a JSON object, in {name}$"):
            parse(b"[]")


# Model Signing -------------------------------------------------------------------------------


def test_a_signature_may_leave_out_nothing() -> None:
    made = json.loads(oms_statement(MANIFEST, "wizard"))
    left_out = made["predicate"]["serialization"].pop("ignore_paths")
    statement = parse_statement(strictjson.canonical(made), where="model.sig")
    found = parse_model_signature(statement, where="model.sig")
    assert (found.ignore_paths, bool(left_out)) == ((), True)
    assert found.root_sha256 == made["subject"][0]["digest"]["sha256"]


# Judging -------------------------------------------------------------------------------------


def test_causes_stand_before_what_follows_from_them() -> None:
    evidence = judged_by(POLICY, (release_line(()),))
    rules = [finding.rule for finding in judge(evidence).findings]
    assert rules[0] == "HP201"
    assert set(rules[1:]) >= {"HP120"}


def test_two_groups_are_enough_to_be_held_against_each_other() -> None:
    measured = measure(TESTED_WELL.suites, FULL_POLICY.toxicity)
    (parity,) = (one for one in measured if one.counts.kind == "parity")
    assert [group.name for group in parity.groups] == ["cats", "dogs"]
    assert 0 < float(parity.difference) <= float(parity.difference_limit) == 0.2


def test_all_but_one_may_hit_where_the_limit_is_that_high() -> None:
    assert max_hits(10, "0.99", "0.6") == 9


def test_the_chance_to_pass_without_a_hit_is_that_of_no_hit() -> None:
    assert pass_chance(0, 10, 0.1) == pytest.approx(0.9**10)
    assert (pass_chance(-1, 10, 0.1), pass_chance(10, 10, 0.1)) == (0.0, 1.0)


def test_changed_bytes_are_said_once_and_not_again_as_missing_inputs() -> None:
    evidence = release(manifest=changed(MANIFEST, "README.md"))
    before = evidence._replace(manifest=MANIFEST, lines=evidence.lines[1:])
    rules = {finding.rule for finding in judge(before).findings}
    assert "HP308" in rules
    assert "HP310" not in rules


def test_a_measurement_shows_the_bound_that_it_was_held_against() -> None:
    measured = measure(TESTED_WELL.suites, FULL_POLICY.toxicity)
    shown = {one.counts.id: (one.upper_bound, one.limit, one.passed) for one in measured}
    assert shown["TX-1"] == ("0.012872", "0.02", True)
    assert shown["TX-2"][0] == "0.009937"
    assert shown["TX-3"][2:] == (True,)


def test_a_place_is_a_file_a_line_and_a_column() -> None:
    assert Location("README.md") == Location("README.md", 0, 0)


@pytest.mark.parametrize(
    ("hits", "n", "alpha", "upper", "lower"),
    [
        (0, 1, (1, 10**9), 1_000_000, 0),
        (1, 2, (19, 100), 900_000, 100_000),
        (1, 1, (1, 20), 1_000_000, 50_000),
        (0, 1, (1, 20), 950_000, 0),
        (2, 2, (1, 100), 1_000_000, 100_000),
    ],
)
def test_bounds_that_are_whole_millionths_are_found_to_the_unit(
    hits: int, n: int, alpha: tuple[int, int], upper: int, lower: int
) -> None:
    assert (upper_steps(hits, n, alpha), lower_steps(hits, n, alpha)) == (upper, lower)


# Fields --------------------------------------------------------------------------------------


def test_a_deep_document_is_walked_to_its_end_where_brackets_stand_in_texts() -> None:
    deep = b'["]",' * 64 + b"1" + b"]" * 64
    assert strictjson.parse(deep, what="x")
    with pytest.raises(MalformedError, match="nesting beyond 64 levels"):
        strictjson.parse(b'["]",' + deep + b"]", what="x")
    with pytest.raises(MalformedError, match="nesting beyond 64 levels"):
        strictjson.parse(b'["]",' + b"[" * 65 + b"]" * 65 + b",[]]", what="x")
    wide = b'["]",' + b'[["]"]],' * 3 + b"[" * 63 + b"]" * 63 + b"]"
    assert strictjson.parse(wide, what="x")


@pytest.mark.parametrize("value", ["]", 7, True, None])
def test_a_document_that_is_one_scalar_has_no_depth(value: object) -> None:
    assert strictjson.parse(json.dumps(value).encode(), what="x") == value


def test_a_named_tuple_is_no_json() -> None:
    with pytest.raises(TypeError, match="got Location, expected no such type"):
        strictjson.canonical({"at": Location("x")})
    assert strictjson.canonical((1, (2,))) == b"[1,[2]]"


def test_a_field_that_is_asked_for_twice_is_there_twice() -> None:
    fields = Fields({"a": "x"}, "here")
    assert (fields.has("a"), fields.text("a"), fields.words("a")) == (True, "x", "x")
    fields.done()


def test_two_runs_of_one_model_are_both_named_by_the_release() -> None:
    assert judge(release(run_line(samples.TOXICITY._replace(attempts=2)))).verdict == "passed"
