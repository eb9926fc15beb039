# SPDX-License-Identifier: Apache-2.0
"""HP107: the languages are codes."""

from __future__ import annotations

import pytest

from tests.unit.core.card.cards import found, judge, with_metadata


@pytest.mark.parametrize(
    "language",
    [
        "en",
        "[en, de]",
        "nds",
        "ger",
        "multilingual",
        "code",
        "pt-BR",
        "zh-Hant",
        "zh-Hant-TW",
        "es-419",
        "de-1996",
        "sl-rozaj-biske",
        '"no"',
    ],
)
def test_codes_pass(language: str) -> None:
    assert judge(with_metadata(language=language)).findings == ()


@pytest.mark.parametrize(
    ("language", "fix"),
    [
        ("English", "language: en"),
        ("german", "language: de"),
        ("python", "language: code"),
        ("jp", "language: ja"),
        ("iw", "language: he"),
        ("qq", "write a code such as en, pt-BR, zh-Hant, multilingual"),
        ("en_US", "write a code such as en, pt-BR, zh-Hant, multilingual"),
        ("en-", "write a code such as en, pt-BR, zh-Hant, multilingual"),
        ("klingon language", "write a code such as en, pt-BR, zh-Hant, multilingual"),
    ],
)
def test_other_words_are_errors(language: str, fix: str) -> None:
    (finding,) = judge(with_metadata(language=language)).findings
    assert (finding.rule, finding.severity.word, finding.fix) == ("HP107", "error", fix)


@pytest.mark.parametrize(("language", "code"), [("EN", "en"), ("PT-BR", "pt-BR")])
def test_upper_case_is_a_warning(language: str, code: str) -> None:
    (finding,) = judge(with_metadata(language=language)).findings
    assert (finding.severity.word, finding.fix) == ("warning", f"language: {code}")


@pytest.mark.parametrize(
    ("language", "finding"),
    [
        (None, "1:1 error the metadata has no `language`, and this task reads or writes language"),
        ("", "3:1 error `language` is empty, expected a code or a list of codes"),
        ("[]", "3:11 error `language` is a list, expected a code or a list of codes"),
        ("[en, true]", "3:16 error `language` holds the boolean true, expected a language code"),
    ],
)
def test_no_language(language: str | None, finding: str) -> None:
    assert found(with_metadata(language=language), "HP107") == [finding]


@pytest.mark.parametrize("task", ["image-classification", "tabular-regression", "robotics"])
def test_tasks_without_language_need_none(task: str) -> None:
    assert found(with_metadata(language=None, pipeline_tag=task), "HP107") == []


@pytest.mark.parametrize("task", ["text-to-image", "visual-question-answering", "invented", None])
def test_all_other_tasks_need_one(task: str | None) -> None:
    assert len(found(with_metadata(language=None, pipeline_tag=task), "HP107")) == 1
