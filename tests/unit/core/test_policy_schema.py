# SPDX-License-Identifier: Apache-2.0
"""The schema of ``hubpolicy.toml`` is for editors too: each key says what it is, and what it takes."""

from __future__ import annotations

import json
import re
import tomllib
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from hubpolicy.core.policy_child import tighten
from hubpolicy.errors import ConfigError
from tests.house.tree import PROJECT
from tests.unit.core.test_policy_child import (
    FULL,
    HEAD,
    MALFORMED,
    PARENT,
    TIGHTER,
    Here,
    child,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

RAW = (PROJECT / "schemas" / "policy.v1.schema.json").read_text(encoding="utf-8")
SCHEMA: dict[str, Any] = json.loads(RAW)
TEMPLATE = (PROJECT / "hubpolicy" / "assets" / "policy" / "solo.toml").read_text(encoding="utf-8")


def resolved(node: dict[str, Any]) -> dict[str, Any]:
    """The node with what its ``$ref`` says."""
    found = node
    while "$ref" in found:
        target = SCHEMA
        for step in found["$ref"].removeprefix("#/").split("/"):
            target = target[step]
        found = {**target, **{key: value for key, value in found.items() if key != "$ref"}}
    return found


def properties(node: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every key of the file, at any depth, with its schema."""
    whole = resolved(node)
    for name, below in whole.get("properties", {}).items():
        yield f"{path}.{name}".lstrip("."), resolved(below)
        yield from properties(below, f"{path}.{name}")
    for inner in ("items", "additionalProperties"):
        if isinstance(whole.get(inner), dict):
            yield from properties(whole[inner], f"{path}[]" if inner == "items" else f"{path}.*")


PROPERTIES = dict(properties(SCHEMA))


@pytest.mark.parametrize("path", PROPERTIES)
def test_each_key_is_described_and_shows_a_value(path: str) -> None:
    node = PROPERTIES[path]
    assert node.get("title"), f"{path} has no title"
    words = node.get("description", "")
    assert len(words) > 12, f"{path} has no description"
    assert words.endswith("."), words
    if node.get("type") not in {"object", "boolean"} and "items" not in node:
        shown = {"default", "examples", "enum", "const"} & node.keys()
        assert shown, f"{path} shows no value"


@pytest.mark.parametrize("path", PROPERTIES)
def test_defaults_and_examples_are_valid(path: str) -> None:
    node = {**PROPERTIES[path], "$defs": SCHEMA["$defs"]}
    validator = Draft202012Validator(node, format_checker=FormatChecker())
    for value in (*node.get("examples", ()), *([node["default"]] if "default" in node else ())):
        validator.validate(value)


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["title"]
    assert SCHEMA["additionalProperties"] is False


def plain(value: Any) -> Any:
    """A TOML value as JSON."""
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [plain(each) for each in value]
    return value.isoformat() if isinstance(value, date) else value


def errors(text: str, schema: dict[str, Any] = SCHEMA) -> list[str]:
    validator = Draft202012Validator(schema, format_checker=FormatChecker())
    return [error.message for error in validator.iter_errors(plain(tomllib.loads(text)))]


def test_the_template_of_init_is_valid_and_names_the_schema() -> None:
    text = TEMPLATE.format(
        id="ada/solo", expires="2027-06-30", namespaces='"acme"', plan="standard", kind="x"
    )
    assert errors(text) == []
    assert tomllib.loads(text)["schema"] == SCHEMA["properties"]["schema"]["const"]
    hint = re.search(r"^#:schema (\S+)$", text, re.MULTILINE)
    assert hint is not None
    assert hint[1] == f"./{SCHEMA['$id'].rpartition('/')[2]}"


CHILD = {key: value for key, value in SCHEMA.items() if key not in {"if", "then"}} | {
    "required": ["schema"],
    "properties": {
        **SCHEMA["properties"],
        "toxicity": {**SCHEMA["properties"]["toxicity"], "required": []},
        "roles": {**SCHEMA["properties"]["roles"], "required": []},
    },
}
"""What an editor may say of a child: the same keys, and none has to be there."""


@pytest.mark.parametrize(
    "text", [FULL, *(text for text in TIGHTER if "approver.safety" not in text)]
)
def test_whatever_a_child_may_say_the_schema_knows(text: str) -> None:
    assert [e for e in errors(HEAD + text, CHILD) if "required" not in e] == []


@pytest.mark.parametrize("text", [text for text in MALFORMED if "unknown key" in MALFORMED[text]])
def test_a_key_that_a_child_may_not_have_the_schema_has_neither(text: str) -> None:
    assert any("unexpected" in error for error in errors(text, CHILD))


SIMPLE = [path for path in PROPERTIES if "[]" not in path and ".*" not in path and path != "schema"]


@pytest.mark.parametrize("path", SIMPLE)
def test_every_key_of_the_schema_is_known_to_children(path: str) -> None:
    """A value that no key takes: what is refused then is the value, never the key."""
    with pytest.raises(ConfigError) as raised:
        tighten(PARENT, (child(f"{path} = 1979-05-27T07:32:00Z"),), Here())
    assert "unknown key" not in raised.value.message
    assert path in raised.value.message
