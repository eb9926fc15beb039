"""Plain git, and git with git-lfs, against the same repos that the API writes."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests.hub.world import Answer, Git, ask, leave_out

if TYPE_CHECKING:
    from pathlib import Path

    from hubpolicy.demo.hub.process import HubProcess


@pytest.fixture
def lfs(git: Git, tmp_path: Path) -> Git:
    """Git with git-lfs installed for its user."""
    if subprocess.run(["git", "lfs", "version"], capture_output=True, check=False).returncode != 0:
        leave_out("git-lfs")
    git("lfs", "install", "--skip-repo", cwd=tmp_path)
    return git


@pytest.fixture
def made(hub: HubProcess, repo_id: str) -> str:
    """A private repo that exists, made without any client."""
    body = {"name": repo_id.split("/")[1], "organization": "acme", "visibility": "private"}
    assert ask(f"{hub.endpoint}/api/repos/create", "POST", body=body).status == 200
    return repo_id


def remote(hub: HubProcess, repo: str, token: str = "hf_alice") -> str:
    return f"{hub.endpoint.replace('://', f'://user:{token}@')}/{repo}"


def listed(hub: HubProcess, repo: str, revision: str = "main") -> dict[str, dict[str, Any]]:
    answer = ask(f"{hub.endpoint}/api/models/{repo}/tree/{revision}?recursive=true")
    return {entry["path"]: entry for entry in answer.json}


def commit_api(hub: HubProcess, repo: str, *lines: dict[str, Any], rev: str = "main") -> Answer:
    header = {"key": "header", "value": {"summary": "by the API", "description": ""}}
    body = "\n".join(json.dumps(line) for line in (header, *lines)).encode()
    return ask(f"{hub.endpoint}/api/models/{repo}/commit/{rev}", "POST", body=body)


def text(path: str, content: str) -> dict[str, Any]:
    return {"key": "file", "value": {"path": path, "content": content, "encoding": "utf-8"}}


def clone(git: Git, hub: HubProcess, repo: str, folder: Path, suffix: str = "") -> Path:
    git("clone", "-q", remote(hub, repo) + suffix, str(folder), cwd=folder.parent)
    return folder


def test_git_sees_what_the_api_wrote_and_the_api_what_git_pushed(
    hub: HubProcess, git: Git, made: str, tmp_path: Path
) -> None:
    assert commit_api(hub, made, text("a/é.txt", "from the API")).status == 200
    work = clone(git, hub, made, tmp_path / "work", ".git")
    assert (work / "a" / "é.txt").read_text(encoding="utf-8") == "from the API"
    (work / "b.txt").write_text("from git", encoding="utf-8")
    git("add", ".", cwd=work)
    git("commit", "-qm", "by git", cwd=work)
    git("tag", "-am", "one", "v1", cwd=work)
    git("push", "-q", "--follow-tags", "origin", "main", cwd=work)
    head = git("rev-parse", "HEAD", cwd=work).stdout.strip()
    assert set(listed(hub, made)) == {".gitattributes", "a", "a/é.txt", "b.txt"}
    refs = ask(f"{hub.endpoint}/api/models/{made}/refs").json
    assert [(r["name"], r["targetCommit"]) for r in refs["tags"]] == [("v1", head)]
    answer = ask(f"{hub.endpoint}/{made}/resolve/v1/b.txt")
    assert (answer.body, answer.headers["x-repo-commit"]) == (b"from git", head)


def test_a_large_history_travels_in_chunks_and_packed(
    hub: HubProcess, git: Git, made: str, tmp_path: Path
) -> None:
    work = clone(git, hub, made, tmp_path / "work")
    for number in range(3):
        (work / f"{number}.txt").write_bytes(os.urandom(700_000).hex().encode())
    git("add", ".", cwd=work)
    git("commit", "-qm", "big", cwd=work)
    git("-c", "http.postBuffer=65536", "push", "-q", cwd=work)
    again = clone(git, hub, made, tmp_path / "again")
    assert (again / "2.txt").read_bytes() == (work / "2.txt").read_bytes()


def test_protocol_v2_and_packed_requests(hub: HubProcess, made: str) -> None:
    address = f"{hub.endpoint}/{made}.git"
    v2 = {"Git-Protocol": "version=2"}
    offer = ask(f"{address}/info/refs?service=git-upload-pack", headers=v2)
    assert b"version 2" in offer.body
    headers = v2 | {
        "Content-Encoding": "gzip",
        "Content-Type": "application/x-git-upload-pack-request",
    }
    body = gzip.compress(b"0014command=ls-refs\n0000")
    listed_refs = ask(f"{address}/git-upload-pack", "POST", body=body, headers=headers)
    assert b" refs/heads/main\n" in listed_refs.body
    assert ask(f"{address}/info/refs", headers=v2).status == 403


def test_a_dataset_can_be_cloned(hub: HubProcess, git: Git, repo_id: str, tmp_path: Path) -> None:
    body = {"name": repo_id.split("/")[1], "organization": "acme", "type": "dataset"}
    ask(f"{hub.endpoint}/api/repos/create", "POST", body=body)
    clone(git, hub, f"datasets/{repo_id}", tmp_path / "work")
    assert (tmp_path / "work" / ".gitattributes").exists()


@pytest.mark.parametrize("token", ["hf_bob", "hf_nobody", ""])
def test_a_private_repo_cannot_be_cloned_by_others(
    hub: HubProcess, git: Git, made: str, tmp_path: Path, token: str
) -> None:
    address = remote(hub, made, token) if token else f"{hub.endpoint}/{made}"
    git("clone", "-q", address, str(tmp_path / "work"), cwd=tmp_path, fails=True)


def test_a_reader_clones_but_may_not_push(
    hub: HubProcess, git: Git, made: str, tmp_path: Path
) -> None:
    git("clone", "-q", remote(hub, made, "hf_carol"), "work", cwd=tmp_path)
    work = tmp_path / "work"
    git("commit", "-q", "--allow-empty", "-m", "x", cwd=work)
    refused = git("push", cwd=work, fails=True)
    assert "403" in refused.stderr


@pytest.mark.parametrize(
    ("refspec", "reason"),
    [
        ("HEAD:refs/pr/1", "no open pull request"),
        ("HEAD:refs/pr/x", "only branches, tags and open pull requests"),
        ("HEAD:refs/convert/parquet", "only branches, tags and open pull requests"),
        (":refs/heads/main", "the default branch cannot be deleted"),
    ],
)
def test_refs_that_cannot_be_pushed(
    hub: HubProcess, git: Git, made: str, tmp_path: Path, refspec: str, reason: str
) -> None:
    work = clone(git, hub, made, tmp_path / "work")
    git("commit", "-q", "--allow-empty", "-m", "x", cwd=work)
    before = ask(f"{hub.endpoint}/api/models/{made}/refs?include_prs=1").json
    assert reason in git("push", "origin", refspec, cwd=work, fails=True).stderr
    assert ask(f"{hub.endpoint}/api/models/{made}/refs?include_prs=1").json == before


def test_a_pull_request_is_pushed_to_by_its_author_while_it_is_open(
    hub: HubProcess, git: Git, made: str, tmp_path: Path
) -> None:
    api = f"{hub.endpoint}/api/models/{made}"
    ask(f"{api}/settings", "PUT", body={"visibility": "public"})
    body = {"title": "t", "description": "", "pullRequest": True}
    assert ask(f"{api}/discussions", "POST", body=body, token="hf_bob").json["num"] == 1
    git("clone", "-q", remote(hub, made, "hf_bob"), "work", cwd=tmp_path)
    work = tmp_path / "work"
    git("commit", "-q", "--allow-empty", "-m", "x", cwd=work)
    git("push", "-q", "origin", "HEAD:refs/pr/1", cwd=work)
    assert "you may not write" in git("push", "origin", "HEAD", cwd=work, fails=True).stderr
    head = git("rev-parse", "HEAD", cwd=work).stdout.strip()
    refs = ask(f"{api}/refs?include_prs=1").json["pullRequests"]
    assert refs == [{"name": "1", "ref": "refs/pr/1", "targetCommit": head}]
    ask(f"{api}/discussions/1/status", "POST", body={"status": "closed"}, token="hf_bob")
    git("commit", "-q", "--allow-empty", "-m", "y", cwd=work)
    git("push", "-q", "origin", "HEAD:refs/pr/1", cwd=work, fails=True)


def test_large_files_outside_lfs_are_refused(
    hub: HubProcess, git: Git, made: str, tmp_path: Path
) -> None:
    work = clone(git, hub, made, tmp_path / "work")
    (work / "big.txt").write_bytes(b"a" * (10 * 1024 * 1024 + 1))
    git("add", ".", cwd=work)
    git("commit", "-qm", "big", cwd=work)
    assert "more than 10 MiB" in git("push", cwd=work, fails=True).stderr


def test_malformed_objects_are_refused(
    hub: HubProcess, git: Git, made: str, tmp_path: Path
) -> None:
    work = clone(git, hub, made, tmp_path / "work")
    blob = git("hash-object", "-w", ".gitattributes", cwd=work).stdout.strip()
    tree = bytes.fromhex(blob)
    raw = work / "tree"
    raw.write_bytes(b"100644 ..\0" + tree)
    oid = git("hash-object", "-w", "-t", "tree", "--literally", "tree", cwd=work).stdout.strip()
    commit = git("commit-tree", "-m", "x", oid, cwd=work).stdout.strip()
    refused = git("push", "origin", f"{commit}:refs/heads/evil", cwd=work, fails=True)
    assert "hasDotdot" in refused.stderr


@pytest.mark.lfs
def test_lfs_files_travel_both_ways(hub: HubProcess, lfs: Git, made: str, tmp_path: Path) -> None:
    work = clone(lfs, hub, made, tmp_path / "work")
    content = os.urandom(300_000)
    (work / "model.safetensors").write_bytes(content)
    lfs("add", ".", cwd=work)
    lfs("commit", "-qm", "weights", cwd=work)
    lfs("push", "-q", cwd=work)
    entry = listed(hub, made)["model.safetensors"]
    assert entry["lfs"]["oid"] == hashlib.sha256(content).hexdigest()
    moved = ask(f"{hub.endpoint}/{made}/resolve/main/model.safetensors")
    assert ask(moved.headers["location"], token=None).body == content
    line = {"path": "copy.safetensors", "algo": "sha256", "oid": entry["lfs"]["oid"]}
    assert commit_api(hub, made, {"key": "lfsFile", "value": line}).status == 200
    lfs("pull", "-q", cwd=work)
    assert (work / "copy.safetensors").read_bytes() == content


@pytest.mark.lfs
def test_a_pointer_without_its_file_is_refused(
    hub: HubProcess, lfs: Git, made: str, tmp_path: Path
) -> None:
    work = clone(lfs, hub, made, tmp_path / "work")
    (work / "model.onnx").write_bytes(b"\0weights")
    lfs("add", ".", cwd=work)
    lfs("commit", "-qm", "weights", cwd=work)
    refused = lfs("push", "--no-verify", cwd=work, fails=True)
    assert "model.onnx is an LFS pointer to a file that was not uploaded" in refused.stderr
    lfs("push", "-q", cwd=work)
    assert "model.onnx" in listed(hub, made)


@pytest.mark.lfs
def test_a_reader_uploads_no_lfs_objects(
    hub: HubProcess, lfs: Git, made: str, tmp_path: Path
) -> None:
    work = clone(lfs, hub, made, tmp_path / "work")
    (work / "model.onnx").write_bytes(b"\0reader")
    lfs("add", ".", cwd=work)
    lfs("commit", "-qm", "weights", cwd=work)
    digest = hashlib.sha256(b"\0reader").hexdigest()
    lfs("lfs", "push", remote(hub, made, "hf_carol"), "main", cwd=work, fails=True)
    assert not (hub.root / "lfs" / digest[:2] / digest[2:4] / digest).exists()
    shutil.rmtree(work)
