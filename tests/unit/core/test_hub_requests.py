# SPDX-License-Identifier: Apache-2.0
"""What a request would do: the client's own calls, and requests that mean to be taken for others."""

from __future__ import annotations

import base64
import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubpolicy.core.hub_requests import ROUTES, parse_request, takes_body
from hubpolicy.domain.hub_request import (
    Announced,
    Branch,
    BucketWrite,
    Commit,
    CreateRepo,
    Delete,
    Discussion,
    Duplicate,
    GitFetch,
    GitPush,
    Harmless,
    HubRequest,
    LfsBatch,
    LfsDuplicate,
    LfsObject,
    LfsVerify,
    Merge,
    Move,
    Preupload,
    Read,
    Settings,
    SuperSquash,
    Tag,
    Unknown,
    XetToken,
)
from hubpolicy.domain.release import RepoId

HUB = "https://hub.test"
M = RepoId("acme", "m", "model", HUB)
D = RepoId("acme", "d", "dataset", HUB)
JSON, LFS, NDJSON = "application/json", "application/vnd.git-lfs+json", "application/x-ndjson"
OID = "a" * 64
COMMIT = b'{"key":"header","value":{"summary":"s","description":""}}\n'


def parse(
    method: str,
    target: str,
    body: Any = b"",
    kind: str = JSON,
    headers: tuple[tuple[str, str], ...] = (("Authorization", "Bearer x"),),
) -> Any:
    path, _, query = target.partition("?")
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    sent = (*headers, ("Content-Type", kind))
    return parse_request(HubRequest(method, path, query, sent, raw), HUB)


READS = [
    ("/api/models", None),
    ("/api/models/acme/m", M),
    ("/api/datasets/acme/d/tree/main/a%2Fb?recursive=true&expand=false", D),
    ("/api/models/acme/m/revision/refs%2Fpr%2F2", M),
    ("/api/models/acme/m/refs?include_prs=1", M),
    ("/acme/m/resolve/main/a/b%20c.txt", M),
    ("/datasets/acme/d/resolve/main/x.csv", D),
    ("/acme/m", M),
    ("/datasets/acme/d.git/info/refs?service=git-upload-pack", D),
    ("/api/models/acme/m/xet-read-token/main", M),
    ("/api/models/acme/m/auth-check/write", M),
    ("/api/whoami-v2", None),
    ("/", None),
    ("/robots.txt", None),
    ("/api/models/acme/jwt-classifier", RepoId("acme", "jwt-classifier", "model", HUB)),
    ("/apiary/m", RepoId("apiary", "m", "model", HUB)),
    ("/api/models?filter=a&filter=b&expand=x", None),
    ("/api/models/-acme/m/refs", None),
    ("/.well-known/security.txt", None),
]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(("target", "repo"), READS)
def test_reads_are_reads_of_the_repository_that_they_name(
    method: str, target: str, repo: RepoId | None
) -> None:
    assert parse(method, target) == Read(repo)


