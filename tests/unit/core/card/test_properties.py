# SPDX-License-Identifier: Apache-2.0
"""What holds for every card, whatever its bytes are."""

from __future__ import annotations

import json

import pytest
import yaml  # type: ignore[import-untyped]
from huggingface_hub.repocard import REGEX_YAML_BLOCK
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hubpolicy.core.card.boilerplate import BOILERPLATE
from hubpolicy.core.card.check import card_rules, read_card
from hubpolicy.core.card.markdown import parse_body
from hubpolicy.core.card.prose import measure
from hubpolicy.domain.card import to_document, to_plain
from hubpolicy.domain.finding import Severity
from tests.unit.core.card.cards import BODY, TRANSFORMERS, good, judge, vocabularies

FRAGMENTS = [
    *"abn01.:-#&*!|>'\"%@`{}[],? \t\n\r\\~<=é漢",
    "---",
    "...",
    ": ",
    "- ",
    "\n",
    "\n  ",
    "\n- ",
    "key: ",
    "license: mit\n",
    "language: no\n",
    "<<: ",
    "!!str ",
    "&a ",
    "*a",
    "\\u0000",
    "\\x41",
    "\ufeff",
    "\x85",
    "\u2028",
    "\x1b[31m",
    "null",
    "0x1F",
    "1e5",
    "012",
    "1_000",
    "12:30",
    "2026-01-01",
    ".nan",
    "yes",
    "# Uses\n",
    "## Evaluation\n\nwords\n",
    "<!--",
    "-->",
    "```\n",
    "| a | b |\n|---|---|\n",
    "[More Information Needed]",
    "[x](y)",
    "**Contact:** ",
    "<h2>Uses</h2>",
]
SOUP = st.lists(st.sampled_from(FRAGMENTS), max_size=40).map("".join)
FRONTED = st.builds("---\n{}\n---\n{}".format, SOUP, SOUP).map(str.encode)
ANY_BYTES = st.one_of(st.binary(max_size=300), SOUP.map(str.encode), FRONTED)
LINE = st.lists(st.sampled_from(FRAGMENTS), max_size=8).map("".join)
MAPPED = st.lists(st.builds("k{}: {}".format, st.integers(0, 3), LINE), min_size=1, max_size=5)
YAML_CARDS = MAPPED.map(lambda lines: "---\n" + "\n".join(lines) + "\n---\n").map(str.encode)
PLACEHOLDERS = [
    "[More Information Needed]",
    "More information needed",
    "TODO",
    "TBD",
    "[TODO: write this]",
    "{{ uses }}",
    "[insert text here]",
    "<your text here>",
    "coming soon",
    "to be added",
]


@given(ANY_BYTES)
@settings(max_examples=400, deadline=None)
@example(b"---\n\xff\n---\n")
@example(b"---\n? [a]\n: b\n---\n")
@example(b'---\na: "\\ud800"\n---\n')
def test_any_bytes_become_findings_inside_the_file(readme: bytes) -> None:
    check = judge(readme)
    lines = readme.count(b"\n") + 1
    for finding in check.findings:
        assert finding.location is not None
        assert 0 <= finding.location.line <= lines
        assert finding.location.column >= 0
        assert (finding.message + finding.fix).isprintable()
        assert finding.message
        assert finding.fix or finding.severity is Severity.INFO


@given(ANY_BYTES)
@settings(max_examples=150, deadline=None)
def test_each_rule_has_exactly_one_outcome(readme: bytes) -> None:
    check = judge(readme)
    outcomes = check.passed + check.warned + check.failed
    assert sorted(outcomes) == [rule.id for rule in card_rules()]
    errors = {each.rule for each in check.findings if each.severity is Severity.ERROR}
    assert errors <= set(check.failed)
    assert errors or not check.failed


@given(st.one_of(YAML_CARDS, FRONTED))
@settings(max_examples=600, deadline=None)
def test_what_is_judged_is_what_the_hub_s_client_reads(readme: bytes) -> None:
    evidence = read_card(readme, TRANSFORMERS, vocabularies())
    rules = {each.rule for each in judge(readme).findings}
    if evidence.card is None or rules & {"HP101", "HP102", "HP103", "HP104"}:
        return
    text = readme.decode()
    block = REGEX_YAML_BLOCK.search(text)
    assert block is not None
    assert to_plain(evidence.card.metadata) == yaml.safe_load(block.group(2))


@given(ANY_BYTES)
@settings(max_examples=150, deadline=None)
def test_the_document_is_json(readme: bytes) -> None:
    evidence = read_card(readme, TRANSFORMERS, vocabularies())
    if evidence.card is not None:
        document = to_document(evidence.card)
        assert json.loads(json.dumps(document, allow_nan=False)) == document
        json.dumps(document, ensure_ascii=False).encode("utf-8")


@given(SOUP, st.sampled_from(PLACEHOLDERS))
@settings(max_examples=300, deadline=None)
def test_a_placeholder_adds_no_words(prose: str, placeholder: str) -> None:
    alone = measure(prose, BOILERPLATE).words
    assert measure(f"{prose}\n{placeholder}", BOILERPLATE).words <= alone
    assert measure(f"{placeholder}\n{prose}", BOILERPLATE).words <= alone


@given(st.sampled_from(PLACEHOLDERS), st.integers(0, 40))
@settings(max_examples=60, deadline=None)
def test_a_placeholder_line_adds_no_words_to_a_card(placeholder: str, where: int) -> None:
    lines = BODY.split("\n")
    with_it = [*lines[:where], "", placeholder, "", *lines[where:]]
    before = {each.id: each.words_total for each in parse_body(BODY, 1, BOILERPLATE)}
    after = {each.id: each.words_total for each in parse_body("\n".join(with_it), 1, BOILERPLATE)}
    assert all(after.get(section, 0) <= words for section, words in before.items())


@given(st.permutations(range(6)))
@settings(max_examples=40, deadline=None)
def test_the_order_of_sections_does_not_matter(order: list[int]) -> None:
    head, *parts = good().split("\n## ")
    shuffled = "\n## ".join([head, *(parts[index].rstrip() + "\n" for index in order), *parts[6:]])
    before, after = judge(good()), judge(shuffled)
    assert (before.passed, before.warned, before.failed) == (
        after.passed,
        after.warned,
        after.failed,
    )


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_line_ends_do_not_matter(newline: str) -> None:
    assert judge(good().replace("\n", newline)).failed == ()
