# SPDX-License-Identifier: Apache-2.0
"""The history of signatures: each line once, by time, with what stands out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubpolicy.core.signing_history import Signing, history

REPO = "pkg:huggingface/acme/tern?repo_type=model"
ADA, ADA_2, BOB = "a" * 64, "b" * 64, "c" * 64
V1, V2, UNKNOWN = ("acme/p", 1, "1" * 64), ("acme/p", 2, "2" * 64), ("", 0, "9" * 64)
MAIN = "refs/heads/main"
KEY_2 = "another key of ada: bbbb…bb, aaaa…aa before (time self-declared)"


def line(
    month: int,
    *,
    who: str = "ada",
    key: str = ADA,
    policy: tuple[str, int, str] = V1,
    target: str = REPO,
    payload: str = "",
    **other: str,
) -> Signing:
    """A release of that month of 2026, with bytes of its own."""
    time = f"2026-{month:02}-01T00:00:00Z"
    own = f"{month:02}" * 32
    return Signing(
        payload or own, key, who, "releaser", time, other.get("declares", time),
        other.get("proof", ""), policy, other.get("dir_hash", own), target,
    )  # fmt: skip


def remarks(*lines: Signing) -> list[str]:
    return [each.remark for each in history(((MAIN, each) for each in lines), REPO)]


def test_a_line_that_many_refs_show_is_one_line() -> None:
    met = [(MAIN, line(1)), ("refs/tags/v1", line(1)), ("", line(1)), (MAIN, line(1))]
    (signed,) = history(met, REPO)
    assert signed.refs == (MAIN, "refs/tags/v1")
    (gone,) = history([("", line(1))], REPO)
    assert gone.refs == ()


def test_two_keys_under_one_payload_are_two_lines() -> None:
    """Two releasers may sign the very same sentence."""
    both = remarks(line(1, payload="f" * 64), line(1, who="bob", key=BOB, payload="f" * 64))
    assert both == [
        "first of 2 keys: ada, aaaa…aa (time self-declared)",
        "new signer bob (time self-declared)",
    ]


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ((line(1), line(2)), ""),
        ((line(1), line(2, key=ADA_2)),
         KEY_2),
        ((line(1), line(2, who="bob", key=BOB)), "new signer bob (time self-declared)"),
        ((line(1), line(2, who="bob", key=BOB, proof="acme time")), "new signer bob"),
        ((line(1), line(2, who="bob", key=BOB), line(3)), "another signer than before: bob"),
        ((line(1), line(2, policy=V2)), "another policy: version 2, 1 before"),
        ((line(1, policy=V2), line(2)), "an older policy: version 1, 2 before"),
        ((line(1), line(2, policy=UNKNOWN)), "another policy: 9999…99, 1111…11 before"),
        ((line(1), line(2, target="pkg:x")), "made for pkg:x"),
        ((line(1), line(2, target="pkg:x", who="bob", key=BOB), line(3)), ""),
        ((line(6, proof="acme time", declares="2020-01-01T00:00:00Z"),),
         "declares 2020-01-01T00:00:00Z, which nobody proves"),
        ((line(6, proof="acme time", declares="2026-05-31T23:59:00Z"),), ""),
        ((line(1), line(2, key=ADA_2, policy=V2)),
         KEY_2 + "; another policy: version 2, 1 before"),
    ],
)  # fmt: skip
def test_what_stands_out(lines: tuple[Signing, ...], said: str) -> None:
    assert remarks(*lines)[-1] == said


def test_releasers_who_sign_the_same_bytes_side_by_side_do_not_stand_out() -> None:
    bytes_1, bytes_2 = "1" * 64, "2" * 64
    said = remarks(
        line(1, dir_hash=bytes_1),
        line(2, who="bob", key=BOB, dir_hash=bytes_1),
        line(3, dir_hash=bytes_2),
        line(4, who="bob", key=BOB, dir_hash=bytes_2),
    )
    assert said == [
        "first of 2 keys: ada, aaaa…aa (time self-declared)",
        "new signer bob (time self-declared)",
        "another signer than before: bob",
        "",
    ]


@pytest.mark.parametrize(("who", "key"), [("ada", ADA_2), ("mallory", BOB)])
def test_who_dates_a_line_back_does_not_stand_first_without_a_remark(who: str, key: str) -> None:
    """A key that somebody got today, and a line of before the first honest one."""
    said = remarks(line(1, who=who, key=key), line(2), line(3))
    assert said[0].startswith(f"first of 2 keys: {who}, {key[:4]}")
    assert "(time self-declared)" in said[0]
    assert "(time self-declared)" in said[1]
    assert said[2] == ""
    proven = remarks(line(1, who=who, key=key), line(2, proof="acme time"))
    assert ["self-declared" in each for each in proven] == [True, False]


def test_a_single_key_has_nothing_to_stand_out_from() -> None:
    assert remarks(line(1), line(2), line(3, who="bob", key=BOB, target="pkg:x"))[:2] == ["", ""]


def test_the_policy_is_known_if_any_commit_that_carries_the_line_has_it() -> None:
    known = V1
    unknown = ("", 0, V1[2])
    for met in ([unknown, known], [known, unknown]):
        (signed,) = history([(MAIN, line(1, policy=policy)) for policy in met], REPO)
        assert signed.signing.policy == known


@given(st.permutations([line(n, key=(ADA, ADA_2)[n % 2]) for n in range(1, 7)]))
def test_the_order_in_which_they_were_met_does_not_matter(lines: list[Signing]) -> None:
    found = history(((MAIN, each) for each in lines), REPO)
    assert [each.signing for each in found] == sorted(lines, key=lambda each: each.time)
    assert [bool(each.remark) for each in found] == [True] * 6
