# SPDX-License-Identifier: Apache-2.0
"""HP104: every value means the same to every reader."""

from __future__ import annotations

import pytest

from tests.unit.core.card.cards import found, judge, with_metadata


@pytest.mark.parametrize(
    ("language", "column", "fix"),
    [("no", 11, '"no"'), ("[en, no]", 16, '"no"'), ("\n- en\n- no", 3, '"no"')],
)
def test_norwegian_is_no_boolean(language: str, column: int, fix: str) -> None:
    check = judge(with_metadata(language=language))
    (finding,) = check.findings
    assert finding.rule == "HP104"
    assert finding.location is not None
    assert finding.location.column == column
    assert finding.fix == f"quote it: {fix}"


@pytest.mark.parametrize(
    "value", ["off", "y", "012", "1:30", "2026-01-01", "1e5", "1_000", ".inf", "9" * 20, "="]
)
def test_ambiguous_values_are_errors_wherever_they_stand(value: str) -> None:
    assert len(found(with_metadata(any__key=value), "HP104")) == 1
    assert len(found(with_metadata(any__key=f"[{{a: {value}}}]"), "HP104")) == 1
    assert len(found(with_metadata(any__key=f"{{{value}: a}}"), "HP104")) == 1


@pytest.mark.parametrize(
    "value",
    ['"no"', "'012'", '"2026-01-01"', "12", "0.5", "true", "null", "v1.0", "nothing", "|\n  no"],
)
def test_values_that_all_readers_take_alike_pass(value: str) -> None:
    assert "HP104" in judge(with_metadata(any__key=value)).passed


def test_hostile_values_are_shown_cleaned() -> None:
    (line,) = found(with_metadata(any__key="[a\u200b?]"), "HP104")
    assert "`a\ufffd?`" in line
