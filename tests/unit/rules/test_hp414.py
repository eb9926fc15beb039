# SPDX-License-Identifier: Apache-2.0
"""An adapter stands on the base that it names, to the byte, or on nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hubpolicy.core.adapter_base import Base, parse_base
from hubpolicy.core.closure import config_paths, resolve
from hubpolicy.core.rules import hp405, hp414
from hubpolicy.domain.manifest import Entry, Manifest
from hubpolicy.errors import MalformedError

COMMIT, DIGEST = "c" * 40, "d" * 64
ADAPTER: dict[str, Any] = {"base_model_name_or_path": "acme/base", "revision": COMMIT,
                           "peft_type": "LORA", "r": 8}  # fmt: skip
PIN: dict[str, Any] = {"schema": "hubpolicy/base/1", "repo": "acme/base", "revision": COMMIT,
                       "files": {"config.json": DIGEST, "model.safetensors": DIGEST}}  # fmt: skip


def resolved(files: dict[str, object]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Main files of the closures, and messages of HP414."""
    content = {
        path: value if isinstance(value, bytes) else json.dumps(value).encode()
        for path, value in files.items()
    }
    manifest = Manifest(
        tuple(Entry(path, len(data), DIGEST) for path, data in sorted(content.items()))
    )
    configs = {path: content[path] for path in config_paths(manifest)}
    found = resolve(manifest, configs)
    assert not hp405.check(found.dangling)
    messages = tuple(finding.message for finding in hp414.check(found.dangling))
    return tuple(closure.main for closure in found.closures), messages


def adapter(folder: str = "", **files: object) -> dict[str, object]:
    made = {"adapter_model.safetensors": b"weights", "adapter_config.json": ADAPTER,
            "base_config.json": PIN, **files}  # fmt: skip
    return {folder + name: value for name, value in made.items() if value is not None}


@pytest.mark.parametrize("folder", ["", "lora/"])
def test_a_pinned_base_makes_a_closure_with_the_pin_in_it(folder: str) -> None:
    assert resolved(adapter(folder)) == ((f"{folder}adapter_model.safetensors",), ())


def test_the_pin_is_signed_with_the_adapter() -> None:
    manifest = Manifest(tuple(Entry(path, 9, DIGEST) for path in sorted(adapter())))
    configs = {"adapter_config.json": json.dumps(ADAPTER).encode(),
               "base_config.json": json.dumps(PIN).encode()}  # fmt: skip
    (closure,) = resolve(manifest, configs).closures
    assert closure.paths == set(adapter())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"base_config.json": None}, "is for base 'acme/base', which no base_config.json pins"),
        ({"adapter_config.json": None}, "has no adapter_config.json"),
        ({"adapter_config.json": b"{"}, "cannot be parsed"),
        ({"adapter_config.json": b'{"a": 1, "a": 2}'}, "cannot be parsed"),
        ({"adapter_config.json": []}, "names no base"),
        ({"adapter_config.json": {"r": 8}}, "names no base"),
        ({"adapter_config.json": {**ADAPTER, "base_model_name_or_path": ""}}, "names no base"),
        (
            {"adapter_config.json": {**ADAPTER, "base_model_name_or_path": "acme/other"}},
            "is for base 'acme/other', but base_config.json pins 'acme/base'",
        ),
        ({"adapter_config.json": {**ADAPTER, "revision": "main"}}, "is for revision 'main'"),
        ({"adapter_config.json": {**ADAPTER, "revision": "e" * 40}}, "is for revision 'eeee"),
        ({"adapter_config.json": {**ADAPTER, "revision": None}}, "is for no revision of its base"),
        (
            {"adapter_config.json": {**ADAPTER, "revision": ""}},
            f'expected "revision": "{COMMIT}" in it',
        ),
        ({"adapter_config.json": {**ADAPTER, "revision": [COMMIT]}}, "is for revision \"['ccc"),
        ({"base_config.json": b"["}, "does not pin"),
        ({"base_config.json": {**PIN, "revision": "main"}}, "commit of 40 digits"),
        ({"base_config.json": {**PIN, "files": {}}}, "every file's sha256"),
    ],
)
def test_anything_else_is_a_finding_and_no_closure(change: dict[str, Any], words: str) -> None:
    mains, messages = resolved(adapter(**change))
    assert mains == ()
    (message,) = messages
    assert message.startswith("adapter_model.safetensors ")
    assert words in message


def test_pickled_adapters_are_no_exception() -> None:
    mains, (message,) = resolved({"adapter_model.bin": b"weights"})
    assert mains == ()
    assert message.startswith("adapter_model.bin has no")


def test_a_whole_model_beside_it_is_as_it_was() -> None:
    files = {"model.safetensors": b"w", "config.json": {}, **adapter("lora/")}
    assert resolved(files)[0] == ("lora/adapter_model.safetensors", "model.safetensors")


def test_what_a_pin_holds() -> None:
    files = (("config.json", DIGEST), ("model.safetensors", DIGEST))
    assert parse_base(json.dumps(PIN).encode()) == Base("acme/base", COMMIT, files)


@pytest.mark.parametrize(
    "change",
    [
        {"schema": "hubpolicy/base/2"},
        {"extra": 1},
        {"repo": ""},
        {"repo": 3},
        {"revision": "C" * 40},
        {"revision": COMMIT[:7]},
        {"files": []},
        {"files": {"config.json": DIGEST}},
        {"files": {"model.safetensors": DIGEST[:8]}},
        {"files": {"model.safetensors": None}},
        {"files": {"model.bin": DIGEST}},
    ],
)
def test_a_pin_that_pins_nothing(change: dict[str, Any]) -> None:
    with pytest.raises(MalformedError):
        parse_base(json.dumps({**PIN, **change}).encode())
