# SPDX-License-Identifier: Apache-2.0
"""HP114: evaluation results are well-formed."""

from __future__ import annotations

import pytest

from tests.unit.core.card.cards import TRANSFORMERS, found, judge, with_metadata

TASK = "task: {type: text-generation}"
DATASET = "dataset: {type: acme/birds, name: Birds}"
METRICS = "metrics: [{type: accuracy, value: 0.7}]"


def card(*results: str) -> str:
    listed = ", ".join(f"{{{each}}}" for each in results)
    return with_metadata(model__index=f"[{{name: tern, results: [{listed}]}}]")


@pytest.mark.parametrize(
    "result",
    [
        f"{TASK}, {DATASET}, {METRICS}",
        f"{TASK}, {DATASET}, metrics: [{{type: f1, value: '0.7 +- 0.1'}}]",
        f"{TASK}, {DATASET}, {METRICS}, source: {{url: 'https://a.org', name: paper}}",
    ],
)
def test_well_formed_results_pass(result: str) -> None:
    assert judge(card(result)).findings == ()
    assert judge(card()).findings == ()


@pytest.mark.parametrize(
    ("result", "message"),
    [
        (f"{DATASET}, {METRICS}", "a result of `model-index` has no `task`"),
        (f"{TASK}, {METRICS}", "a result of `model-index` has no `dataset`"),
        (f"{TASK}, {DATASET}", "a result of `model-index` has no `metrics`"),
        (f"task: {{}}, {DATASET}, {METRICS}", "a result's `task` has no `type`"),
        (
            f"task: x, {DATASET}, {METRICS}",
            "a result's `task` is the text `x`, expected a mapping with `type`",
        ),
        (f"{TASK}, dataset: {{type: x}}, {METRICS}", "a result's `dataset` has no `name`"),
        (
            f"{TASK}, dataset: , {METRICS}",
            "a result's `dataset` is empty, expected a mapping with `type` and `name`",
        ),
        (
            f"{TASK}, {DATASET}, metrics: []",
            "`metrics` of a result is a list, expected a list of numbers",
        ),
        (f"{TASK}, {DATASET}, metrics: [{{value: 1}}]", "a metric has no `type`"),
        (f"{TASK}, {DATASET}, metrics: [{{type: a}}]", "a metric has no `value`"),
        (
            f"{TASK}, {DATASET}, metrics: [{{type: a, value: }}]",
            "a metric's `value` is empty, expected a number",
        ),
        (
            f"{TASK}, {DATASET}, metrics: [{{type: a, value: true}}]",
            "a metric's `value` is the boolean true, expected a number",
        ),
    ],
)
def test_malformed_results_are_errors(result: str, message: str) -> None:
    (line,) = found(card(result), "HP114")
    assert line.partition(" error ")[2] == message


@pytest.mark.parametrize("value", ["text", "{}", "[]", "[text]", "[{name: x}]", "[{results: []}]"])
def test_a_malformed_index_is_an_error(value: str) -> None:
    assert len(found(with_metadata(model__index=value), "HP114")) == 1


def test_one_number_cannot_have_two_values() -> None:
    other = METRICS.replace("0.7", "0.8")
    first, second = f"{TASK}, {DATASET}, {METRICS}", f"{TASK}, {DATASET}, {other}"
    (line,) = found(card(first, second), "HP114")
    assert "`accuracy` on `acme/birds` is given twice, as `0.7` and `0.8`" in line
    assert found(card(first, first), "HP114") == []
    split = second.replace("name: Birds", "name: Birds, split: dev")
    assert found(card(first, split), "HP114") == []


def test_nobody_verifies_himself() -> None:
    result = f"{TASK}, {DATASET}, metrics: [{{type: a, value: 1, verified: true}}]"
    (line,) = found(card(result), "HP114")
    assert " warning a result calls itself `verified`" in line


def test_results_files_are_named_as_not_judged() -> None:
    facts = TRANSFORMERS._replace(paths=TRANSFORMERS.paths | {".eval_results/a.yaml"})
    check = judge(with_metadata(), facts)
    (finding,) = check.findings
    assert (finding.rule, finding.severity.word) == ("HP114", "info")
    assert "HP114" in check.passed
