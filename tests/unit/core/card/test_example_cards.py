# SPDX-License-Identifier: Apache-2.0
"""Each card of ``tests/assets/cards/defects`` has the defect that its name says, and no other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hubpolicy.core.card.check import RepoFacts
from tests.unit.core.card.cards import CARDS, GOOD, TRANSFORMERS, facts_of, judge

if TYPE_CHECKING:
    from pathlib import Path

_ADAPTER = RepoFacts(
    ("safetensors",),
    frozenset({"README.md", "adapter_config.json", "adapter_model.safetensors"}),
    False,
    1000,
)

# name: rule, line:column, severity of each finding, in the order of the file
EXPECTED = {
    "empty": ["HP101 1:1 error"],
    "lfs-pointer": ["HP101 1:1 error"],
    "escape-codes-in-body": ["HP101 26:5 error"],
    "no-front-matter": ["HP102 1:1 error"],
    "front-matter-not-closed": ["HP102 1:1 error"],
    "front-matter-closed-with-dots": ["HP102 6:1 error"],
    "front-matter-empty": ["HP102 2:1 error"],
    "front-matter-is-a-list": ["HP102 2:1 error"],
    "blank-line-before-front-matter": ["HP102 1:1 error"],
    "byte-order-mark": ["HP102 1:1 error"],
    "fence-with-trailing-blank": ["HP102 1:4 error"],
    "not-utf-8": ["HP102 22:6 error"],
    "no-break-space-escape": ["HP102 6:7 error"],
    "next-line-character": ["HP102 6:8 error"],
    "tab-indentation": ["HP102 7:1 error"],
    "unquoted-colon": ["HP102 6:17 error"],
    "unclosed-quote": ["HP102 6:13 error"],
    "anchor-and-alias": ["HP102 6:7 error", "HP102 7:11 error"],
    "python-object-tag": ["HP102 6:13 error"],
    "merge-key": ["HP102 6:1 error"],
    "yaml-bomb": [
        "HP102 6:4 error",
        "HP102 7:4 error",
        "HP102 7:8 error",
        "HP102 7:11 error",
        "HP102 7:14 error",
    ],
    "second-document": ["HP102 6:1 error"],
    "nested-too-deep": ["HP102 6:15 error"],
    "duplicate-licence": ["HP103 6:1 error"],
    "duplicate-key-in-results": ["HP103 9:3 error"],
    "language-is-no": ["HP104 3:11 error"],
    "tags-on-and-off": ["HP104 6:15 error", "HP104 6:20 error"],
    "dataset-is-octal": ["HP104 6:18 error"],
    "time-is-sexagesimal": ["HP104 6:16 error"],
    "date-not-quoted": ["HP104 6:15 error"],
    "value-is-not-a-number": ["HP104 6:8 error"],
    "exponent-without-sign": ["HP104 6:8 error"],
    "tags-is-a-text": ["HP105 6:7 error"],
    "licence-spelt-with-c": ["HP106 1:1 error", "HP105 5:1 warning"],
    "no-licence": ["HP106 1:1 error"],
    "licence-in-long-form": ["HP106 2:10 error"],
    "licence-other-without-text": ["HP106 2:10 error", "HP106 2:10 error"],
    "licence-link-to-nothing": ["HP106 7:15 error"],
    "licence-link-to-own-machine": ["HP106 7:15 error"],
    "licence-is-unknown": ["HP106 2:10 warning"],
    "language-is-a-name": ["HP107 3:12 error"],
    "language-in-upper-case": ["HP107 3:11 warning"],
    "language-missing": ["HP107 1:1 error"],
    "task-removed-from-the-hub": ["HP108 5:15 error"],
    "task-missing": ["HP108 1:1 error"],
    "task-is-a-list": ["HP108 5:15 error"],
    "library-missing": ["HP109 1:1 error"],
    "library-misspelt": ["HP109 4:15 warning"],
    "adapter-without-base": ["HP110 1:1 error"],
    "base-is-an-address": ["HP110 6:13 error"],
    "relation-without-base": ["HP110 1:1 error"],
    "relation-invented": ["HP110 7:22 error"],
    "quantised-in-words-only": ["HP110 7:22 warning"],
    "no-limitations": ["HP111 8:1 error"],
    "no-training-data": ["HP111 8:1 error"],
    "no-contact": ["HP111 8:1 error"],
    "limitations-inside-a-code-fence": ["HP111 8:1 error"],
    "limitations-inside-a-comment": ["HP112 15:1 error"],
    "limitations-are-the-template": ["HP112 15:1 error", "HP113 20:1 warning"],
    "limitations-too-short": ["HP112 15:1 error"],
    "evaluation-to-be-added": ["HP112 24:1 error", "HP113 26:1 warning"],
    "evaluation-is-a-table-of-nothing": ["HP112 24:1 error", "HP113 29:1 warning"],
    "contact-is-empty": ["HP112 29:1 error", "HP113 31:1 warning"],
    "placeholder-in-metadata": ["HP113 6:13 warning"],
    "placeholder-in-text": ["HP113 13:1 warning"],
    "results-without-dataset-type": ["HP114 12:7 error"],
    "results-with-null-dataset": ["HP114 11:5 error", "HP114 14:7 error"],
    "results-contradict": ["HP114 13:31 error"],
    "results-verified-by-oneself": ["HP114 12:31 warning"],
    "link-to-missing-file": ["HP115 26:18 warning"],
    "link-to-own-machine": ["HP115 10:9 warning"],
    "script-link": ["HP115 10:10 warning"],
    "trainer-card-untouched": [
        "HP107 1:1 error",
        "HP108 1:1 error",
        "HP111 17:1 error",
        "HP111 17:1 error",
        "HP113 26:1 warning",
        "HP112 28:1 error",
        "HP112 28:1 error",
        "HP113 30:1 warning",
        "HP112 32:1 error",
        "HP113 34:1 warning",
    ],
}


@pytest.mark.parametrize("name", EXPECTED)
def test_a_defect_is_found_where_it_is(name: str) -> None:
    facts = _ADAPTER if name.startswith("adapter") else TRANSFORMERS
    check = judge((CARDS / "defects" / f"{name}.md").read_bytes(), facts)
    places = [
        f"{each.rule} {each.location.line}:{each.location.column} {each.severity.word}"
        for each in check.findings
        if each.location
    ]
    assert places == EXPECTED[name]


def test_every_defect_card_is_in_the_table() -> None:
    assert {path.stem for path in (CARDS / "defects").glob("*.md")} == set(EXPECTED)


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_good_cards_of_many_kinds_pass_without_a_word(path: Path) -> None:
    check = judge(path.read_bytes(), facts_of(path.name))
    assert check.findings == ()
    assert (check.warned, check.failed) == ((), ())
    assert len(check.passed) == 16
