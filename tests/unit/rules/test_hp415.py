# SPDX-License-Identifier: Apache-2.0
"""What a pin says of a base is what the hub lists, file by file."""

from __future__ import annotations

import pytest

from hubpolicy.core.adapter_base import Base
from hubpolicy.core.rules import hp415
from hubpolicy.domain.finding import verdict_of

ONE, TWO = "1" * 64, "2" * 64
BASE = Base("acme/base", "c" * 40, (("config.json", ONE), ("model.safetensors", TWO)))
PIN = "lora/base_config.json"


@pytest.mark.parametrize(
    ("listed", "words"),
    [
        ({"config.json": ONE, "model.safetensors": TWO}, ""),
        ({"config.json": ONE, "model.safetensors": TWO, "more.safetensors": ONE}, ""),
        ({"config.json": ONE, "model.safetensors": ONE}, "other bytes for model.safetensors"),
        ({"config.json": ONE, "model.safetensors": ""}, "other bytes for model.safetensors"),
        ({"config.json": ONE}, "no model.safetensors"),
        ({"model.safetensors": ONE}, "other bytes for model.safetensors and no config.json"),
        ({}, "no config.json, model.safetensors"),
    ],
)
def test_every_pinned_file_is_compared(listed: dict[str, str], words: str) -> None:
    found = hp415.check(PIN, BASE, listed)
    start = f"{PIN} pins acme/base at {'c' * 12}, where the hub has "
    assert [finding.message for finding in found] == ([start + words] if words else [])
    assert verdict_of(found) == ("failed" if words else "passed")


def test_what_nobody_can_tell_is_inconclusive_and_a_stray_commit_fails() -> None:
    assert verdict_of((hp415.unknown(PIN, None, "no answer"),)) == "inconclusive"
    assert "acme/base" in hp415.unknown(PIN, BASE, "no answer").message
    assert verdict_of((hp415.stray(PIN, BASE),)) == "failed"
