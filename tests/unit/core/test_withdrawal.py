# SPDX-License-Identifier: Apache-2.0
"""The record of a withdrawal: the same after it was kept, and no other document is one."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubpolicy.core.withdrawal import (
    Holder,
    Holders,
    ReleaseSeen,
    Step,
    Weight,
    Withdrawal,
    parse_withdrawal,
    same_files,
    steps_bytes,
    weight_of,
    withdrawal_bytes,
)
from hubpolicy.domain.manifest import ListedFile
from hubpolicy.domain.release import RepoId
from hubpolicy.errors import ConfigError, MalformedError

if TYPE_CHECKING:
    from collections.abc import Callable

A, B, C = "a" * 64, "b" * 64, "c" * 64
BLOB, OTHER = "1" * 40, "2" * 40
RECORD = Withdrawal(
    repo=RepoId("acme", "m"),
    revision="v1",
    oid="f" * 40,
    asked="2026-11-22T15:00:00Z",
    reason="toxic",
    refs=(("refs/heads/main", "f" * 40),),
    files=(ListedFile("m.onnx", 7, A, None), ListedFile("README.md", 5, None, BLOB)),
    weights=(Weight("m.onnx", 7, A), Weight("empty.bin", 0, B), Weight("s.bin", 3, C, BLOB)),
    releases=(ReleaseSeen(B, "ada", "2026-11-20T00:00:00Z"),),
)


def test_it_comes_back_as_it_was_kept() -> None:
    assert parse_withdrawal(withdrawal_bytes(RECORD), where="it") == RECORD
    bare = RECORD._replace(oid="", refs=(), files=(), weights=(), releases=())
    assert parse_withdrawal(withdrawal_bytes(bare), where="it") == bare


@given(path=st.text(st.characters(codec=None), min_size=1, max_size=40))
def test_whatever_a_hub_calls_its_files(path: str) -> None:
    record = RECORD._replace(files=(ListedFile(path, 1, A, None),), weights=(Weight(path, 1, A),))
    kept = parse_withdrawal(withdrawal_bytes(record), where="it")
    assert kept.revoked_files == {A}
    assert kept.files[0].path == path.encode("utf-8", "backslashreplace").decode()


def test_an_empty_file_is_nobodys_weights() -> None:
    """Its digest is that of every empty file: revoking it would refuse whoever has one."""
    assert RECORD.revoked_files == {A, C}
    assert RECORD.revoked_payloads == {B}
    listed = (ListedFile("x", 0, B, None), ListedFile("y", 0, None, "e" * 40))
    assert same_files(RECORD.weights, listed) == ()


@pytest.mark.parametrize(
    ("other", "covered"),
    [
        (RECORD._replace(reason="other", revision="v2", refs=()), True),
        (RECORD._replace(releases=()), True),
        (RECORD._replace(releases=(*RECORD.releases, ReleaseSeen(C, "bob", RECORD.asked))), False),
        (RECORD._replace(weights=RECORD.weights[:1]), False),
        (RECORD._replace(weights=(*RECORD.weights, Weight("more", 1, "e" * 64))), False),
    ],
)
def test_one_withdrawal_stands_for_another_if_it_revokes_no_less(
    other: Withdrawal, *, covered: bool
) -> None:
    assert RECORD.covers(other) is covered


def test_its_digest_is_that_of_what_is_revoked_and_of_nothing_else() -> None:
    same = RECORD._replace(reason="other", oid="", weights=RECORD.weights[::-1])
    assert same.digest == RECORD.digest
    assert RECORD.digest == hashlib.sha256(f'[["{A}","{C}"],["{B}"]]'.encode()).hexdigest()
    assert RECORD._replace(releases=()).digest != RECORD.digest
    assert RECORD._replace(weights=RECORD.weights[:1]).digest != RECORD.digest


@pytest.mark.parametrize(
    ("file", "same"),
    [
        (ListedFile("other name", 7, A, None), True),
        (ListedFile("by blob", 3, None, BLOB), True),
        (ListedFile("by lfs", 3, C, None), True),
        (ListedFile("m.onnx", 7, "d" * 64, None), False),
        (ListedFile("s.bin", 3, None, OTHER), False),
        (ListedFile("neither", 3, None, None), False),
    ],
)
def test_files_are_the_same_by_content_whatever_they_are_called(
    file: ListedFile, *, same: bool
) -> None:
    assert same_files(RECORD.weights, (file,)) == ((file.path,) if same else ())


def test_where_a_listing_gives_no_sha256_it_is_the_contents_or_a_signed_one() -> None:
    small = ListedFile("s.bin", 3, None, BLOB)
    assert weight_of(small, b"abc", {}).sha256 == hashlib.sha256(b"abc").hexdigest()
    assert weight_of(small, None, {BLOB: C}) == Weight("s.bin", 3, C, BLOB)
    assert weight_of(ListedFile("m", 7, A, None), b"abc", {BLOB: C}) == Weight("m", 7, A)
    assert weight_of(ListedFile("m", 7, A, None), None, {BLOB: A}) == Weight("m", 7, A, BLOB)
    with pytest.raises(MalformedError, match=r"no sha256 for s\.bin"):
        weight_of(small, None, {OTHER: C})


FIRST: Callable[[dict[str, Any], str], dict[str, Any]] = lambda v, key: v[key][0]  # noqa: E731


@pytest.mark.parametrize(
    "change",
    [
        lambda v: v.update(schema="hubpolicy/withdrawal/2"),
        lambda v: v.update(repo="acme/m"),
        lambda v: v.update(reason=" "),
        lambda v: v.update(asked="yesterday"),
        lambda v: v.update(more=1),
        lambda v: v.pop("weights"),
        lambda v: FIRST(v, "weights").update(sha256="A" * 64),
        lambda v: FIRST(v, "weights").update(size=-1),
        lambda v: FIRST(v, "weights").update(more=1),
        lambda v: FIRST(v, "files").update(sha256="a" * 63),
        lambda v: FIRST(v, "files").update(gitBlob="main"),
        lambda v: FIRST(v, "files").pop("path"),
        lambda v: FIRST(v, "releases").update(payload=""),
        lambda v: FIRST(v, "releases").update(time="2026-11-22"),
        lambda v: FIRST(v, "refs").pop("oid"),
    ],
)
def test_what_is_no_record(change: Callable[[dict[str, Any]], object]) -> None:
    value = json.loads(withdrawal_bytes(RECORD))
    change(value)
    with pytest.raises(ConfigError, match="the record") as raised:
        parse_withdrawal(json.dumps(value).encode(), where="the record")
    assert raised.value.hint


@pytest.mark.parametrize("raw", [b"", b"[]", b"\xff", withdrawal_bytes(RECORD)[:-1]])
def test_bytes_that_are_no_record(raw: bytes) -> None:
    with pytest.raises(ConfigError):
        parse_withdrawal(raw, where="the record")


def test_steps_are_told_to_programs() -> None:
    steps = (Step("private", "failed", "no"), Step("revoked", "done", "2 files"))
    found = Holders((Holder("acme/n", "refs/heads/main", ("m.onnx",)),), ("acme/o: away",))
    assert json.loads(steps_bytes(steps, found)) == {
        "schema": "hubpolicy/withdrawal-steps/1",
        "steps": [
            {"name": "private", "state": "failed", "detail": "no"},
            {"name": "revoked", "state": "done", "detail": "2 files"},
        ],
        "holders": [{"repo": "acme/n", "revision": "refs/heads/main", "paths": ["m.onnx"]}],
        "unread": ["acme/o: away"],
    }
