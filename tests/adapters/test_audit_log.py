# SPDX-License-Identifier: Apache-2.0
"""Reading an audit-log export: entry by entry, with one clear error where it is not one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hubpolicy.adapters import audit_log
from hubpolicy.adapters.audit_log import read_audit_log
from hubpolicy.errors import ConfigError, ServiceError

if TYPE_CHECKING:
    from pathlib import Path

    from hubpolicy.core.audit_log import Event, Unused


def entry(number: int, text: str = "") -> dict[str, Any]:
    return {
        "_id": f"{number:024x}",
        "type": "repo.create",
        "createdAt": "2026-11-22T15:00:00.123Z",
        "message": text or "Created a repository",
        "author": {"_id": "1", "type": "user", "user": "ada", "avatarUrl": "/a.svg"},
        "data": {"repo": f"acme/m{number}", "private": True},
    }


def read(path: Path, content: str | bytes) -> list[Event | Unused]:
    file = path / "log.json"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return list(read_audit_log(str(file)))


@pytest.mark.parametrize("indent", [None, 0, 2])
def test_every_entry_is_read(tmp_path: Path, indent: int | None) -> None:
    text = json.dumps([entry(n) for n in range(50)], indent=indent)
    found = read(tmp_path, f" \r\n{text}\n\n")
    assert [event.identity for event in found] == [f"{n:024x}" for n in range(50)]
    assert read(tmp_path, "[ ]\n") == []


@settings(
    max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(
    st.lists(st.text(alphabet='a\\"[]{},\n é€😀', max_size=20), min_size=1, max_size=6),
    st.integers(1, 200),
)
def test_wherever_the_file_is_cut_into_chunks_it_is_the_same(
    tmp_path: Path, monkeypatch_module: pytest.MonkeyPatch, texts: list[str], size: int
) -> None:
    monkeypatch_module.setattr(audit_log, "_CHUNK", size)
    rows = [entry(n, text) for n, text in enumerate(texts)]
    found = read(tmp_path, json.dumps(rows, ensure_ascii=False, indent=1))
    assert [each.identity for each in found] == [row["_id"] for row in rows]


@pytest.fixture
def monkeypatch_module() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        yield patch


GOOD = json.dumps(entry(1))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "got no JSON array, in {path} line 1"),
        ("{}", "got no JSON array, in {path} line 1"),
        ('{"entries": []}', "got no JSON array"),
        ("\n\nnull", "got no JSON array, in {path} line 3"),
        ("[", "got no JSON in entry 1 (Expecting value), in {path} line 1"),
        (f"[{GOOD},\n", "got no JSON in entry 2 (Expecting value), in {path} line 2"),
        (f"[{GOOD}\n", "got no comma after entry 1, in {path} line 2"),
        (f"[{GOOD}\n{GOOD}]", "got no comma after entry 1, in {path} line 2"),
        (f"[{GOOD},]", "got no JSON in entry 2"),
        (f"[{GOOD}] []", "got more after the end of the array"),
        (f"[{GOOD},\n\n{{'a': 1}}, {GOOD * 200}]", "got no JSON in entry 2 (Expecting property"),
        ('[{"a": "\nb"}]', "got no JSON in entry 1 (Invalid control character"),
        ('[{"a": "b', "got no JSON in entry 1 (Unterminated string"),
        ("[" * 200_000, "got nesting without an end in entry 1, in {path} line 1"),
        (f'[{GOOD},\n{{"a": {"1" * 5000}}}]', "a number of too many digits in entry 2, in {path} line"),
        (f'[{GOOD},\n{GOOD[:-1]}, "type": "x"}}]', "the key 'type' twice in one object"),
        (f"[{GOOD},\n5]", "got int, expected an object, in {path} entry 2, line 2"),
        ('[{"a": NaN}]', "NaN, which is not JSON"),
        (b'["\xff"]', "got a byte that is not UTF-8, in {path} line 1"),
        (b"\xef\xbb\xbf[]", "got no JSON array"),
    ],
)  # fmt: skip
def test_what_is_no_export_is_one_error_with_its_place(
    tmp_path: Path, content: str | bytes, said: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, content)
    assert said.format(path=tmp_path / "log.json") in caught.value.message
    assert str(tmp_path / "log.json") in caught.value.message
    assert caught.value.hint


def test_an_entry_without_an_end_is_not_read_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_log, "ENTRY_LIMIT", 1000)
    monkeypatch.setattr(audit_log, "_CHUNK", 100)
    with pytest.raises(ConfigError, match=r"entry 1 \(Unterminated string"):
        read(tmp_path, '["' + "x" * 5000)
    assert len(read(tmp_path, json.dumps([entry(1, "x" * 500)]))) == 1


def test_more_entries_than_any_export_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_log, "MOST_ENTRIES", 3)
    assert len(read(tmp_path, json.dumps([entry(n) for n in range(3)]))) == 3
    with pytest.raises(ConfigError, match="more than 3 entries"):
        read(tmp_path, json.dumps([entry(n) for n in range(4)]))


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ServiceError, match=r"cannot read .*: No such file"):
        list(read_audit_log(str(tmp_path / "none.json")))
