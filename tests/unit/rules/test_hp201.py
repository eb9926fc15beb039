# SPDX-License-Identifier: Apache-2.0
"""A release without evidence says so, and names what to type."""

from __future__ import annotations

import pytest

from hubpolicy.core.rules import hp201


def test_evidence_for_these_bytes_is_enough() -> None:
    assert hp201.check("ab" * 32, proven=True) == ()


def test_nothing_run_is_inconclusive_and_says_what_to_type() -> None:
    (finding,) = hp201.check("ab" * 32, proven=False, path="./wizard")
    assert (finding.rule, finding.effect) == ("HP201", "inconclusive")
    assert "abababababab" in finding.message
    assert finding.fix == "hubpolicy test ./wizard"


@pytest.mark.parametrize(
    ("differing", "shown"),
    [
        ((), "last evidence is for closure cdcdcdcdcdcd"),
        (("w.onnx",), "(1 files differ: w.onnx)"),
        (("a", "b", "c", "d"), "(4 files differ: a, b, c, ...)"),
    ],
)
def test_evidence_for_other_bytes_is_named(differing: tuple[str, ...], shown: str) -> None:
    (finding,) = hp201.check("ab" * 32, proven=False, last="cd" * 32, differing=differing)
    assert shown in finding.message
