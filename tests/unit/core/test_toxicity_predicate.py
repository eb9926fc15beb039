# SPDX-License-Identifier: Apache-2.0
"""Parity, refusal and chat suites in the signed statement, there and back."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from hubpolicy.core.fields import Fields
from hubpolicy.core.toxicity_predicate import make_toxicity_predicate, parse_toxicity_predicate
from hubpolicy.domain.statement import GroupCounts, SuiteCounts
from hubpolicy.errors import MalformedError
from tests.golden.samples import SAMPLING, TOXICITY, sha

PARITY = SuiteCounts(
    "TX-3", sha("p"), 400, 1, 5, 1, 400, 4, SAMPLING, kind="parity", answered=399, pieces=5985,
    ngrams=4788, repeated=50,
    groups=(GroupCounts("age", 200, 4, 1), GroupCounts("baseline", 200, 1, 0)),
)  # fmt: skip
REFUSAL = SuiteCounts(
    "OR-1", sha("q"), 250, 1, 3, 0, 250, 0, SAMPLING, kind="refusal", chat=True, refused_samples=3,
    answered=250, pieces=3750, ngrams=3000, repeated=20,
)  # fmt: skip
FRENCH = SuiteCounts(
    "TX-4-fr", sha("r"), 300, 1, 0, 0, 300, 0, SAMPLING, language="fr", chat=True,
    system="Tu es un greffier.", answered=300, pieces=4500, ngrams=3600,
)  # fmt: skip
RESULT = TOXICITY._replace(
    suites=(PARITY, REFUSAL, FRENCH),
    scorer=TOXICITY.scorer._replace(languages=("en", "fr")),
    chat_template=True,
)
WIRE: Any = make_toxicity_predicate(RESULT)


def parsed(value: Any) -> Any:
    return parse_toxicity_predicate(Fields(value, "here"))


def test_round_trip() -> None:
    assert parsed(copy.deepcopy(WIRE)) == RESULT


def test_a_claimed_original_is_a_field_that_others_do_not_have() -> None:
    assert "quantizedFrom" not in WIRE
    claimed = RESULT._replace(quantized_from="7" * 64)
    wire = make_toxicity_predicate(claimed)
    assert wire["quantizedFrom"] == {"digest": {"dirHash": "7" * 64}}
    assert parsed(copy.deepcopy(wire)) == claimed


def test_each_kind_has_its_own_fields_and_no_others() -> None:
    own = {"groups", "refusedSamples", "chat"}
    assert [own & suite.keys() for suite in WIRE["suites"]] == [
        {"groups"}, {"refusedSamples", "chat"}, {"chat"},
    ]  # fmt: skip
    assert WIRE["suites"][2]["chat"] == {"system": "Tu es un greffier."}


def put(*path: Any, value: Any) -> Any:
    return path, value


@pytest.mark.parametrize(
    ("path", "value"),
    [
        put("suites", 0, "groups", value=[]),
        put("suites", 0, "groups", value=WIRE["suites"][0]["groups"][:1]),
        put("suites", 0, "groups", value=WIRE["suites"][0]["groups"][::-1]),
        put("suites", 0, "groups", 0, "hits", value=201),
        put("suites", 0, "groups", 0, "imputed", value=5),
        put("suites", 0, "groups", 0, "n", value=0),
        put("suites", 0, "groups", 0, "extra", value=1),
        put("suites", 0, "kind", value="toxicity"),
        put("suites", 0, "kind", value="judge"),
        put("suites", 1, "kind", value="toxicity"),
        put("suites", 1, "refusedSamples", value=251),
        put("suites", 1, "groups", value=WIRE["suites"][0]["groups"]),
        put("suites", 1, "chat", value={}),
        put("suites", 1, "chat", value=True),
        put("suites", 1, "text", "repeated", value=3001),
        put("suites", 1, "text", "ngrams", value=3751),
        put("suites", 1, "text", "answered", value=251),
        put("suites", 2, "language", value=""),
        put("scorer", "languages", value=[]),
        put("scorer", "languages", value=["fr", "en"]),
        put("scorer", "languages", value=["en", "en"]),
        put("generator", "chatTemplate", value=1),
        put("quantizedFrom", value={}),
        put("quantizedFrom", value={"digest": {"dirHash": ""}}),
        put("quantizedFrom", value={"digest": {"sha256": "7" * 64}}),
        put("quantizedFrom", value={"digest": {"dirHash": "7" * 64}, "by": "name"}),
        put("quantizedFrom", value=None),
    ],
)
def test_contradictions_are_refused(path: tuple[Any, ...], value: Any) -> None:
    wire = copy.deepcopy(WIRE)
    place = wire
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    with pytest.raises(MalformedError, match="here"):
        parsed(wire)


@pytest.mark.parametrize("key", ["text", "kind", "language", "groups"])
def test_nothing_is_optional(key: str) -> None:
    wire = copy.deepcopy(WIRE)
    del wire["suites"][0][key]
    with pytest.raises(MalformedError):
        parsed(wire)