CALLS = [
    ("POST", "/api/validate-yaml", {"content": "x"}, JSON, Harmless("validate-yaml", None)),
    ("POST", "/api/models/acme/m/paths-info/main", b"paths=a", "application/x-www-form-urlencoded",
     Harmless("paths-info", M)),
    ("POST", "/api/repos/create", {"name": "m", "organization": "acme", "type": "model"}, JSON,
     CreateRepo(M, private=False)),
    ("POST", "/api/repos/create", {"name": "m", "organization": "acme", "visibility": "private"},
     JSON, CreateRepo(M, private=True)),
    ("POST", "/api/repos/create", {"name": "d", "organization": "acme", "type": "dataset",
     "private": True}, JSON, CreateRepo(D, private=True)),
    ("POST", "/api/models/acme/m/preupload/main?create_pr=1",
     {"files": [{"path": "a", "size": 3, "sample": "YWJj"}], "gitIgnore": ""}, JSON,
     Preupload(M, "main", True, (Announced("a", 3, b"abc"),))),
    ("POST", "/acme/m.git/info/lfs/objects/batch",
     {"operation": "upload", "transfers": ["basic"], "objects": [{"oid": OID, "size": 3}],
      "hash_algo": "sha_256", "ref": {"name": "main"}}, LFS, LfsBatch(M, (LfsObject(OID, 3),))),
    ("POST", "/datasets/acme/d.git/info/lfs/objects/batch",
     {"operation": "download", "objects": [{"oid": OID, "size": 3}]}, LFS, Read(D)),
    ("POST", "/acme/m.git/info/lfs/objects/verify", {"oid": OID, "size": 3}, LFS,
     LfsVerify(M, LfsObject(OID, 3))),
    ("POST", "/acme/m.git/info/lfs/locks/verify", {}, LFS, Harmless("lfs-locks", M)),
    ("GET", "/api/models/acme/m/xet-write-token/main", b"", JSON, XetToken(M, "main")),
    ("HEAD", "/api/models/acme/m/xet-write-token/None?create_pr=1", b"", JSON,
     XetToken(M, "None")),
    ("POST", "/api/models/acme/m/commit/refs%2Fpr%2F2", COMMIT, NDJSON,
     Commit(M, "refs/pr/2", False, "", ())),
    ("PUT", "/api/models/acme/m/settings", {"visibility": "public"}, JSON,
     Settings(M, False, False, ())),
    ("PUT", "/api/models/acme/m/settings", {"visibility": "protected"}, JSON,
     Settings(M, False, False, ())),
    ("PUT", "/api/models/acme/m/settings", {"gated": "auto"}, JSON, Settings(M, None, True, ())),
    ("PUT", "/api/models/acme/m/settings", {"gated": "manual"}, JSON,
     Settings(M, None, False, ())),
    ("PUT", "/api/models/acme/m/settings", {"gated": 0}, JSON, Settings(M, None, True, ())),
    ("POST", "/api/repos/create",
     {"name": "s", "organization": "acme", "type": "space", "sdk": "static", "volumes": [],
      "secrets": None, "variables": {}, "hardware": "cpu-basic"}, JSON + "; Charset=UTF-8",
     CreateRepo(RepoId("acme", "s", "space", HUB), private=False)),
    ("PUT", "/api/models/acme/m/settings", {"gated": False, "private": True, "xetEnabled": True},
     JSON, Settings(M, True, True, ("xetEnabled",))),
    ("POST", "/api/models/acme/m/tag/main", {"tag": "v1", "message": "x"}, JSON,
     Tag(M, "main", "v1")),
    ("POST", "/api/models/acme/m/branch/dev%2Fx", {}, JSON, Branch(M, "main", "dev/x")),
    ("POST", "/api/models/acme/m/branch/dev", {"startingPoint": "v1"}, JSON,
     Branch(M, "v1", "dev")),
    ("POST", "/api/models/acme/m/super-squash/main", {"message": "x"}, JSON,
     SuperSquash(M, "main")),
    ("DELETE", "/api/models/acme/m/tag/v1", b"", JSON, Delete(M, "tag v1")),
    ("DELETE", "/api/models/acme/m/branch/dev", b"", JSON, Delete(M, "branch dev")),
    ("DELETE", "/api/repos/delete", {"name": "m", "organization": "acme"}, JSON,
     Delete(M, "repository")),
    ("POST", "/api/models/acme/m/lfs-files/batch", {"deletions": {}}, JSON,
     Delete(M, "large files")),
    ("POST", "/api/repos/move", {"fromRepo": "acme/m", "toRepo": "a/b", "type": "model"}, JSON,
     Move(M, RepoId("a", "b", "model", HUB))),
    ("POST", "/api/datasets/acme/d/duplicate", {"repository": "a/b", "visibility": "private"}, JSON,
     Duplicate(D, RepoId("a", "b", "dataset", HUB), True)),
    ("POST", "/api/datasets/acme/d/lfs-files/duplicate",
     {"target": {"type": "model", "name": "acme/m"},
      "files": [{"xetHash": "x", "sha256": OID, "filename": "a"}]}, JSON,
     LfsDuplicate(D, M, (LfsObject(OID, -1),), by_xet=True)),
    ("POST", "/api/datasets/acme/d/lfs-files/duplicate",
     {"target": {"type": "model", "name": "acme/m"}, "files": [{"xetHash": None, "sha256": OID}]},
     JSON, LfsDuplicate(D, M, (LfsObject(OID, -1),))),
    ("POST", "/api/models/acme/m/discussions",
     {"title": "t", "description": "d", "pullRequest": True}, JSON, Discussion(M, "opened")),
    ("POST", "/api/models/acme/m/discussions/3/comment", {"comment": "hi"}, JSON,
     Discussion(M, "comment")),
    ("POST", "/api/models/acme/m/discussions/3/status", {"status": "open"}, JSON,
     Discussion(M, "status")),
    ("POST", "/api/models/acme/m/discussions/3/comment/ab/hide", b"", JSON,
     Discussion(M, "hide")),
    ("POST", "/api/models/acme/m/discussions/3/merge", {}, JSON, Merge(M, 3)),
    ("POST", "/api/models/acme/m/discussions/3/merge", b"", "", Merge(M, 3)),
    ("POST", "/api/models/acme/m/discussions/3/merge", {"comment": "fine"}, JSON, Merge(M, 3)),
    ("POST", "/api/models/acme/m/discussions/3/merge", {"comment": None}, JSON, Merge(M, 3)),
    ("GET", "/acme/m.git/info/refs?service=git-receive-pack", b"", JSON, GitPush(M, True)),
    ("POST", "/acme/m.git/git-receive-pack", b"0000", "x", GitPush(M, False)),
    ("POST", "/acme/m/git-upload-pack", b"0000", "x", GitFetch(M)),
    ("POST", "/api/buckets/acme/b", {"private": True}, JSON,
     BucketWrite("acme", "b", "creation of", True)),
    ("PUT", "/api/buckets/acme/b/settings", {"private": True}, JSON,
     BucketWrite("acme", "b", "settings of", True, hides=True)),
    ("PUT", "/api/buckets/acme/b/settings", {"private": True, "x": 1}, JSON,
     BucketWrite("acme", "b", "settings of", True)),
    ("POST", "/api/buckets/acme/b/batch", b"{}", NDJSON, BucketWrite("acme", "b", "files of", False)),
    ("GET", "/api/buckets/acme/b/xet-write-token", b"", JSON,
     BucketWrite("acme", "b", "token for", False)),
    ("DELETE", "/api/buckets/acme/b", b"", JSON, BucketWrite("acme", "b", "deletion of", False)),
    ("POST", "/api/repos/move", {"fromRepo": "acme/b", "toRepo": "x/b", "type": "bucket"}, JSON,
     BucketWrite("acme", "b", "move of", False)),
    ("POST", "/api/complete_multipart?uploadId=1&x=2", {"oid": OID}, JSON,
     Harmless("complete_multipart", None)),
]  # fmt: skip


