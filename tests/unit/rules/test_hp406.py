"""HP406: code, and configurations that ask for code."""

from __future__ import annotations

import pytest

from hubpolicy.core.rules import hp406

NOTHING: frozenset[str] = frozenset()
SIZES = {"README.md": 1, "modeling.py": 1, "config.json": 1, "run": 1}
BOTH = frozenset({"modeling.py"})


@pytest.mark.parametrize(
    ("covered", "allowed", "lack"),
    [
        (NOTHING, NOTHING, "no tested run loaded it"),
        (NOTHING, BOTH, "no tested run loaded it"),
        (BOTH, NOTHING, "the policy does not list it"),
    ],
)
def test_code_needs_run_and_policy(
    covered: frozenset[str], allowed: frozenset[str], lack: str
) -> None:
    (finding,) = hp406.check(SIZES, {}, (), covered, allowed)
    assert (finding.rule, finding.effect) == ("HP406", "failed")
    assert finding.message == f"modeling.py is code, and {lack}"


def test_code_that_ran_and_is_listed_is_spared() -> None:
    assert hp406.check(SIZES, {}, (), BOTH, BOTH) == ()


def test_a_script_is_seen_by_its_first_bytes() -> None:
    (finding,) = hp406.check(SIZES, {"run": b"#!/bin/sh"}, (), BOTH, BOTH)
    assert finding.message.startswith("run is code")


def test_a_configuration_that_asks_for_code() -> None:
    config = frozenset({"config.json"})
    findings = hp406.check(SIZES, {}, ("config.json",), BOTH | config, BOTH)
    assert [f.location and f.location.path for f in findings] == ["config.json"]
    assert "auto_map" in findings[0].message
    assert hp406.check(SIZES, {}, ("config.json",), BOTH | config, BOTH | config) == ()
