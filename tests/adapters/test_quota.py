# SPDX-License-Identifier: Apache-2.0
"""A hub says how much is left, and nobody is made to say no."""

from __future__ import annotations

import pytest
from huggingface_hub import get_session

from hubpolicy.adapters import hub_http
from hubpolicy.adapters.deadline import Deadline, keeping
from hubpolicy.adapters.quota import LONGEST_WAIT, Quota, kind_of
from hubpolicy.errors import ServiceError

HOST = "hub.example.org"


class Time:
    """A clock that sleeping moves."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def told(left: int, seconds: int, quota: int = 500) -> dict[str, str]:
    return {
        "RateLimit": f'"api";r={left};t={seconds}',
        "RateLimit-Policy": f'"fixed window";"api";q={quota};w=300',
    }


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def quota(time: Time) -> Quota:
    return Quota(time.clock, time.sleep)


def test_nothing_is_waited_for_while_something_is_left(quota: Quota, time: Time) -> None:
    quota.take(HOST, "api")
    quota.note(HOST, told(2, 60))
    quota.take(HOST, "api")
    quota.take(HOST, "api")
    assert time.slept == []
    quota.take(HOST, "api")
    assert time.slept == [60.0]


def test_requests_under_way_count(quota: Quota, time: Time) -> None:
    quota.note(HOST, told(3, 60))
    quota.take(HOST, "api")
    quota.note(HOST, told(3, 60))  # an answer that was made before
    quota.take(HOST, "api")
    quota.take(HOST, "api")
    quota.take(HOST, "api")
    assert time.slept == [60.0]


def test_a_window_that_ended_counts_no_more(quota: Quota, time: Time) -> None:
    quota.note(HOST, told(0, 60))
    time.now += 61
    quota.take(HOST, "api")
    quota.note(HOST, told(499, 300))
    quota.take(HOST, "api")
    assert time.slept == []
    assert quota.told() == "498 of 500 api requests left"


def test_hosts_and_kinds_have_quotas_of_their_own(quota: Quota, time: Time) -> None:
    quota.note(HOST, told(0, 60))
    quota.take("other.example.org", "api")
    quota.take(HOST, "resolvers")
    assert time.slept == []


def test_nobody_is_believed_who_asks_for_a_day(quota: Quota, time: Time) -> None:
    quota.note(HOST, told(0, 86400))
    quota.take(HOST, "api")
    assert time.slept == [LONGEST_WAIT]


@pytest.mark.parametrize("headers", [{}, {"RateLimit": "nonsense"}, {"RateLimit": '"api";r=x;t=1'}])
def test_who_says_nothing_is_not_waited_for(
    quota: Quota, time: Time, headers: dict[str, str]
) -> None:
    quota.note(HOST, headers)
    quota.take(HOST, "api")
    assert (time.slept, quota.told()) == ([], "")


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/api/models/acme/tern", "api"),
        ("/acme/tern/resolve/main/README.md", "resolvers"),
        ("/acme/tern", "pages"),
    ],
)
def test_what_a_request_counts_against(path: str, kind: str) -> None:
    assert kind_of(path) == kind


def test_nothing_is_asked_after_a_wait_that_took_all_the_time_there_was(
    time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    deadline = Deadline(60)
    quota = Quota(time.clock, lambda _: deadline.end())
    quota.note("127.0.0.1:9", told(0, 60))
    monkeypatch.setattr(hub_http, "QUOTA", quota)
    hub_http.install_session()
    with keeping(deadline), pytest.raises(ServiceError, match="in time"):
        get_session().get("http://127.0.0.1:9/api/models")
