# SPDX-License-Identifier: Apache-2.0
"""What is not in the protocol is refused, with the status and headers that the Hub would send."""

from __future__ import annotations

import base64
import gzip
import socket
import threading
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from tests.hub.strict import HEADER, SHA, add, commit, head, large
from tests.hub.world import ask

if TYPE_CHECKING:
    from hubpolicy.demo.hub.process import HubProcess


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/api/agent-harnesses", 404),
        ("GET", "/api/models/acme", 404),
        ("GET", "/api/models/acme/m1/xet-write-token/main", 404),
        ("GET", "/api/spaces/acme/m1", 404),
        ("GET", "/api/models/acme/../m1", 404),
        ("POST", "/api/models/acme/m1/discussions/0/merge", 404),
        ("POST", "/api/buckets/acme/b/batch", 404),
        ("GET", "/acme/m1.git/objects/info/packs", 404),
        ("GET", "/acme/m1/HEAD", 404),
        ("POST", "/api/whoami-v2", 405),
        ("PATCH", "/api/repos/create", 405),
        ("DELETE", "/api/models/acme/m1/settings", 405),
        ("GET", "/api/models/acme/m1/commit/main", 405),
    ],
)
def test_unknown_routes_and_methods(hub: HubProcess, method: str, path: str, status: int) -> None:
    answer = ask(f"{hub.endpoint}{path}", method)
    assert answer.status == status
    assert answer.headers["x-error-message"]
    assert ("allow" in answer.headers) == (status == 405)


@pytest.mark.parametrize(
    "lines",
    [
        [],
        [add("a")],
        [HEADER, HEADER],
        [{"key": "header", "value": {"description": ""}}],
        [{"key": "header", "value": {"summary": "s", "parent": "0"}}],
        [{"key": "header", "value": {"summary": "s", "parentCommit": "main"}}],
        [HEADER, {"key": "symlink", "value": {"path": "a"}}],
        [HEADER, {"key": "file", "value": {"path": "a", "content": "eA==", "mode": "755"}}],
        [HEADER, {"key": "file"}],
        [HEADER, {"key": "file", "value": []}],
        [HEADER, "file"],
        [HEADER, add("a", "%%%")],
        [HEADER, add("a", "x", "latin-1")],
        [HEADER, add("/a")],
        [HEADER, add("a/")],
        [HEADER, add("")],
        [HEADER, add(None)],
        [HEADER, add("a/../b")],
        [HEADER, add("./a")],
        [HEADER, add(".git/config")],
        [HEADER, add("x/.GIT/config")],
        [HEADER, add("a\nb")],
        [HEADER, add("a\\b")],
        [HEADER, add("a\x7fb")],
        [HEADER, add("a\ud800")],
        [HEADER, add("a" * 1025)],
        [HEADER, add("a"), add("a/b")],
        [HEADER, large("a", SHA)],
        [HEADER, large("a", "b" * 40)],
        [HEADER, {"key": "lfsFile", "value": {"path": "a", "algo": "sha1", "oid": SHA}}],
        [HEADER, large("a", SHA, size=-1)],
        [HEADER, add("a", "version https://git-lfs.github.com/spec/v1\noid sha256:" + SHA
                     + "\nsize 3\n", "utf-8")],
        [HEADER, {"key": "deletedFile", "value": {"path": "a", "force": True}}],
    ],
)  # fmt: skip
def test_malformed_commits(hub: HubProcess, strict_api: str, lines: list[object]) -> None:
    before = head(strict_api)
    answer = commit(strict_api, *lines)
    assert answer.status == 400, answer.body
    assert answer.headers["x-error-message"]
    assert head(strict_api) == before


def test_commit_bodies_that_are_no_json(strict_api: str) -> None:
    for raw in (b"", b"{", b"\xff", b"[" * 100_000):
        assert commit(strict_api, raw=raw).status == 400


def test_deleting_what_is_not_there_names_the_entry(strict_api: str) -> None:
    for key, path in (("deletedFile", "none"), ("deletedFolder", "none/")):
        answer = commit(strict_api, HEADER, {"key": key, "value": {"path": path}})
        assert (answer.status, answer.headers["x-error-code"]) == (404, "EntryNotFound")


def test_the_message_and_author_of_a_commit(api: str) -> None:
    header = {"key": "header", "value": {"summary": "one", "description": "two\nthree"}}
    oid = commit(api, header, add("a")).json["commitOid"]
    newest = ask(f"{api}/commits/main").json[0]
    assert newest["id"] == oid == head(api)
    assert (newest["title"], newest["message"]) == ("one", "two\nthree")
    assert newest["authors"] == [{"user": "alice", "avatar": ""}]


