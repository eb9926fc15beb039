# SPDX-License-Identifier: Apache-2.0
"""What a state asks besides revocations, and that it never asks for less."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubpolicy import __version__
from hubpolicy.core.documents import parse_state, state_payload
from hubpolicy.core.judge import judge
from hubpolicy.core.state_terms import (
    MOST_OLDER,
    counts,
    ended,
    higher,
    is_before,
    is_version,
    joined,
    loosened,
    require_day,
    require_version,
    revived,
    succeeded,
)
from hubpolicy.domain.trust import OlderPolicy, State
from hubpolicy.errors import ConfigError
from tests.golden.samples import ASKING, NOW, STATE, TRUST, sha
from tests.unit.core.release_world import POLICY, release

FIVE, SIX = ASKING.older_policies
SEVEN = OlderPolicy(7, STATE.policy_sha256, "2027-06-30")
NONE: frozenset[str] = frozenset()


def test_a_last_day_needs_a_policy_that_can_end() -> None:
    require_day("2026-12-01", POLICY, NOW)
    with pytest.raises(ConfigError, match="no policy is published yet"):
        require_day("2026-12-01", None, NOW)
    for day in ("soon", "2026-11-21", "2099-01-01"):
        with pytest.raises(ConfigError, match="expected a day from 2026-11-22 to 2027-06-30"):
            require_day(day, POLICY, NOW)


# Documents -----------------------------------------------------------------------------------


def test_values_come_back_and_absent_ones_are_not_written() -> None:
    assert parse_state(state_payload(ASKING)) == ASKING
    plain = json.loads(state_payload(STATE))
    assert {"minimumVersion", "olderPolicies"}.isdisjoint(plain)
    assert parse_state(json.dumps(plain).encode()) == STATE


def older(version: int = 6, **fields: Any) -> dict[str, Any]:
    digest = {"sha256": sha(f"policy {version}")}
    return {"version": version, "digest": digest, "until": "2027-01-31", **fields}


NO_VERSIONS: list[Any] = [
    "", "1", "1.2", "1.2.3.4", "v1.2.3", "1.2.3rc1", "01.2.3", "1.2.-3", "1.2.3 ", "1.2.٣",
    "1.2.3\n", "1000000.0.0", None, 1, ["1.2.3"],
]  # fmt: skip
NO_LISTS: list[Any] = [
    [],
    None,
    {},
    "x",
    [None],
    [older(7)],  # the newest is not older
    [older(8)],
    [older(0)],
    [older(6), older(5)],
    [older(6), older(6)],
    [older(5), older(6, digest={"sha256": sha("policy 5")})],  # one policy twice
    [older(6, digest={"sha256": STATE.policy_sha256})],  # the newest as an older one
    [older(until="2027-01-31T00:00:00Z")],
    [older(until="2027-02-30")],
    [older(until="")],
    [older(digest={"sha256": sha("x").upper()})],
    [older(digest={"sha256": sha("x"), "sha1": "0" * 40})],
    [older(more=1)],
    [{"version": 6, "until": "2027-01-31"}],
]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("minimumVersion", value) for value in NO_VERSIONS),
        *(("olderPolicies", value) for value in NO_LISTS),
    ],
)
def test_what_is_not_exactly_that_is_refused(name: str, value: Any) -> None:
    raw = json.dumps(json.loads(state_payload(STATE)) | {name: value}).encode()
    with pytest.raises(ConfigError, match=f"{name}|expected"):
        parse_state(raw)


def test_a_state_names_only_so_many_older_policies() -> None:
    def naming(count: int) -> State:
        items = tuple(OlderPolicy(n, sha(str(n)), "2027-01-31") for n in range(1, count + 1))
        return STATE._replace(policy_version=1000, older_policies=items)

    assert len(parse_state(state_payload(naming(MOST_OLDER))).older_policies) == MOST_OLDER
    with pytest.raises(ConfigError, match=f"1 to {MOST_OLDER}"):
        state_payload(naming(MOST_OLDER + 1))


# Versions ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("own", "minimum", "older_than"),
    [
        ("1.2.3", "1.2.3", False),
        ("1.2.3", "1.2.2", False),
        ("1.10.0", "1.9.9", False),
        ("2.0.0", "1.99.99", False),
        ("1.2.3", "1.2.4", True),
        ("1.9.9", "1.10.0", True),
        ("1.2.3rc1", "1.2.3", True),
        ("1.2.3a1", "1.2.3", True),
        ("1.2.3.dev4", "1.2.3", True),
        ("1.2.4rc1", "1.2.3", False),
        ("1.2.3.post1", "1.2.3", False),
        ("1.2.3+acme.1", "1.2.3", False),
        ("1.2", "0.0.0", True),  # what cannot be read is older than all
        ("1.2.3-beta", "0.0.0", True),
        ("unknown", "0.0.0", True),
        ("", "0.0.0", True),
    ],
)
def test_order_of_versions(own: str, minimum: str, older_than: bool) -> None:
    assert is_before(own, minimum) is older_than
    state = STATE._replace(minimum_version=minimum)
    if not older_than:
        require_version(state, own)
        return
    with pytest.raises(ConfigError) as caught:
        require_version(state, own)
    assert f"this is hubpolicy {own}, and trust state 3 asks for {minimum}" in caught.value.message
    assert caught.value.hint == f"pip install --upgrade 'hubpolicy>={minimum}'"


def test_without_a_least_version_any_will_do() -> None:
    require_version(STATE, "unknown")
    assert not is_before(__version__, "0.0.0")  # our own is one that can be read


VERSIONS = st.tuples(*[st.integers(0, 12)] * 3)


@given(VERSIONS, VERSIONS)
def test_versions_are_ordered_as_their_numbers(
    one: tuple[int, ...], other: tuple[int, ...]
) -> None:
    a, b = (".".join(map(str, numbers)) for numbers in (one, other))
    assert is_version(a)
    assert is_before(a, b) == (one < other)
    assert higher(a, b) == (a if one > other else b)
    assert higher("", a) == higher(a, "") == a


@pytest.mark.parametrize(
    ("minimum", "judged"), [("", True), (__version__, True), ("99.0.0", False)]
)
def test_an_older_hubpolicy_judges_nothing(minimum: str, judged: bool) -> None:
    asked = TRUST._replace(state=STATE._replace(minimum_version=minimum))
    evidence = release()._replace(trust=asked)
    if judged:
        assert judge(evidence).verdict == "passed"
        return
    with pytest.raises(ConfigError, match=f"this is hubpolicy {__version__}.* asks for 99"):
        judge(evidence)


# Older policies ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "counting"),
    [
        ("2026-11-30T00:00:00Z", True),
        ("2026-11-30T23:59:59Z", True),  # to the end of its day
        ("2026-12-01T00:00:00Z", False),
        ("2026-12-01", False),
    ],
)
def test_an_older_policy_counts_to_the_end_of_its_day(now: str, counting: bool) -> None:
    assert counts(FIVE, now) is counting
    kept = succeeded(ASKING.older_policies, SEVEN.version, SEVEN.sha256, "", now)
    assert (FIVE in kept) is counting


def test_the_next_policy_leaves_the_one_before_its_time() -> None:
    def then(older: tuple[OlderPolicy, ...], until: str, now: str = NOW) -> tuple[OlderPolicy, ...]:
        return succeeded(older, SEVEN.version, SEVEN.sha256, until, now)

    assert then((), "") == ()
    assert then((), SEVEN.until) == (SEVEN,)
    assert then((FIVE, SIX), SEVEN.until) == (FIVE, SIX, SEVEN)
    assert then((FIVE, SIX), SEVEN.until, "2026-12-24T00:00:00Z") == (SIX, SEVEN)
    assert then((SIX, SEVEN._replace(until="2027-02-01")), SEVEN.until) == (SIX, SEVEN)
    assert then((SIX, SEVEN), "") == (SIX,)


@pytest.mark.parametrize(
    ("until", "left"),
    [
        ("2027-12-31", (FIVE, SIX)),  # never longer
        ("2026-12-31", (FIVE, SIX._replace(until="2026-12-31"))),
        ("2026-11-22", (FIVE._replace(until="2026-11-22"), SIX._replace(until="2026-11-22"))),
        ("2026-11-21", ()),
    ],
)
def test_older_policies_can_be_ended_earlier(until: str, left: tuple[OlderPolicy, ...]) -> None:
    assert ended(ASKING, until, NOW) == left


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, ()),
        ({"minimum_version": "0.2.0"}, ()),
        ({"minimum_version": "0.0.9"}, ("got 0.0.9", "expected 0.1.0 or later")),
        ({"minimum_version": ""}, ("got none", "expected 0.1.0 or later")),
        ({"older_policies": ()}, ()),
        ({"older_policies": (SIX,)}, ()),
        ({"older_policies": (SIX._replace(until="2026-12-01"),)}, ()),
        ({"older_policies": (SIX._replace(until="2027-02-01"),)}, ("version 6", "2027-02-01")),
        ({"older_policies": (SIX._replace(sha256=sha("x")),)}, ("version 6",)),
        ({"older_policies": (SIX._replace(version=4),)}, ("version 4",)),
        ({"older_policies": (OlderPolicy(4, sha("4"), "2026-11-23"), SIX)}, ("version 4",)),
        ({"policy_version": 8, "older_policies": (SIX, SEVEN)}, ()),
        (
            {"policy_version": 8, "older_policies": (SEVEN._replace(sha256=sha("x")),)},
            (f"got older policy {sha('x')} as version 7",),
        ),
        (
            {"policy_version": 9, "older_policies": (OlderPolicy(8, sha("8"), "2027-01-01"),)},
            ("as version 8",),
        ),
    ],
)
def test_a_state_that_follows_asks_for_no_less(
    changes: dict[str, Any], said: tuple[str, ...]
) -> None:
    after = ASKING._replace(policy_sha256=sha("after"))._replace(**changes)
    found = tuple(loosened(ASKING, after))
    assert len(found) == bool(said)
    assert all(word in found[0] for word in said)


DAYS = st.sampled_from(["2026-11-01", "2026-11-23", "2027-01-01", "2027-05-05"])
LISTS = st.dictionaries(st.integers(1, 9), DAYS).map(
    lambda found: tuple(OlderPolicy(n, sha(str(n)), found[n]) for n in sorted(found))
)
STATES = st.builds(
    lambda version, minimum, listed, keys: State(
        3, "2026-11-29T00:00:00Z", version, sha(str(version)), keys, NONE, NONE, minimum,
        tuple(older for older in listed if older.version < version),
    ),
    st.integers(1, 10), st.sampled_from(["", "0.1.0", "0.2.0"]), LISTS,
    st.frozensets(st.sampled_from([sha("a"), sha("b")])),
)  # fmt: skip


@given(STATES, STATES)
def test_what_was_prepared_goes_on_from_anything_that_was_published(
    waiting: State, published: State
) -> None:
    """Whatever two copies of a folder did: the result is a state, and takes nothing back."""
    made = joined(waiting, published)
    assert parse_state(state_payload(made)) == made
    assert list(loosened(published, made)) == []
    assert made.revoked_keys >= waiting.revoked_keys | published.revoked_keys
    assert made.policy_version == max(waiting.policy_version, published.policy_version)
    assert joined(made, published) == made
    assert joined(waiting, None) == waiting


@given(STATES, STATES, STATES)
def test_whoever_missed_a_state_is_not_refused_what_each_step_allowed(
    first: State, second: State, third: State
) -> None:
    """States that follow one another also follow for a client that skipped the one between."""
    second = joined(second, first)
    third = joined(third, second)
    assert revived(first.policy_version, first.older_policies, third.older_policies) == ()
    assert higher(first.minimum_version, third.minimum_version) == third.minimum_version
