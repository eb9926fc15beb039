# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubpolicy.core import times


@given(st.datetimes(dt.datetime(1, 1, 1), dt.datetime(9999, 12, 31, 23, 59, 59)))  # noqa: DTZ001
def test_seconds_agree_with_datetime(moment: dt.datetime) -> None:
    moment = moment.replace(microsecond=0, tzinfo=dt.UTC)
    epoch = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    text = moment.isoformat().replace("+00:00", "Z")
    assert times.is_instant(text)
    assert times.seconds(text) == (moment - epoch).total_seconds()
    day = moment.replace(hour=0, minute=0, second=0)
    assert times.seconds(text[:10]) == (day - epoch).total_seconds()


@pytest.mark.parametrize(
    "text",
    [
        "2026-02-29",
        "1900-02-29",
        "2026-13-01",
        "2026-00-10",
        "2026-04-31",
        "2026-1-1",
        "0000-01-01",
        "2026-01-01T00:00:00",
        "2026-01-01T00:00:00+00:00",
        "2026-01-01T24:00:00Z",
        "2026-01-01T00:60:00Z",
        "2026-06-30T23:59:60Z",
        "2026-01-01 00:00:00Z",
        "2026-01-01T00:00:00.5Z",
        "2026-01-01\n",
        "٢٠٢٦-01-01",
        "",
    ],
)
def test_refuses_other_forms(text: str) -> None:
    assert not times.is_date(text)
    assert not times.is_instant(text)
    with pytest.raises(ValueError, match="expected"):
        times.seconds(text)


def test_leap_days() -> None:
    assert times.is_date("2024-02-29")
    assert times.is_date("2000-02-29")
