"""What is not in the protocol is refused, with the status and headers that the Hub would send."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import socket
import threading
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from tests.hub.world import Answer, ask

if TYPE_CHECKING:
    from hubpolicy.demo.hub.process import HubProcess

HEADER = {"key": "header", "value": {"summary": "s", "description": ""}}
SHA = "a" * 64


@pytest.fixture
def api(hub: HubProcess, repo_id: str) -> str:
    """The API address of a public repo that exists."""
    body = {"name": repo_id.split("/")[1], "organization": "acme", "type": "model"}
    assert ask(f"{hub.endpoint}/api/repos/create", "POST", body=body).status == 200
    return f"{hub.endpoint}/api/models/{repo_id}"


def lfs_address(api: str, rest: str) -> str:
    return api.replace("/api/models", "") + f".git/info/lfs/{rest}"


def commit(api: str, *lines: object, raw: bytes | None = None, query: str = "") -> Answer:
    body = b"\n".join(json.dumps(line).encode() for line in lines) if raw is None else raw
    return ask(f"{api}/commit/main{query}", "POST", body=body)


def add(path: object, content: str = "eA==", encoding: str = "base64") -> dict[str, Any]:
    return {"key": "file", "value": {"path": path, "content": content, "encoding": encoding}}


def large(path: str, oid: str, **more: object) -> dict[str, Any]:
    return {"key": "lfsFile", "value": {"path": path, "algo": "sha256", "oid": oid, **more}}


def head(api: str) -> str:
    return str(ask(api).json["sha"])


def batch(api: str, content: bytes, **more: object) -> Answer:
    objects = [{"oid": hashlib.sha256(content).hexdigest(), "size": len(content)}]
    body = {"operation": "upload", "transfers": ["basic"], "objects": objects} | more
    return ask(lfs_address(api, "objects/batch"), "POST", body=body)


def put_large(api: str, content: bytes) -> str:
    """Upload a large file as a client does; return its digest."""
    actions = batch(api, content).json["objects"][0]["actions"]
    assert ask(actions["upload"]["href"], "PUT", body=content, token=None).status == 200
    sha256 = hashlib.sha256(content).hexdigest()
    body = {"oid": sha256, "size": len(content)}
    assert ask(actions["verify"]["href"], "POST", body=body).status == 200
    return sha256


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


@pytest.fixture(scope="module")
def strict_api(running_hub: HubProcess) -> str:
    """A repo that no request of this module changes."""
    body = {"name": "unchanged", "organization": "acme", "type": "model"}
    ask(f"{running_hub.endpoint}/api/repos/create", "POST", body=body)
    return f"{running_hub.endpoint}/api/models/acme/unchanged"


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
    ("arrives", "status"),
    [(b"exact", 200), (b"other", 422), (b"short"[:4], 422), (b"exact+", 422), (b"", 422)],
)
def test_a_large_file_must_be_what_was_announced(
    hub: HubProcess, api: str, repo_id: str, arrives: bytes, status: int
) -> None:
    content = b"exact"
    sha256 = hashlib.sha256(content + repo_id.encode()).hexdigest()
    content, arrives = content + repo_id.encode(), arrives + repo_id.encode()
    href = batch(api, content).json["objects"][0]["actions"]["upload"]["href"]
    assert ask(href, "PUT", body=arrives, token=None).status == status
    stored = hub.root / "lfs" / sha256[:2] / sha256[2:4] / sha256
    assert stored.exists() == (status == 200)
    assert commit(api, HEADER, large("m.bin", sha256)).status == (200 if status == 200 else 400)
    assert list((hub.root / "lfs" / "incoming").iterdir()) == []


def test_the_size_in_a_commit_must_be_the_stored_one(api: str) -> None:
    sha256 = put_large(api, b"five!")
    assert commit(api, HEADER, large("m.bin", sha256, size=6)).status == 400
    assert commit(api, HEADER, large("m.bin", sha256, size=5)).status == 200
    assert "actions" not in batch(api, b"five!").json["objects"][0]


def test_a_large_file_of_another_repo_must_be_uploaded_or_duplicated(
    hub: HubProcess, api: str
) -> None:
    sha256 = put_large(api, b"of the first repo")
    name = f"{api.rpartition('/')[2]}-other"
    body = {"name": name, "organization": "acme", "type": "model"}
    ask(f"{hub.endpoint}/api/repos/create", "POST", body=body)
    other = f"{hub.endpoint}/api/models/acme/{name}"
    assert commit(other, HEADER, large("m.bin", sha256)).status == 400
    assert "actions" in batch(other, b"of the first repo").json["objects"][0]
    wanted = {"target": {"type": "model", "name": f"acme/{name}"}, "files": [{"sha256": sha256}]}
    assert ask(f"{api}/lfs-files/duplicate", "POST", body=wanted).json["failed"] == []
    assert commit(other, HEADER, large("m.bin", sha256)).status == 200


def test_signed_addresses_hold_for_what_they_were_signed_for(api: str) -> None:
    content = b"signed for"
    href = batch(api, content).json["objects"][0]["actions"]["upload"]["href"]
    for forged in (
        href.replace("size=10", "size=11"),
        href.replace("expires=", "expires=9"),
        href.partition("?")[0],
        href.replace("_storage/", "_storage/" + "0" * 64 + "?").partition("?")[0],
    ):
        assert ask(forged, "PUT", body=content, token=None).status in (403, 404)
    assert ask(href, "GET", token=None).status == 403
    assert ask(href, "PUT", body=content, token=None).status == 200


def test_verify_wants_the_same_size(api: str) -> None:
    actions = batch(api, b"not there").json["objects"][0]["actions"]
    sha256 = hashlib.sha256(b"not there").hexdigest()
    body = {"oid": sha256, "size": 9}
    assert ask(actions["verify"]["href"], "POST", body=body).status == 422
    put_large(api, b"not there")
    assert ask(actions["verify"]["href"], "POST", body=body | {"size": 8}).status == 422


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"operation": "delete"}, 400),
        ({"objects": []}, 422),
        ({"objects": [{"oid": "x", "size": 1}]}, 422),
        ({"objects": [{"oid": SHA, "size": True}]}, 422),
        ({"hash_algo": "sha512"}, 409),
        ({"hash_algo": "sha_256"}, 200),
        ({"ref": {"name": "main"}}, 200),
        ({"secret": 1}, 400),
    ],
)
def test_lfs_batches(strict_api: str, change: dict[str, object], status: int) -> None:
    assert batch(strict_api, b"batch", **change).status == status


def test_a_download_of_what_is_not_there_is_an_error_per_object(strict_api: str) -> None:
    answer = batch(strict_api, b"never seen", operation="download")
    assert answer.json["objects"][0]["error"]["code"] == 404


def test_preupload_decides_by_attributes_size_and_content(strict_api: str) -> None:
    cases = {
        "a.onnx": (1, b"x", "lfs"),
        "saved_model/x/y": (1, b"x", "lfs"),
        "text.txt": (10 * 1024 * 1024, b"x", "regular"),
        "huge.txt": (10 * 1024 * 1024 + 1, b"x", "lfs"),
        "nul.txt": (3, b"a\0b", "lfs"),
        "latin.txt": (1, b"\xe9 \xe9 caf\xe9....", "lfs"),
        "cut.txt": (600, b"x" * 511 + "é".encode()[:1], "regular"),
        "empty.onnx": (0, b"", "regular"),
    }
    files = [
        {"path": path, "size": size, "sample": base64.b64encode(sample).decode()}
        for path, (size, sample, _) in cases.items()
    ]
    answer = ask(f"{strict_api}/preupload/main", "POST", body={"files": files}).json
    assert answer["commitOid"] == head(strict_api)
    modes = {file["path"]: file["uploadMode"] for file in answer["files"]}
    assert modes == {path: mode for path, (_, _, mode) in cases.items()}


def test_preupload_names_what_is_there_and_what_is_ignored(api: str) -> None:
    sha256 = put_large(api, b"weights")
    commit(api, HEADER, large("m.onnx", sha256), add("b.txt"), add(".gitignore", "Ki50bXA="))
    names = ("m.onnx", "b.txt", "c.tmp")
    files = [{"path": name, "size": 1, "sample": "eA=="} for name in names]
    answer = ask(f"{api}/preupload/main", "POST", body={"files": files}).json["files"]
    assert [f.get("oid") for f in answer] == [
        sha256,
        hashlib.sha1(b"blob 1\0x", usedforsecurity=False).hexdigest(),
        None,
    ]
    assert [f["shouldIgnore"] for f in answer] == [False, False, True]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"files": []},
        {"files": [{"path": "a", "size": "1"}]},
        {"files": [{"path": "../a", "size": 1, "sample": ""}]},
        {"files": [{"path": "a", "size": 1, "sample": "%"}]},
        {"files": [{"path": "a", "size": 1, "sample": "", "mode": 1}]},
    ],
)
def test_malformed_preuploads(strict_api: str, body: object) -> None:
    assert ask(f"{strict_api}/preupload/main", "POST", body=body).status == 400


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
    with socket.create_connection((str(parts.hostname), parts.port or 0), timeout=10) as raw:
        raw.sendall(b"POST /api/repos/create HTTP/1.1\r\nHost: x\r\n" + head_lines + b"\r\n" + body)
        assert raw.recv(65536).split(b" ")[1] == status


def test_a_connection_serves_many_requests_also_after_refused_bodies(hub: HubProcess) -> None:
    parts = urlsplit(hub.endpoint)
    request = b"PUT /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n" + b"x" * 100_000
    with socket.create_connection((str(parts.hostname), parts.port or 0), timeout=10) as raw:
        for _ in range(3):
            raw.sendall(request)
            answer = b""
            while b"\r\n\r\n" not in answer or not answer.endswith(b"}"):
                answer += raw.recv(65536)
            assert answer.startswith(b"HTTP/1.1 404 ")
