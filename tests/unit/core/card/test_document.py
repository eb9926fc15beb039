# SPDX-License-Identifier: Apache-2.0
"""The normalised document that schemas see, and the way back from it to a line."""

from __future__ import annotations

import pytest

from hubpolicy.core.card.check import RepoFacts, read_card
from hubpolicy.core.card.locate import locate
from hubpolicy.domain.card import Card, to_document
from hubpolicy.domain.finding import Location
from tests.unit.core.card.cards import vocabularies

README = b"""---
license: mit
tags: [a, b]
model-index:
- name: tern
  results:
  - task: {type: text-generation}
    dataset: {type: acme/birds, name: Birds}
    metrics: [{type: accuracy, value: 0.7}]
---
Hello.

# Tern

- **Developed by:** Anna

## Training Details

See [data](data.md). TODO

| a | b |
|---|---|
| 1 | 2 |

```
code
```
"""
FACTS = RepoFacts(("gguf",), frozenset({"README.md", "LICENSE", ".eval_results/x.yaml"}), True, 42)


def card() -> Card:
    found = read_card(README, FACTS, vocabularies()).card
    assert found is not None
    return found


def test_the_document_is_what_a_schema_was_promised() -> None:
    assert to_document(card()) == {
        "schema": "hubpolicy/card/1",
        "metadata": {
            "license": "mit",
            "tags": ["a", "b"],
            "model-index": [
                {
                    "name": "tern",
                    "results": [
                        {
                            "task": {"type": "text-generation"},
                            "dataset": {"type": "acme/birds", "name": "Birds"},
                            "metrics": [{"type": "accuracy", "value": 0.7}],
                        }
                    ],
                }
            ],
        },
        "sections": {
            "introduction": _section("", 0, words=1),
            "tern": _section("Tern", 1, words=1, words_total=7, fields={"developed-by": "Anna"}),
            "training-details": _section(
                "Training Details",
                2,
                words=6,
                placeholders=1,
                tables=[{"header": ["a", "b"], "rows": [["1", "2"]]}],
                code_blocks=1,
                links=["data.md"],
            ),
        },
        "results": [
            {
                "task": "text-generation",
                "dataset": "acme/birds",
                "config": "",
                "split": "",
                "revision": "",
                "metric": "accuracy",
                "value": 0.7,
                "verified": False,
            }
        ],
        "repo": {
            "weight_formats": ["gguf"],
            "has_license_file": True,
            "size_bytes": 42,
            "files": 3,
            "eval_results": [".eval_results/x.yaml"],
        },
    }


@pytest.mark.parametrize(
    ("path", "missing", "line", "column"),
    [
        (("metadata",), "library_name", 1, 1),
        (("metadata", "license"), "", 2, 10),
        (("metadata", "tags", 1), "", 3, 11),
        (("metadata", "model-index", 0, "results", 0, "metrics", 0, "value"), "", 9, 39),
        (("sections",), "uses", 13, 1),
        (("sections",), "training-data", 17, 1),
        (("sections", "training-details", "words_total"), "", 17, 1),
        (("results", 0), "", 1, 1),
        ((), "", 1, 1),
    ],
)
def test_paths_lead_back_to_lines(
    path: tuple[str | int, ...], missing: str, line: int, column: int
) -> None:
    assert locate(card(), path, missing) == Location("README.md", line, column)


def _section(title: str, level: int, words: int, **more: object) -> dict[str, object]:
    return {
        "title": title,
        "level": level,
        "words": words,
        "words_total": words,  # unless ``more`` says otherwise
        "placeholders": 0,
        "boilerplate": 0,
        "tables": [],
        "code_blocks": 0,
        "links": [],
        "fields": {},
        **more,
    }
