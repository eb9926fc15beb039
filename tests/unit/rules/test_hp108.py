# SPDX-License-Identifier: Apache-2.0
"""HP108: the task is known."""

from __future__ import annotations

import pytest

from tests.unit.core.card.cards import found, judge, vocabularies, with_metadata


@pytest.mark.parametrize("task", sorted(vocabularies().pipeline_tags))
def test_every_task_of_the_hub_passes(task: str) -> None:
    assert found(with_metadata(pipeline_tag=task), "HP108") == []


@pytest.mark.parametrize(
    ("task", "fix"),
    [
        ("text2text-generation", "pipeline_tag: text-generation"),
        ("conversational", "pipeline_tag: text-generation"),
        ("text_generation", "pipeline_tag: text-generation"),
        ("Text Classification", "pipeline_tag: text-classification"),
        ("text-generaton", "pipeline_tag: text-generation"),
        ("magic", "choose one of https://huggingface.co/tasks"),
    ],
)
def test_unknown_tasks_are_errors_with_the_one_that_was_meant(task: str, fix: str) -> None:
    (finding,) = judge(with_metadata(pipeline_tag=task)).findings
    assert (finding.rule, finding.severity.word, finding.fix) == ("HP108", "error", fix)
    assert f"`{task}`" in finding.message


@pytest.mark.parametrize(
    ("task", "finding"),
    [
        (
            None,
            "1:1 error the metadata has no `pipeline_tag`, so nobody can tell what the model does",
        ),
        ("", "5:1 error `pipeline_tag` is empty, expected the name of one task"),
        ("[a, b]", "5:15 error `pipeline_tag` is a list, expected the name of one task"),
    ],
)
def test_no_task(task: str | None, finding: str) -> None:
    assert found(with_metadata(pipeline_tag=task), "HP108") == [finding]
