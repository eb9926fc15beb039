# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from hubpolicy.core.rules import hp611
from hubpolicy.core.rules.hp611 import Copy
from hubpolicy.domain.finding import Severity

A = "a" * 64


def copies(number: int, path: str = "x.bin") -> tuple[Copy, ...]:
    return tuple(Copy(A, f"{n}/{path}", f"acme/tern: {n}.bin") for n in range(number))


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (1, f"alice/parked holds weights of others: 0/x.bin (sha256 {A}) is acme/tern: 0.bin"),
        (3, f"2/x.bin (sha256 {A}) is acme/tern: 2.bin"),
        (5, "; and 2 more files"),
    ],
)
def test_a_copy_is_told_with_whose_it_is(number: int, words: str) -> None:
    (finding,) = hp611.check("alice/parked", copies(number))
    assert finding.severity is Severity.ERROR
    assert words in finding.message
    assert "alice/parked" in finding.fix


def test_where_nothing_is_known_there_is_nothing_to_say() -> None:
    assert hp611.check("alice/parked", ()) == ()


def test_odd_paths_are_plain() -> None:
    (finding,) = hp611.check("alice/parked", copies(1, "\x1b[31m\ud800"))
    assert "\x1b" not in finding.message
    assert "\ud800" not in finding.message
