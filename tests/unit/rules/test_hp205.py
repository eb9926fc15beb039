# SPDX-License-Identifier: Apache-2.0
"""How tight the tie to the bytes must be, and how tight it can be."""

from __future__ import annotations

import pytest

from hubpolicy.core.rules import hp205
from hubpolicy.core.serving import SHIPPED

OWN = "ab" * 32


@pytest.mark.parametrize(
    ("level", "required", "findings"),
    [(4, 4, 0), (4, 0, 0), (3, 4, 1), (0, 1, 1), (0, 0, 0), (1, 1, 0), (5, 4, 1), (-1, -1, 1)],
)
def test_levels(level: int, required: int, findings: int) -> None:
    assert len(hp205.check(level, required)) == findings


@pytest.mark.parametrize(
    ("generator", "most"),
    [("onnx", 4), ("transformers", 4), ("endpoint", 2), ("responses", 1), ("serve", 2)],
)
def test_a_generator_has_a_highest_level(generator: str, most: int) -> None:
    for level in range(6):
        assert bool(hp205.check(level, 0, generator)) is (level > most)


@pytest.mark.parametrize("generator", ["", "Onnx", "onnx/4", "telepathy"])
def test_an_unknown_generator_has_no_level(generator: str) -> None:
    for level in range(5):
        (finding,) = hp205.check(level, 0, generator)
        assert "from generator" in finding.message


@pytest.mark.parametrize(
    ("templates", "pinned", "most"),
    [
        ((), frozenset({OWN}), 2),
        ((OWN,), frozenset(), 2),
        ((OWN,), frozenset({OWN}), 4),
        ((min(SHIPPED),), frozenset(), 4),
        ((min(SHIPPED), OWN), frozenset(), 2),
        ((min(SHIPPED), max(SHIPPED)), frozenset(), 2),
        (("",), frozenset(), 2),
    ],
)
def test_a_server_is_as_good_as_who_read_its_template(
    templates: tuple[str, ...], pinned: frozenset[str], most: int
) -> None:
    runtime = (("server-llama.cpp", "b1"), *(("serve-template", one) for one in templates))
    for level in range(5):
        assert bool(hp205.check(level, 0, "serve", runtime, pinned)) is (level > most)


def test_what_it_says() -> None:
    (finding,) = hp205.check(4, 4, "responses")
    assert finding.message == "got binding level 4 from generator 'responses', expected 0 to 1"
    assert finding.effect == "inconclusive"
