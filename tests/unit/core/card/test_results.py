# SPDX-License-Identifier: Apache-2.0
"""``model-index`` as rows."""

from __future__ import annotations

import pytest

from hubpolicy.core.card.front_matter import parse_front_matter
from hubpolicy.core.card.results import reported
from hubpolicy.domain.card import Mark, Reported

CARD = """model-index:
- name: tern
  results:
  - task: {type: text-generation}
    dataset: {type: acme/birds, name: Birds, config: de, split: test, revision: abc}
    metrics:
    - {type: accuracy, value: 0.7, verified: true}
    - type: f1
      value: "0.6"
"""


def test_one_row_for_each_number() -> None:
    metadata = parse_front_matter(CARD, 2).metadata
    assert metadata is not None
    row = Reported(
        "text-generation", "acme/birds", "de", "test", "abc", "accuracy", 0.7, True, Mark(8, 31)
    )
    assert reported(metadata) == (
        row,
        row._replace(metric="f1", value="0.6", verified=False, at=Mark(10, 14)),
    )


@pytest.mark.parametrize(
    "text",
    [
        "a: b",
        "model-index:",
        "model-index: text",
        "model-index: [text, {results: text}]",
        "model-index: [{results: [{metrics: {a: b}}]}]",
        "model-index: [{results: [[]]}]",
    ],
)
def test_malformed_results_are_no_rows(text: str) -> None:
    metadata = parse_front_matter(text, 2).metadata
    assert metadata is not None
    assert reported(metadata) == ()
