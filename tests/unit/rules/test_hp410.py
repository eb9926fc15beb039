"""HP410: an empty set is never a pass."""

from __future__ import annotations

import pytest

from hubpolicy.core.rules import hp410


@pytest.mark.parametrize(
    ("sizes", "words"),
    [
        ({}, "the release has no files"),
        ({"README.md": 5, "config.json": 5}, "none of the 2 files holds weights"),
    ],
)
def test_nothing_to_judge_is_inconclusive(sizes: dict[str, int], words: str) -> None:
    (finding,) = hp410.check(sizes, {})
    assert (finding.rule, finding.effect) == ("HP410", "inconclusive")
    assert words in finding.message


@pytest.mark.parametrize(
    ("path", "head"), [("m.gguf", b""), ("m.bin", b""), ("m.dat", b"GGUF\x03\0\0\0")]
)
def test_weights_are_enough(path: str, head: bytes) -> None:
    assert hp410.check({path: 5}, {path: head}) == ()
