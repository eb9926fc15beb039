# SPDX-License-Identifier: Apache-2.0
"""Foreign text in messages: printable, short, on one line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubpolicy.core.card.text import clean, quoted


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("  a\r\n\tb  ", "a b"),
        ("\x1b[31mred", "\ufffd[31mred"),
        ("\u202eabc", "\ufffdabc"),
        ("a\x00b\x9bc", "a\ufffdb\ufffdc"),
        ("a\u2028b\x85c", "a b c"),
        ("\ud800", "\ufffd"),
        ("é漢🏔", "é漢🏔"),
        ("x" * 90, "x" * 79 + "…"),
    ],
)
def test_clean(text: str, shown: str) -> None:
    assert clean(text) == shown


@given(st.text(), st.integers(1, 50))
def test_nothing_unprintable_and_nothing_long_passes(text: str, limit: int) -> None:
    shown = clean(text, limit)
    assert shown.isprintable()
    assert len(shown) <= limit


def test_quotes_cannot_be_closed_from_inside() -> None:
    assert quoted("a`b``c") == "`a'b''c`"