def test_odd_titles_hide_no_commit(api: str) -> None:
    odd = ("\x1e", "a\x1eb", "0" * 40, "\u2028", "t")
    for number, title in enumerate(odd):
        header = {"key": "header", "value": {"summary": title, "description": "\x1e\x1e"}}
        assert commit(api, header, add(f"{number}.txt"), add(f"{'1' * 40}/x{number}")).status == 200
    assert len(ask(f"{api}/commits/main").json) == len(odd) + 1
    entries = ask(f"{api}/tree/main?expand=true").json
    newest = {entry["path"]: entry["lastCommit"]["id"] for entry in entries}
    assert len({newest[f"{number}.txt"] for number in range(len(odd))}) == len(odd)
    assert newest["1" * 40] == head(api) == newest["4.txt"]


def test_two_commits_on_one_parent_cannot_both_win(api: str) -> None:
    value = {"summary": "race", "description": "", "parentCommit": head(api)}
    header = {"key": "header", "value": value}
    got: list[int] = []

    def race(number: int) -> None:
        got.append(commit(api, header, add(f"{number}.txt")).status)

    threads = [threading.Thread(target=race, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(got) == [200, 412, 412, 412]
    assert len(ask(f"{api}/commits/main").json) == 2


def test_commits_without_a_parent_all_arrive(api: str) -> None:
    threads = [
        threading.Thread(target=commit, args=(api, HEADER, add(f"{number}.txt")))
        for number in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    paths = {entry["path"] for entry in ask(f"{api}/tree/main").json}
    assert paths == {".gitattributes", "0.txt", "1.txt", "2.txt", "3.txt"}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"visibility": "protected"},
        {"gated": True},
        {"gated": "yes"},
        {"private": "true"},
        {"visibility": "private", "discussionsDisabled": True},
        [],
    ],
)
def test_malformed_settings(strict_api: str, body: object) -> None:
    assert ask(f"{strict_api}/settings", "PUT", body=body).status == 400
    assert ask(strict_api).json["private"] is False


@pytest.mark.parametrize(
    "body",
    [
        {"name": "../x", "organization": "acme"},
        {"name": "a/b", "organization": "acme"},
        {"name": "x", "organization": ".."},
        {"name": "x.git", "organization": "acme"},
        {"name": "a--b", "organization": "acme"},
        {"name": "", "organization": "acme"},
        {"name": "x", "organization": "acme", "type": "space"},
        {"name": "x", "organization": "acme", "sdk": "gradio"},
        {"name": "x", "organization": "acme", "visibility": "hidden"},
    ],
)
def test_repos_that_cannot_be_created(hub: HubProcess, body: dict[str, str]) -> None:
    assert ask(f"{hub.endpoint}/api/repos/create", "POST", body=body).status == 400


def test_json_and_form_bodies_can_be_packed(strict_api: str) -> None:
    body = gzip.compress(b"paths=.gitattributes&expand=false")
    headers = {"Content-Encoding": "gzip", "Content-Type": "application/x-www-form-urlencoded"}
    answer = ask(f"{strict_api}/paths-info/main", "POST", body=body, headers=headers)
    assert [entry["path"] for entry in answer.json] == [".gitattributes"]
    broken = ask(f"{strict_api}/paths-info/main", "POST", body=body[:-5], headers=headers)
    assert broken.status == 400


def test_cursors_are_the_hubs_own(strict_api: str) -> None:
    for cursor in ("x", "e30=", base64.urlsafe_b64encode(b'["main", "x"]').decode()):
        assert ask(f"{strict_api}/tree/main?cursor={cursor}").status == 400


@pytest.mark.parametrize(
    ("head_lines", "body", "status"),
    [
        (b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\n", b"400"),
        (b"Transfer-Encoding: gzip\r\n", b"", b"400"),
        (b"Content-Length: -1\r\n", b"", b"400"),
        (b"Transfer-Encoding: chunked\r\n", b"zz\r\n", b"400"),
        (b"Transfer-Encoding: chunked\r\n", b"2\r\n{}\r\n0\r\n\r\n", b"401"),
    ],
)
def test_framing(hub: HubProcess, head_lines: bytes, body: bytes, status: bytes) -> None:
    parts = urlsplit(hub.endpoint)
    with socket.create_connection((str(parts.hostname), parts.port or 0), timeout=60) as raw:
        raw.sendall(b"POST /api/repos/create HTTP/1.1\r\nHost: x\r\n" + head_lines + b"\r\n" + body)
        assert raw.recv(65536).split(b" ")[1] == status


def test_a_connection_serves_many_requests_also_after_refused_bodies(hub: HubProcess) -> None:
    parts = urlsplit(hub.endpoint)
    request = b"PUT /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n" + b"x" * 100_000
    with socket.create_connection((str(parts.hostname), parts.port or 0), timeout=60) as raw:
        for _ in range(3):
            raw.sendall(request)
            answer = b""
            while b"\r\n\r\n" not in answer or not answer.endswith(b"}"):
                answer += raw.recv(65536)
            assert answer.startswith(b"HTTP/1.1 404 ")