@pytest.mark.parametrize(("method", "target", "body", "kind", "intent"), CALLS)
def test_the_client_s_calls_are_known(
    method: str, target: str, body: Any, kind: str, intent: Any
) -> None:
    assert parse(method, target, body, kind) == intent


def test_every_row_of_the_table_is_shown_above() -> None:
    shown = set()
    for method, target, body, kind, _ in CALLS:
        assert not isinstance(parse(method, target, body, kind), Unknown)
        path = target.partition("?")[0].replace("%2F", "-")
        shown.add((method.replace("HEAD", "GET"), len(path.split("/")), path.split("/")[-1]))
    assert len(ROUTES) > len(shown) > 30


ATTACKS = [
    # the path means something else elsewhere
    ("POST", "/api/models/acme/m/commit/main/", COMMIT),
    ("POST", "//api/models/acme/m/commit/main", COMMIT),
    ("POST", "/api/models/acme/m/../n/commit/main", COMMIT),
    ("POST", "/api/models/acme/m/%2e%2e/commit/main", COMMIT),
    ("POST", "/api/models/acme%2Fm/commit/main", COMMIT),
    ("POST", "/api/models/acme/m%2Fcommit/main", COMMIT),
    ("POST", "/api/models/acme/m/commit/main%252Fx", COMMIT),
    ("POST", "/api/models/acme/m/commit/main%00", COMMIT),
    ("POST", "/api/models/acme/m/commit/main\\x", COMMIT),
    ("POST", "/api/models/acme/m/commit/ma%zzin", COMMIT),
    ("POST", "/api/models/acme/m/commit/%ff", COMMIT),
    ("POST", "/api/models/acme/m/commit/main;x=1", COMMIT),
    ("POST", "/api/models/acme/m/commit/main%5E", COMMIT),
    ("POST", "/api/models/acme/m/commit/a%2F..%2Fb", COMMIT),
    ("POST", "/api/models/acme/m/commit/a%2F%2Fb", COMMIT),
    ("POST", "/API/models/acme/m/commit/main", COMMIT),
    ("POST", "/api/Models/acme/m/commit/main", COMMIT),
    ("POST", "/api/models/acme/m/Commit/main", COMMIT),
    ("POST", "/api/models/m/commit/main", COMMIT),
    ("POST", "/api/kernels/acme/m/commit/main", COMMIT),
    ("POST", "http://hub.test/api/models/acme/m/commit/main", COMMIT),
    ("POST", "/api/models/acme/m/commit/main#x", COMMIT),
    ("POST", "/" + "a/" * 6000 + "b", COMMIT),
    # the query turns it into another request
    ("POST", "/api/models/acme/m/commit/main?_method=GET", COMMIT),
    ("POST", "/api/models/acme/m/commit/main?create_pr=1&create_pr=0", COMMIT),
    ("POST", "/api/models/acme/m/commit/main?create_pr=maybe", COMMIT),
    ("POST", "/api/models/acme/m/commit/main?hot_reload=1", COMMIT),
    ("GET", "/acme/m.git/info/refs?service=git-upload-pack&service=git-receive-pack", b""),
    ("GET", "/acme/m.git/info/refs", b""),
    ("GET", "/acme/m.git/info/refs?service=git-archive", b""),
    # the power to write, in other spellings
    ("GET", "/api/models/acme/m/XET-WRITE-TOKEN/main", b""),
    ("GET", "/api/models/acme/m/jwt", b""),
    ("GET", "/API/models/acme/m/xet-write-token/main", b""),
    ("OPTIONS", "/api/models/acme/m/xet-write-token/main", b""),
    ("GET", "/api/models/acme/m/xet-write-token/main?x=1", b""),
    ("GET", "/api/models/gpt2/xet-write-token/main", b""),
    ("GET", "/api/models/acme/m/xet-write-token;a=b/main", b""),
    ("GET", "/api/models/acme/m/xet%2Dwrite-token/main/x", b""),
    ("GET", "/api/models/acme/m/xet-write-token%20/main", b""),
    ("GET", "/api/models/acme/m/x/xet-write-token/main", b""),
    ("GET", "/api/models/acme/m/x%2Fxet-write-token", b""),
    ("GET", "/models/acme/m/xet-write-token/main", b""),
    ("GET", "/api/models/acme/m/jwt;a=b", b""),
    ("GET", "/api/models/acme/m/JWT%20", b""),
    ("GET", "/api;x=1/models/acme/m/jwt", b""),
    ("GET", "/Api/models/acme/m", b""),
    # methods and addresses that nobody listed
    ("PATCH", "/api/models/acme/m/settings", b"{}"),
    ("TRACE", "/api/models/acme/m", b""),
    ("PROPFIND", "/acme/m", b""),
    ("POST", "/uploads", b"x"),
    ("POST", "/api/models/acme/m/like", b""),
    ("POST", "/api/spaces/acme/m/secrets", b"{}"),
    ("POST", "/api/models/acme/m/discussions/3/merge/now", b"{}"),
    ("POST", "/api/models/acme/m/discussions/0/merge", b"{}"),
    ("POST", "/api/jobs/acme", b"{}"),
]


