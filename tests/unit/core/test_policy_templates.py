# SPDX-License-Identifier: Apache-2.0
"""``[binding] serve_templates``: launch templates that somebody other than the author has read."""

from __future__ import annotations

import json

import pytest

from hubpolicy.core.policy import parse_policy, policy_payload
from hubpolicy.core.policy_document import resolve
from hubpolicy.core.strictjson import canonical
from hubpolicy.errors import ConfigError
from tests.unit.core.test_policy_document import BASE, HERE, SCHEMA

ONE, TWO = "1" * 64, "2" * 64


def payload(pins: str) -> bytes:
    text = BASE + (f"[binding]\nserve_templates = {pins}\n" if pins else "")
    return resolve(text.encode(), SCHEMA, HERE, where="hubpolicy.toml")


def test_pins_are_signed_in_order_and_read_again() -> None:
    signed = payload(f'["sha256:{TWO}", "sha256:{ONE}"]')
    assert json.loads(signed)["toxicity"]["serveTemplates"] == [ONE, TWO]
    policy = parse_policy(signed)
    assert policy.toxicity.templates == frozenset({ONE, TWO})
    assert canonical(policy_payload(policy)) == signed


def test_a_policy_without_pins_is_as_it_was() -> None:
    assert b"serveTemplates" not in payload("")
    assert payload("[]") == payload("")
    assert parse_policy(payload("")).toxicity.templates == frozenset()


@pytest.mark.parametrize(
    "pins",
    [f'"sha256:{ONE}"', f'["{ONE}"]', '["sha256:12"]', f'["sha256:{ONE}", "sha256:{ONE}"]', "[1]",
     f'["sha256:{"A" * 64}"]', '["llama.cpp"]'],
)  # fmt: skip
def test_a_pin_is_a_whole_digest(pins: str) -> None:
    with pytest.raises(ConfigError, match="serve_templates"):
        payload(pins)
