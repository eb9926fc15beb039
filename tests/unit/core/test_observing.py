# SPDX-License-Identifier: Apache-2.0
"""When what did not pass may go all the same: from the signing to a day, and never for ever."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubpolicy.core.observing import MOST_DAYS, observed_until, only_observed, require_end
from hubpolicy.core.policy import parse_policy, policy_payload
from hubpolicy.core.strictjson import canonical
from hubpolicy.core.times import seconds
from hubpolicy.domain.finding import Finding, Severity
from hubpolicy.errors import ConfigError
from tests.unit.core.release_world import POLICY

if TYPE_CHECKING:
    from hubpolicy.domain.policy import Policy

UNTIL = "2027-01-31"
OBSERVING = POLICY._replace(mode="observe", observe_until=UNTIL)


def finding(rule: str) -> Finding:
    return Finding(rule, Severity.ERROR, "wrong")


@pytest.mark.parametrize(
    ("now", "observes"),
    [
        ("2026-11-01T23:59:59Z", False),  # 91 days: nobody may sign that far ahead
        ("2026-11-02T00:00:00Z", True),
        ("2026-12-24T18:00:00Z", True),
        ("2027-01-31T23:59:59Z", True),
        ("2027-02-01T00:00:00Z", False),
        ("2031-01-01T00:00:00Z", False),
        ("2020-01-01T00:00:00Z", False),  # a clock that was set back
    ],
)
def test_it_observes_to_the_end_of_its_last_day_and_at_most_ninety(
    now: str, *, observes: bool
) -> None:
    assert observed_until(OBSERVING, now) == (UNTIL if observes else "")
    if observes:
        require_end(OBSERVING, now)
    else:
        with pytest.raises(ConfigError, match="observe_until = 2027-01-31"):
            require_end(OBSERVING, now)


def test_a_policy_that_enforces_observes_never() -> None:
    now = "2026-12-24T18:00:00Z"
    assert observed_until(POLICY, now) == ""
    assert observed_until(POLICY._replace(observe_until=UNTIL), now) == ""
    require_end(POLICY, now)


@given(day=st.integers(0, 40_000))
def test_it_ends_within_ninety_days_of_any_clock(day: int) -> None:
    now = (datetime(1990, 1, 1, tzinfo=UTC) + timedelta(days=day)).strftime("%Y-%m-%dT%H:%M:%SZ")
    left = (seconds(UNTIL) - seconds(now[:10])) // 86400
    assert bool(observed_until(OBSERVING, now)) == (0 <= left <= MOST_DAYS)


@pytest.mark.parametrize(
    ("rules", "observes"),
    [(("HP201", "HP301", "HP330"), True), (("HP601",), True), (("HP330", "HP703"), False)],
)
def test_what_was_revoked_blocks_in_any_mode(rules: tuple[str, ...], *, observes: bool) -> None:
    found = [finding(rule) for rule in rules]
    assert bool(only_observed(OBSERVING, "2026-12-24T18:00:00Z", found)) == observes


class TestTheDocument:
    def test_it_says_when_it_ends_and_comes_back_the_same(self) -> None:
        payload = canonical(policy_payload(OBSERVING))
        assert parse_policy(payload).observe_until == UNTIL
        assert canonical(policy_payload(parse_policy(payload))) == payload
        assert b"observeUntil" not in canonical(policy_payload(POLICY))

    @pytest.mark.parametrize(
        "policy",
        [
            POLICY._replace(mode="observe"),
            POLICY._replace(observe_until=UNTIL),
            OBSERVING._replace(observe_until="2027-02-30"),
            OBSERVING._replace(observe_until="2027-01-31T00:00:00Z"),
            OBSERVING._replace(observe_until="never"),
        ],
    )
    def test_without_an_end_or_with_one_for_nothing_it_is_no_policy(self, policy: Policy) -> None:
        with pytest.raises(ConfigError, match="observeUntil"):
            parse_policy(canonical(policy_payload(policy)))