@pytest.mark.parametrize(("method", "target", "body"), ATTACKS)
def test_what_could_mean_two_things_means_nothing(method: str, target: str, body: bytes) -> None:
    found = parse(method, target, body, NDJSON if body == COMMIT else JSON)
    assert isinstance(found, Unknown), found
    assert found.why


BODIES = [
    ("POST", "/api/repos/create", {"name": "m", "type": "model"}),
    ("POST", "/api/repos/create", {"name": "m", "organization": "acme", "files": []}),
    ("POST", "/api/repos/create", {"name": "m", "organization": "acme", "type": "kernel"}),
    ("POST", "/api/repos/create", {"name": "m", "organization": "acme", "private": True,
                                   "visibility": "public"}),
    ("POST", "/api/repos/create", {"name": "m", "organization": "acme", "private": "yes"}),
    ("POST", "/api/repos/create", {"name": "m", "organization": "acme", "visibility": "internal"}),
    ("POST", "/api/repos/create", b'{"name":"m","organization":"acme","private":true,"private":false}'),
    ("POST", "/api/repos/create", b"[]"),
    ("POST", "/api/repos/create", b"{" * 200),
    ("POST", "/api/repos/create", b" " * (9 * 1024 * 1024)),
    ("POST", "/api/repos/move", {"fromRepo": "acme/m", "toRepo": "b"}),
    ("PUT", "/api/models/acme/m/settings", {"gated": "perhaps"}),
    ("POST", "/api/models/acme/m/tag/main", {"tag": "v1", "target": "other"}),
    ("POST", "/api/models/acme/m/tag/main", {"tag": "a..b"}),
    ("POST", "/api/models/acme/m/branch/dev", {"startingPoint": "HEAD~1"}),
    ("POST", "/api/models/acme/m/preupload/main", {"files": []}),
    ("POST", "/api/models/acme/m/preupload/main", {"files": [{"path": "a", "size": -1}]}),
    ("POST", "/api/models/acme/m/preupload/main", {"files": [{"path": "a", "size": 1, "sample": "?"}]}),
    ("POST", "/acme/m.git/info/lfs/objects/batch", {"operation": "upload", "objects": []}),
    ("POST", "/acme/m.git/info/lfs/objects/batch", {"operation": "both", "objects": [{}]}),
    ("POST", "/acme/m.git/info/lfs/objects/batch",
     {"operation": "upload", "objects": [{"oid": "A" * 64, "size": 1}]}),
    ("POST", "/acme/m.git/info/lfs/objects/batch",
     {"operation": "upload", "hash_algo": "md5", "objects": [{"oid": OID, "size": 1}]}),
    ("POST", "/api/models/acme/m/discussions", {"title": "t", "files": []}),
    ("POST", "/api/models/acme/m/discussions/3/status", {"status": "merged"}),
    ("POST", "/api/models/acme/m/duplicate", {"repository": "a/b", "then": "publish"}),
    ("POST", "/api/models/acme/m/discussions/3/merge", {"comment": 3}),
    ("POST", "/api/models/acme/m/discussions/3/merge", {"comment": "", "base": "refs/heads/dev"}),
    ("POST", "/api/models/acme/m/discussions/3/merge", b"[]"),
]  # fmt: skip


