# SPDX-License-Identifier: Apache-2.0
"""Schemas as profiles: ours, and what a user may bring."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from hubpolicy.core.card.patterns import SUBJECT_LIMIT
from hubpolicy.core.card.registry import RULES
from hubpolicy.core.card.schema import SCHEMA_LIMIT, Violation, parse_schema, violations
from hubpolicy.domain.finding import Severity
from hubpolicy.errors import ConfigError
from tests.unit.core.card.cards import SCHEMA


def check(schema: object, document: dict[str, object]) -> tuple[Violation, ...]:
    return violations(parse_schema(json.dumps(schema).encode()), document)


def test_the_shipped_schema_is_valid_and_says_so_to_others() -> None:
    document = json.loads(SCHEMA)
    Draft202012Validator.check_schema(document)
    assert document["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert document["$id"] == "urn:hubpolicy:schema:card:v1"


def test_the_shipped_schema_names_only_rules_that_exist() -> None:
    assert parse_schema(SCHEMA).rules <= {module.RULE.id for module in RULES}


def test_every_annotation_of_the_shipped_schema_has_known_keys_and_plain_words() -> None:
    def walk(node: Any) -> None:
        if isinstance(node, list):
            for each in node:
                walk(each)
        if isinstance(node, dict):
            note = node.get("x-hubpolicy", {})
            assert set(note) <= {"rule", "severity", "message", "fix", "missing"}
            for words in (note, note.get("missing", {})):
                text = words.get("message", "") + words.get("fix", "")
                assert text.isprintable()
                assert set(re.findall(r"\{(\w+)\}", text)) <= {"got", "want"}
            for each in node.values():
                walk(each)

    walk(json.loads(SCHEMA))


def test_the_digest_is_that_of_the_bytes() -> None:
    assert parse_schema(b"{}").sha256 == (
        "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    )


def test_one_violation_for_each_missing_key() -> None:
    found = check({"required": ["a", "b", "c"]}, {"b": 1})
    assert [(each.missing, each.message, each.path) for each in found] == [
        ("a", "the metadata has no `a`", ()),
        ("c", "the metadata has no `c`", ()),
    ]


def test_an_annotation_gives_rule_severity_and_words() -> None:
    note = {"rule": "HP113", "severity": "warning", "message": "{got} not {want}", "fix": "do"}
    schema = {"properties": {"a": {"maximum": 3, "x-hubpolicy": note}}}
    assert check(schema, {"a": 4}) == (
        Violation("HP113", Severity.WARNING, "4 not 3", "do", ("a",)),
    )


def test_a_missing_key_takes_its_words_from_its_own_subschema() -> None:
    own = {"rule": "HP106", "missing": {"message": "no licence", "fix": "add one"}}
    schema = {
        "required": ["license", "other"],
        "properties": {"license": {"x-hubpolicy": own}},
        "x-hubpolicy": {"rule": "HP105", "fix": "add it"},
    }
    found = check(schema, {})
    assert [(each.rule, each.message, each.fix) for each in found] == [
        ("HP106", "no licence", "add one"),
        ("HP105", "the metadata has no `other`", "add it"),
    ]


def test_foreign_values_in_words_are_cleaned_and_cut() -> None:
    note = {"message": "got {got}"}
    schema = {"properties": {"a": {"const": 1, "x-hubpolicy": note}}}
    (found,) = check(schema, {"a": "\x1b[2J{want}" + "x" * 500})
    assert found.message.isprintable()
    assert len(found.message) < 120


def test_of_alternatives_the_deepest_is_reported() -> None:
    text = {"type": "string"}
    pair = {"type": "object", "properties": {"b": {"type": "integer"}}}
    (found,) = check({"properties": {"a": {"anyOf": [text, pair]}}}, {"a": {"b": "x"}})
    assert found.path == ("a", "b")
    assert found.message == "`a.b` is the text `x`, expected a whole number"


def test_alternatives_with_words_of_their_own_are_reported_whole() -> None:
    note = {"rule": "HP111", "message": "neither"}
    schema = {"anyOf": [{"required": ["a"]}, {"required": ["b"]}], "x-hubpolicy": note}
    assert check(schema, {}) == (
        Violation("HP111", None, "neither", "see the profile's schema", ()),
    )


def test_the_same_violation_is_said_once() -> None:
    part = {"required": ["a"]}
    assert len(check({"allOf": [part, part, part]}, {})) == 1


def test_formats_are_checked() -> None:
    schema = {"properties": {"a": {"format": "date"}, "b": {"format": "uri"}}}
    found = check(schema, {"a": "2026-02-30", "b": "not one"})
    assert [each.path for each in found] == [("a",), ("b",)]


def test_other_schemas_are_found_by_their_id() -> None:
    own = {"allOf": [{"$ref": "urn:hubpolicy:schema:card:v1"}], "required": ["extra"]}
    schema = parse_schema(json.dumps(own).encode(), (SCHEMA,))
    found = violations(schema, {"metadata": {}, "sections": {}})
    assert {"HP106", "HP109", "HP111"} <= {each.rule for each in found}
    assert "extra" in {each.missing for each in found}
    assert "HP112" in schema.rules


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        (b"", "strict JSON"),
        (b"not json", "strict JSON"),
        (b"[]", "expected an object"),
        (b"true", "expected an object"),
        (b'{"type": "text"}', "no valid JSON Schema"),
        (b'{"type": "object", "type": "array"}', "twice"),
        (b'{"minimum": NaN}', "NaN"),
        (
            b'{"$schema": "http://json-schema.org/draft-07/schema#"}',
            "expected an object of dialect",
        ),
        (b'{"pattern": "(a+)+$"}', "matches in several ways"),
        (b'{"patternProperties": {"(a+)+$": {}}}', "matches in several ways"),
        (b'{"$defs": {"x": {"items": {"pattern": "(?=a)"}}}}', "look-around"),
        (b"{" + b'"a":{' * 100 + b"}" * 101, "nesting"),
        (b'{"description": "' + b"x" * SCHEMA_LIMIT + b'"}', "expected at most"),
        (b'{"description": "\xff"}', "UTF-8"),
    ],
)
def test_what_is_no_schema_is_a_configuration_error(schema: bytes, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        parse_schema(schema)


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "https://example.org/schema.json"},
        {"$ref": "#/$defs/nowhere"},
        {"$ref": "file:///etc/passwd"},
        {"$dynamicRef": "other.json#x"},
    ],
)
def test_references_to_the_outside_are_refused(schema: object) -> None:
    with pytest.raises(ConfigError, match=r"\$ref"):
        check(schema, {})


def test_a_reference_cycle_is_a_configuration_error() -> None:
    with pytest.raises(ConfigError, match="steps"):
        check({"$ref": "#"}, {})


def test_doubling_alternatives_run_out_of_steps_soon() -> None:
    defs = {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(40)}
    begin = time.process_time()
    with pytest.raises(ConfigError, match="steps"):
        check({"$ref": "#/$defs/d0", "$defs": {**defs, "d40": {}}}, {})
    assert time.process_time() - begin < 30


def test_a_subschema_with_a_dialect_keeps_the_budget() -> None:
    dialect = "https://json-schema.org/draft/2020-12/schema"
    inner = {"$schema": dialect, "$id": "urn:x", "required": ["a"]}
    (found,) = check({"$schema": dialect, "allOf": [inner]}, {})
    assert found.missing == "a"


def test_long_texts_are_never_searched() -> None:
    schema = {"properties": {"a": {"pattern": "^x*x*$"}}}
    assert check(schema, {"a": "x" * SUBJECT_LIMIT}) == ()
    assert len(check(schema, {"a": "x" * (SUBJECT_LIMIT + 1)})) == 1


@pytest.mark.parametrize("field", ["metadata", "sections", "results", "repo", "schema"])
def test_the_baseline_refuses_a_document_that_lacks_a_part(field: str) -> None:
    document: dict[str, object] = {
        "schema": "hubpolicy/card/1",
        "metadata": {},
        "sections": {},
        "results": [],
        "repo": {},
    }
    del document[field]
    assert field in {each.missing for each in violations(parse_schema(SCHEMA), document)}
