# SPDX-License-Identifier: Apache-2.0
"""A commit's body: what it asks for, what would stand there after it, and what is refused."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubpolicy.core import hub_commit
from hubpolicy.core.hub_commit import parse_commit, resulting, with_parent
from hubpolicy.domain.hub_request import AddLarge, AddRegular, DeleteFile, DeleteFolder
from hubpolicy.domain.manifest import ListedFile, Listing
from hubpolicy.errors import MalformedError

OID = "a" * 64
HEAD = {"key": "header", "value": {"summary": "s", "description": ""}}


def body(*lines: dict[str, Any] | bytes, head: dict[str, Any] = HEAD) -> bytes:
    raw = (
        each if isinstance(each, bytes) else json.dumps(each).encode() for each in (head, *lines)
    )
    return b"".join(line + b"\n" for line in raw)


def file(path: str, inside: bytes = b"x", **other: Any) -> dict[str, Any]:
    text = base64.b64encode(inside).decode()
    return {"key": "file", "value": {"path": path, "content": text, "encoding": "base64", **other}}


def large(path: str, **other: Any) -> dict[str, Any]:
    value = {"path": path, "algo": "sha256", "oid": OID, "size": 3, **other}
    return {"key": "lfsFile", "value": {k: v for k, v in value.items() if v is not None}}


def gone(path: str, kind: str = "File") -> dict[str, Any]:
    return {"key": f"deleted{kind}", "value": {"path": path}}


def test_operations_as_the_client_writes_them() -> None:
    readme = b"# Hello\n"
    asked = parse_commit(
        body(file("README.md", readme), large("a/b.onnx"), gone("c"), gone("d/", "Folder"))
    )
    blob = hashlib.sha1(b"blob 8\0" + readme, usedforsecurity=False).hexdigest()
    assert asked.parent == ""
    assert asked.operations == (
        AddRegular("README.md", 8, hashlib.sha256(readme).hexdigest(), blob, readme, b""),
        AddLarge("a/b.onnx", OID, 3),
        DeleteFile("c"),
        DeleteFolder("d"),
    )


def test_only_what_a_judge_reads_is_kept() -> None:
    big = b"y" * 2000
    paths = ("model.sig", ".hubpolicy/release.intoto.jsonl", "hubpolicy.toml", "config.json")
    kept = [o.content for o in parse_commit(body(*(file(p, big) for p in paths))).operations
            if isinstance(o, AddRegular)]  # fmt: skip
    assert kept == [big, big, big, b""]
    plain = {"key": "file", "value": {"path": "a", "content": "é", "encoding": "utf-8"}}
    (operation,) = parse_commit(body(plain)).operations
    assert isinstance(operation, AddRegular)
    assert (operation.head, operation.size) == ("é".encode(), 2)


POINTER = f"version https://git-lfs.github.com/spec/v1\noid sha256:{OID}\nsize 3\n".encode()

REFUSED = [
    (b"", "JSON"),
    (body(head=gone("a")), "header"),
    (body(b""), "JSON"),
    (body(HEAD), "header"),
    (body({"key": "file"}), "object"),
    (body({"key": "file", "value": {}, "more": 1}), "unknown field"),
    (body(b'{"key":"deletedFile","key":"deletedFile","value":{"path":"a"}}'), "twice"),
    (body(b'{"key":"deletedFile","value":{"path":"a","path":"b"}}'), "twice"),
    (body(gone("a", "Entry")), "expected file"),
    (body(file("a", oldPath="b")), "unknown field"),
    (body(file("a", encoding="base32")), "base64"),
    (body(file("a", content="QQ=")), "base64"),
    (body(file("a", content="QR==")), "base64"),
    (body(file("a", content="Q Q==")), "base64"),
    (body(file("a", content="é")), "base64"),
    (body(file("a", content=3)), "base64"),
    (body(file("a", POINTER)), "pointer"),
    (body(file("a", b"\n" + POINTER.replace(b"\n", b"\r\n"))), "pointer"),
    (body(large("a", algo="md5")), "sha256"),
    (body(large("a", oid="A" * 64)), "hex"),
    (body(large("a", size=-1)), "integer"),
    (body(large("a", size=1.5)), "integer"),
    (body(large("../a")), "part"),
    (body(large("/a")), "absolute"),
    (body(large("a//b")), "empty part"),
    (body(large(".git/config")), ".git"),
    (body(large("a\\b")), "backslash"),
    (body(large("\ud800")), "surrogate"),
    (body(large("a"), large("a")), "twice"),
    (body(gone("a"), gone("a")), "twice"),
    (body(large("a"), gone("a")), "both added and removed"),
    (body(gone("a/", "Folder"), large("a/b/c")), "both added and removed"),
    (body(gone("a", "Folder"), large("a")), "both added and removed"),
    (body(head={"key": "header", "value": {"summary": "s", "parentCommit": "main"}}), "commit id"),
    (body(head={"key": "header", "value": {"summary": "s", "parentCommit": 7}}), "text"),
    (body(head={"key": "header", "value": {"description": "s"}}), "text"),
    (body(head={"key": "header", "value": {"summary": "s", "branch": "x"}}), "unknown field"),
]


@pytest.mark.parametrize(("raw", "words"), REFUSED)
def test_what_the_protocol_does_not_have_is_refused(raw: bytes, words: str) -> None:
    with pytest.raises(MalformedError, match=words):
        parse_commit(raw)


def test_bounds_hold_however_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_commit, "LINE_LIMIT", 200)
    with pytest.raises(MalformedError, match="200 bytes"):
        parse_commit(io.BytesIO(body(file("a", b"x" * 300))))
    monkeypatch.setattr(hub_commit, "MOST_OPERATIONS", 2)
    assert len(parse_commit(body(gone("a"), gone("b"))).operations) == 2
    with pytest.raises(MalformedError, match="operations"):
        parse_commit(body(gone("a"), gone("b"), gone("c")))


def test_a_parent_is_put_into_the_header_and_nothing_else_changes() -> None:
    line = with_parent(json.dumps(HEAD).encode() + b"\r\n", "b" * 40)
    assert line.endswith(b"\n")
    value = {"summary": "s", "description": "", "parentCommit": "b" * 40}
    assert json.loads(line) == {"key": "header", "value": value}
    assert parse_commit(line).parent == "b" * 40
    short = json.dumps({**HEAD, "value": {"summary": "é", "parentCommit": "BBBBB"}}).encode()
    assert parse_commit(with_parent(short, "b" * 40)).parent == "b" * 40
    for wrong in (b"{}", json.dumps(gone("a")).encode(), b"\xff"):
        with pytest.raises(MalformedError):
            with_parent(wrong, "b" * 40)


NAMES = st.sampled_from(["a", "b", "c/a", "c/b", "c/d/a", "e"])
OPERATIONS = st.lists(
    st.one_of(
        NAMES.map(lambda path: AddLarge(path, OID, 3)),
        NAMES.map(lambda path: AddRegular(path, 1, "b" * 64, "c" * 40, b"x", b"")),
        NAMES.map(DeleteFile),
        st.sampled_from(["c", "c/d", "zz"]).map(DeleteFolder),
    ),
    max_size=6,
)


@given(st.sets(NAMES), OPERATIONS)
def test_the_result_is_what_git_would_have(standing: set[str], operations: list[Any]) -> None:
    """Against a dictionary: deletions of folders first, then one operation after another."""
    before = Listing(tuple(ListedFile(path, 9, None, "0" * 40) for path in sorted(standing)))
    want = {file.path: file for file in before.files}
    for operation in operations:
        if isinstance(operation, DeleteFolder):
            want = {p: f for p, f in want.items() if not p.startswith(operation.path + "/")}
    for operation in operations:
        if isinstance(operation, DeleteFile):
            want.pop(operation.path, None)
        elif isinstance(operation, AddLarge):
            want[operation.path] = ListedFile(operation.path, 3, OID, None)
        elif isinstance(operation, AddRegular):
            want[operation.path] = ListedFile(operation.path, 1, "b" * 64, "c" * 40)
    got = resulting(before, tuple(operations))
    assert {file.path: file for file in got.files} == want
    assert [file.path for file in got.files] == sorted(want)


def test_a_copy_takes_its_size_from_where_the_content_stands() -> None:
    copy = (AddLarge("new", OID, -1),)
    here = Listing((ListedFile("old", 77, OID, None),))
    assert resulting(here, copy).files[0] == ListedFile("new", 77, OID, None)
    assert resulting(Listing(()), copy, (here,)).files == (ListedFile("new", 77, OID, None),)
    with pytest.raises(MalformedError, match="stands nowhere"):
        resulting(Listing(()), copy)


def test_no_path_is_a_file_and_a_folder() -> None:
    here = Listing((ListedFile("a", 1, None, "0" * 40),))
    with pytest.raises(MalformedError, match="as a folder"):
        resulting(here, (AddLarge("a/b", OID, 1),))
    assert resulting(here, (DeleteFile("a"), AddLarge("a/b", OID, 1))).files[0].path == "a/b"
    folder = Listing((ListedFile("a/b/c", 1, None, "0" * 40),))
    with pytest.raises(MalformedError, match="'a/b' as a file and as a folder"):
        resulting(folder, (AddLarge("a/b", OID, 1),))


def test_a_commit_on_top_of_deep_folders_makes_no_list_of_them() -> None:
    """They stand in a data set, say, where nobody judged their names."""
    standing = [ListedFile(f"{n}{'/a' * 2000}", 1, None, "0" * 40) for n in range(250)]
    operations = (AddLarge("x", OID, 1), DeleteFile("y"), DeleteFolder("0"))
    tracemalloc.start()
    try:
        found = resulting(Listing(tuple(standing)), operations)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(found.files) == 250
    assert peak < 20_000_000