VOLUME = [{"type": "model", "source": "globex/secret", "mountPath": "/w"}]


@pytest.mark.parametrize(
    "reaching",
    [
        {"volumes": VOLUME},
        {"volumes": 0},
        {"secrets": [{"key": "A", "value": "b"}]},
        {"variables": [{"key": "A", "value": "b"}]},
        {"template": "someone/else"},
    ],
)
def test_a_new_space_reaches_nothing_else(reaching: dict[str, Any]) -> None:
    new = {"name": "s", "organization": "acme", "type": "space", "sdk": "docker"}
    found = parse("POST", "/api/repos/create", {**new, **reaching})
    assert isinstance(found, Unknown)
    assert next(iter(reaching)) in found.why
    copy = {"repository": "acme/t", "visibility": "private"}
    assert isinstance(parse("POST", "/api/spaces/acme/s/duplicate", copy), Duplicate)
    assert isinstance(parse("POST", "/api/spaces/acme/s/duplicate", {**copy, **reaching}), Unknown)


@pytest.mark.parametrize(("method", "target", "body"), BODIES)
def test_bodies_that_are_not_as_expected_mean_nothing(method: str, target: str, body: Any) -> None:
    assert isinstance(parse(method, target, body), Unknown)


def test_a_body_may_be_a_file_and_only_those_that_are_read_must_be_at_hand() -> None:
    request = HubRequest(
        "POST", "/api/models/acme/m/commit/main", "",
        (("authorization", "x"), ("content-type", NDJSON)), io.BytesIO(COMMIT),
    )  # fmt: skip
    assert parse_request(request, HUB) == Commit(M, "main", False, "", ())
    assert takes_body("POST", "/api/models/acme/m/commit/main")
    assert takes_body("PUT", "/api/models/acme/m/settings")
    for method, path in (
        ("POST", "/acme/m.git/git-receive-pack"),
        ("GET", "/api/models/acme/m"),
        ("POST", "/api/validate-yaml"),
        ("POST", "/nobody/knows"),
        ("POST", "/a//b"),
    ):
        assert not takes_body(method, path)


@given(
    st.sampled_from(["GET", "POST", "PUT", "DELETE", "PATCH"]), st.text(), st.binary(max_size=200)
)
def test_whatever_is_sent_has_a_meaning_and_never_crashes(
    method: str, path: str, body: bytes
) -> None:
    found = parse(method, f"/{path}", body)
    if method != "GET":
        assert isinstance(found, Unknown | Harmless)


@given(st.binary(max_size=300))
def test_no_body_of_a_commit_crashes(body: bytes) -> None:
    found = parse("POST", "/api/models/acme/m/commit/main", COMMIT + body, NDJSON)
    assert isinstance(found, Unknown | Commit)


def test_samples_are_cut_where_the_judge_looks() -> None:
    sample = base64.b64encode(b"x" * 2000).decode()
    body = {"files": [{"path": "a", "size": 2000, "sample": sample}]}
    found = parse("POST", "/api/models/acme/m/preupload/main", body)
    assert isinstance(found, Preupload)
    assert len(found.files[0].sample) == 512
