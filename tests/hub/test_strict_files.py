# SPDX-License-Identifier: Apache-2.0
"""The local hub takes large files and announcements as strictly as the real one."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING

import pytest

from tests.hub.strict import HEADER, SHA, add, batch, commit, head, large, put_large
from tests.hub.world import ask

if TYPE_CHECKING:
    from hubpolicy.demo.hub.process import HubProcess


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
