# SPDX-License-Identifier: Apache-2.0
"""The formats that card schemas may ask for."""

from __future__ import annotations

import pytest

from hubpolicy.core.card.formats import format_checker, is_date, is_email, is_uri


@pytest.mark.parametrize(
    ("value", "fits"),
    [
        ("https://example.org/a?b=c#d", True),
        ("urn:hubpolicy:x", True),
        ("example.org", False),
        ("https://a b", False),
        ("", False),
        (3, True),
    ],
)
def test_uri(value: object, fits: bool) -> None:
    assert is_uri(value) is fits


@pytest.mark.parametrize(
    ("value", "fits"),
    [
        ("a@b.org", True),
        ("a.b+c@d-e.co.uk", True),
        ("a@b", False),
        ("a b@c.org", False),
        (None, True),
    ],
)
def test_email(value: object, fits: bool) -> None:
    assert is_email(value) is fits


@pytest.mark.parametrize(
    ("value", "fits"),
    [
        ("2026-02-28", True),
        ("2026-02-30", False),
        ("20260228", False),
        ("2026-2-8", False),
        (1, True),
    ],
)
def test_date(value: object, fits: bool) -> None:
    assert is_date(value) is fits


def test_the_checker_knows_these_and_no_other() -> None:
    assert set(format_checker().checkers) == {"uri", "email", "date"}
