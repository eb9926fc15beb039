# SPDX-License-Identifier: Apache-2.0
"""What a client has seen of a line of roots, and what it then refuses."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubpolicy.core.memory import (
    MOST_LINES,
    NOTHING,
    Seen,
    Versions,
    advance,
    memory_bytes,
    parse_memory,
    recall,
    require_not_older,
    with_state,
)
from hubpolicy.domain.trust import OlderPolicy
from hubpolicy.errors import ConfigError, HubpolicyError, VerificationError
from tests.golden.samples import ASKING, NOW, STATE, sha

if TYPE_CHECKING:
    from hubpolicy.domain.trust import State

LATER = "2026-11-23T00:00:00Z"
SIX, SEVEN, EIGHT = (OlderPolicy(n, sha(f"policy {n}"), "2027-01-31") for n in (6, 7, 8))
HERE = Versions(2, 7, 12, sha("state 12"), minimum="0.1.0", older=(SIX,),
                policy_sha256=SEVEN.sha256)  # fmt: skip
NEXT = HERE._replace(state=13, state_sha256=sha("state 13"))
LINE = Seen(frozenset({sha("root 1"), sha("root 2")}), HERE, NOW)
RAW = memory_bytes((LINE,))


def test_what_was_kept_comes_back() -> None:
    other = Seen(frozenset({sha("other")}), Versions(1, 1, 1, sha("s")), LATER)
    assert parse_memory(memory_bytes((LINE, other)), where="x") == (LINE, other)
    assert parse_memory(memory_bytes(()), where="x") == ()


def changed(**fields: object) -> bytes:
    value: dict[str, Any] = json.loads(RAW)
    value["lines"][0] |= fields
    return json.dumps(value).encode()


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{}",
        b"[]",
        RAW[:-1],
        RAW.replace(b"memory/1", b"memory/2"),
        changed(rootVersion=0),
        changed(stateVersion="12"),
        changed(stateSha256="x"),
        changed(roots=["x"]),
        changed(since="yesterday"),
        changed(extra=1),
        changed(minimumVersion="any"),
        changed(olderPolicies=[]),
        changed(policySha256="x"),
    ],
)
def test_a_damaged_memory_is_no_empty_one(raw: bytes) -> None:
    with pytest.raises(ConfigError) as raised:
        parse_memory(raw, where="trust-seen.json")
    assert "trust-seen.json" in raised.value.hint


@pytest.mark.parametrize(
    ("here", "said"),
    [
        (HERE, ""),
        (HERE._replace(state=13, state_sha256=sha("state 13")), ""),
        (HERE._replace(root=3, policy=8, state=13, state_sha256=sha("s")), ""),
        (HERE._replace(root=1), "version 1 of the trust root, expected at least 2"),
        (HERE._replace(policy=6), "version 6 of the policy, expected at least 7"),
        (HERE._replace(state=11), "version 11 of the trust state, expected at least 12"),
        (HERE._replace(state_sha256=sha("twin")), "another trust state of version 12"),
        (Versions(3, 6, 99, sha("s")), "version 6 of the policy"),  # newer in all else
        (NEXT, ""),
        (NEXT._replace(minimum="0.2.0", older=()), ""),
        (NEXT._replace(minimum="0.0.9"), "asks for hubpolicy 0.0.9, and 0.1.0 was asked for"),
        (NEXT._replace(minimum=""), "asks for hubpolicy of any version, and 0.1.0 was"),
        (NEXT._replace(older=(SIX._replace(until="2026-12-01"),)), ""),
        (NEXT._replace(older=(SIX._replace(until="2027-02-01"),)), "version 6 count until 2027-02"),
        (NEXT._replace(older=(OlderPolicy(5, sha("5"), "2026-11-23"),)), "lets policy version 5"),
        (NEXT._replace(policy=9, older=(SEVEN, EIGHT)), ""),  # seen was 7; nobody here saw 8
        (
            NEXT._replace(policy=9, older=(SEVEN._replace(sha256=sha("policy 5")),)),
            "lets policy version 7 count",
        ),
        (NEXT._replace(policy=9, older=(SIX._replace(version=8),)), "lets policy version 8"),
        (NEXT._replace(policy=9, older=(SEVEN._replace(version=8),)), "lets policy version 8"),
        (NEXT._replace(policy=9, older=(SEVEN._replace(version=5),)), "lets policy version 5"),
    ],
)
def test_only_what_is_not_older_advances_it(here: Versions, said: str) -> None:
    if not said:
        require_not_older(LINE, here)
        return
    with pytest.raises(VerificationError, match=said):
        advance((LINE,), {sha("root 1")}, here, LATER)


def test_a_line_is_known_by_any_of_its_roots() -> None:
    assert recall((LINE,), {sha("root 2"), sha("root 3")}) == LINE
    assert recall((LINE,), {sha("root 3")}) == NOTHING
    (after,) = advance((LINE,), {sha("root 2"), sha("root 3")}, HERE._replace(root=3), LATER)
    assert after.roots == {sha("root 1"), sha("root 2"), sha("root 3")}


def test_two_lines_that_turn_out_to_be_one_keep_the_highest_of_both() -> None:
    other = Seen(frozenset({sha("root 3")}), Versions(3, 5, 11, sha("state 11")), LATER)
    seen = recall((LINE, other), {sha("root 1"), sha("root 3")})
    assert seen.newest == HERE._replace(root=3)
    (merged,) = advance((LINE, other), seen.roots, HERE._replace(root=3), LATER)
    assert merged.since == NOW


def test_the_highest_least_version_of_two_lines_stays() -> None:
    other = Seen(frozenset({sha("root 3")}), Versions(3, 7, 11, sha("11"), minimum="0.3.0"), LATER)
    for memory in ((LINE, other), (other, LINE)):
        seen = recall(memory, {sha("root 1"), sha("root 3")})
        assert (seen.newest.minimum, seen.newest.older) == ("0.3.0", (SIX,))


@pytest.mark.parametrize(
    ("state", "minimum", "older"),
    [
        (ASKING._replace(policy_version=7), "0.1.0", (SIX,)),
        (ASKING._replace(policy_version=7, minimum_version="0.2.0"), "0.2.0", (SIX,)),
        (ASKING._replace(policy_version=8), "0.1.0", ASKING.older_policies),
        (STATE, "0.1.0", (SIX,)),
        (None, "0.1.0", (SIX,)),
    ],
)
def test_what_is_in_force_counts_as_seen(
    state: State | None, minimum: str, older: tuple[OlderPolicy, ...]
) -> None:
    newest = with_state(LINE, state).newest
    assert (newest.minimum, newest.older) == (minimum, older)
    assert newest.policy == (8 if state is not None and state.policy_version == 8 else 7)
    expected = STATE.policy_sha256 if newest.policy == 8 else SEVEN.sha256
    assert newest.policy_sha256 == expected


def test_a_memory_from_before_digests_of_policies_were_kept() -> None:
    raw = RAW.replace(b',"policySha256":"' + SEVEN.sha256.encode() + b'"', b"")
    raw = raw.replace(b'"policySha256":"' + SEVEN.sha256.encode() + b'",', b"")
    (line,) = parse_memory(raw, where="x")
    assert line == LINE._replace(newest=HERE._replace(policy_sha256=""))
    assert memory_bytes((line,)) == raw
    other = SEVEN._replace(sha256=sha("policy 5"))
    require_not_older(line, NEXT._replace(policy=9, older=(other,)))
    held = with_state(line, ASKING._replace(policy_version=7, policy_sha256=SEVEN.sha256))
    with pytest.raises(VerificationError, match="version 7"):
        require_not_older(held, NEXT._replace(policy=9, minimum="1.0.0", older=(other,)))


def test_since_is_when_that_state_was_first_seen() -> None:
    (same,) = advance((LINE,), LINE.roots, HERE, LATER)
    (newer,) = advance((LINE,), LINE.roots, NEXT, LATER)
    assert (same.since, newer.since) == (NOW, LATER)


@pytest.mark.parametrize(
    ("now", "refused"),
    [
        ("2026-11-21T15:00:00Z", False),
        ("2026-11-21T14:59:59Z", True),
        ("2020-01-01T00:00:00Z", True),
    ],
)
def test_a_clock_that_was_set_back_makes_nothing_fresh(now: str, refused: bool) -> None:
    if not refused:
        assert advance((LINE,), LINE.roots, NEXT, now)[0].newest == NEXT
        return
    with pytest.raises(ConfigError, match="the clock says") as raised:
        advance((LINE,), LINE.roots, NEXT, now)
    assert "set the clock right" in raised.value.hint


def test_it_does_not_grow_for_ever() -> None:
    memory: tuple[Seen, ...] = ()
    for number in range(MOST_LINES + 10):
        memory = advance(memory, {sha(str(number))}, HERE, NOW)
    kept = parse_memory(memory_bytes(memory), where="x")
    assert len(kept) == MOST_LINES
    assert kept[-1].roots == {sha(str(MOST_LINES + 9))}


@given(st.lists(st.tuples(*[st.integers(1, 5)] * 3), max_size=12))
def test_versions_never_go_down(offered: list[tuple[int, int, int]]) -> None:
    memory: tuple[Seen, ...] = ()
    for root, policy, state in offered:
        before = recall(memory, {sha("root")}).newest
        try:
            memory = advance(
                memory, {sha("root")}, Versions(root, policy, state, sha(str(state))), NOW
            )
        except HubpolicyError:
            assert root < before.root or policy < before.policy or state < before.state
        after = recall(memory, {sha("root")}).newest
        assert all(new >= old for new, old in zip(after[:3], before[:3], strict=True))
