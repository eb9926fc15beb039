"""HP407: pickles."""

from __future__ import annotations

import pytest

from hubpolicy.core.rules import hp407

NOTHING: frozenset[str] = frozenset()
ONE = frozenset({"m.bin"})
SIZES = {"m.bin": 1, "model.safetensors": 1, "README.md": 1}


@pytest.mark.parametrize(
    ("covered", "allowed", "lack"),
    [
        (NOTHING, NOTHING, "no tested run loaded it"),
        (NOTHING, ONE, "no tested run loaded it"),
        (ONE, NOTHING, "the policy does not list it"),
    ],
)
def test_a_pickle_needs_run_and_policy(
    covered: frozenset[str], allowed: frozenset[str], lack: str
) -> None:
    (finding,) = hp407.check(SIZES, {}, covered, allowed)
    assert (finding.rule, finding.effect) == ("HP407", "failed")
    assert finding.message.endswith(lack)


def test_spared() -> None:
    assert hp407.check(SIZES, {}, ONE, ONE) == ()


def test_a_pickle_by_first_bytes() -> None:
    (finding,) = hp407.check(SIZES, {"README.md": b"\x80\x04\x95"}, ONE, ONE)
    assert finding.message.startswith("README.md is a pickle")
