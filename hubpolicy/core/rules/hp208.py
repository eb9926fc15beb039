# SPDX-License-Identifier: Apache-2.0
"""HP208: the evidence was old when these weights were first released."""

from __future__ import annotations

from hubpolicy.core import times
from hubpolicy.domain.finding import Finding, Severity

ID = "HP208"
TITLE = "the toxicity test was fresh when these weights were first released"
SEVERITY = Severity.ERROR

_WHAT = "the toxicity test is too old or misdated"

_DAY = 86400
_SKEW = 300


def check(finished_on: str, released_on: str, max_age_days: int) -> tuple[Finding, ...]:
    """A finding if more than ``max_age_days`` lie between, or the run ends after the release.

    Both are dates or instants (UTC). ``released_on`` is when the closure was first released, or
    now if it never was. Five minutes of clock difference are forgiven.
    """
    try:
        age = _end(released_on) - times.seconds(finished_on)
    except ValueError as error:
        return (_finding(str(error)),)
    if age < -_SKEW:
        return (_finding(f"got a run that ended at {finished_on}, which is after {released_on}"),)
    if age > max_age_days * _DAY:
        days = age // _DAY
        return (_finding(f"got a run {days} days old, expected at most {max_age_days} days"),)
    return ()


def _end(moment: str) -> int:
    return times.seconds(moment) + (_DAY - 1 if times.is_date(moment) else 0)


def _finding(reason: str) -> Finding:
    fix = "hubpolicy test PATH"
    return Finding(ID, SEVERITY, f"{_WHAT}: {reason}", fix=fix, effect="inconclusive")
