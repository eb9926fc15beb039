# SPDX-License-Identifier: Apache-2.0
"""``hubpolicy audit --all-revisions``: what once stood there, from clones and by requests alike."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi

from hubpolicy.demo.hub.store import RepoKey, Store
from tests.e2e.author import TOKEN, Author, write_model

if TYPE_CHECKING:
    from pathlib import Path

    from hubpolicy.demo.hub.process import HubProcess
    from tests.cli.world import Ran

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")

STEPS, LEAKED = "acme/steps", "acme/leaked"
WEIGHTS = b"\x10\0\0\0\0\0\0\0" + b'{"a": {}}       ' + b"weights" * 100
TIP = "refs/heads/main"
BEFORE = f"{TIP} (history)"


@pytest.fixture(scope="module")
def commits(
    own_hub: HubProcess, configured_home: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    """One repository that was filled in steps; one that lost its weights, but for its history."""
    home = tmp_path_factory.mktemp("filling") / "home"
    shutil.copytree(configured_home, home)
    ada = Author(home, own_hub.endpoint)
    model = write_model(home / "civil")
    ada.put_run(model)
    api = HfApi(endpoint=own_hub.endpoint, token=TOKEN)
    api.create_repo(STEPS, private=True)
    first = api.upload_file(
        path_or_fileobj=model / "model.onnx", path_in_repo="model.onnx", repo_id=STEPS
    )
    ada.ok("push", model, STEPS)
    api.create_repo(LEAKED)
    leak = api.create_commit(LEAKED, [
        CommitOperationAdd("model.safetensors", WEIGHTS), CommitOperationAdd("ä b.txt", b"text"),
    ], commit_message="too early")  # fmt: skip
    api.create_tag(LEAKED, tag="v0")
    gone = api.create_commit(
        LEAKED, [CommitOperationDelete("model.safetensors")], commit_message="gone"
    )
    api.create_commit(LEAKED, [CommitOperationAdd("more.md", b"x")], commit_message="more")
    return {"first": first.oid, "leak": leak.oid, "gone": gone.oid}


@pytest.fixture
def hub(own_hub: HubProcess, commits: dict[str, str]) -> HubProcess:
    """With these repositories; ``ada`` is its user."""
    assert commits
    return own_hub


def rows(done: Ran) -> list[dict[str, Any]]:
    refs: list[dict[str, Any]] = done.document["refs"]
    return refs


def seen(done: Ran) -> set[tuple[str, str, str]]:
    return {(ref["repo"], ref["oid"], ref["status"]) for ref in rows(done)}


def look(ada: Author, *options: str) -> Ran:
    return ada.type("audit", STEPS, LEAKED, "--all-revisions", "--format", "json", *options)


def test_both_engines_see_the_same(ada: Author, commits: dict[str, str]) -> None:
    cloned = look(ada, "--no-cache")
    asked = look(ada, "--engine", "api", "--no-cache")
    assert rows(cloned) == rows(asked)
    assert cloned.code == asked.code == 1
    assert (STEPS, commits["first"], "ATTESTED") in seen(cloned)
    assert (LEAKED, commits["leak"], "UNATTESTED") in seen(cloned)
    assert commits["gone"] not in {oid for _, oid, _ in seen(cloned)}, "nothing was released there"


def test_no_tree_is_asked_for_twice(ada: Author, hub: HubProcess) -> None:
    mark = len(hub.requests())
    options = ("--all-revisions", "--engine", "api", "--no-cache", "--format", "json")
    done = ada.type("audit", STEPS, *options)
    (tip,) = (ref["oid"] for ref in rows(done) if ref["ref"] == TIP)
    paths = [str(line["path"]) for line in hub.requests()[mark:]]
    assert len([path for path in paths if f"/tree/{tip}" in path]) == 1


def test_a_ref_that_the_hub_does_not_name_is_told(
    ada: Author, hub: HubProcess, commits: dict[str, str]
) -> None:
    """Its git gives more away than its list of refs."""
    bare = Store(hub.root).bare(RepoKey("models", "acme", "leaked"))
    git = ("git", "-C", str(bare), "update-ref")
    subprocess.run([*git, "refs/hidden/x", commits["leak"]], check=True)
    try:
        done = look(ada, "--no-cache")
    finally:
        subprocess.run([*git, "-d", "refs/hidden/x"], check=True)
    (row,) = (row for row in done.document["rows"] if row["name"] == LEAKED)
    assert row["text"] == "1 refs not judged"
    assert "refs/hidden/x" in row["remark"]
    assert LEAKED not in {row["name"] for row in look(ada, "--no-cache").document["rows"]}


def test_a_commit_on_the_way_is_part_of_its_release(ada: Author, commits: dict[str, str]) -> None:
    done = ada.type("audit", STEPS, "--all-revisions", "--format", "json")
    assert done.code == 0
    (step,) = (ref for ref in rows(done) if ref["oid"] == commits["first"])
    assert (step["ref"], step["detail"]) == (BEFORE, "part of a release")
    tip = next(ref for ref in rows(done) if ref["ref"] == TIP)
    assert (tip["status"], tip["detail"] == "part of a release") == ("ATTESTED", False)


def test_a_tip_is_never_part_of_anything(ada: Author, commits: dict[str, str]) -> None:
    """A tag on the step: what one ref shows must be whole."""
    api = HfApi(endpoint=ada.endpoint, token=TOKEN)
    api.create_tag(STEPS, tag="early", revision=commits["first"])
    try:
        done = ada.type("audit", STEPS, "--all-revisions", "--format", "json")
    finally:
        api.delete_tag(STEPS, tag="early")
    early = next(ref for ref in rows(done) if ref["ref"] == "refs/tags/early")
    assert early["status"] == "UNATTESTED"
    assert done.code == 1


def test_what_is_measured_and_toxic_is_part_of_nothing(
    ada: Author, hub: HubProcess, tmp_path: Path
) -> None:
    """The same weights, released later with good counts: the bad ones stay what they are."""
    repo = "acme/rude-once"
    model = write_model(tmp_path / "civil")
    ada.put_run(model, hits=200)
    api = HfApi(endpoint=hub.endpoint, token=TOKEN)
    api.create_repo(repo, private=True)
    rude = api.upload_folder(repo_id=repo, folder_path=model)
    shutil.rmtree(model / ".hubpolicy")
    ada.put_run(model)
    ada.ok("push", model, repo)
    done = ada.type("audit", repo, "--all-revisions", "--format", "json")
    (once,) = (ref for ref in rows(done) if ref["oid"] == rude.oid)
    assert once["status"] == "UNATTESTED"
    assert done.code == 1
    assert "HP203" in {finding["rule"] for finding in done.document["findings"]}


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("modeling.py", b"import os"),
        ("config.json", b'{"auto_map": {"AutoModel": "evil/repo--modeling.Evil"}}'),
        ("chat_template.jinja", b"{{ messages }} and be rude"),
        ("hyperparams.yaml", b"x: !new:os.system [id]"),
    ],
)
def test_what_no_release_has_is_part_of_nothing(
    ada: Author, hub: HubProcess, path: str, content: bytes
) -> None:
    """Beside weights that one has: code, and what names code or wraps prompts."""
    repo = f"acme/with-{path.partition('.')[0].replace('_', '-')}"
    api = HfApi(endpoint=hub.endpoint, token=TOKEN)
    api.create_repo(repo, private=True)
    model = write_model(ada.home / "civil")
    ada.put_run(model)
    step = api.create_commit(repo, [
        CommitOperationAdd("model.onnx", model / "model.onnx"),
        CommitOperationAdd(path, content),
    ], commit_message="with more")  # fmt: skip
    if not (model / path).exists():
        api.delete_file(path, repo)
    ada.ok("push", model, repo)
    done = ada.type("audit", repo, "--all-revisions", "--format", "json")
    statuses = {ref["oid"]: ref["status"] for ref in rows(done)}
    assert statuses[step.oid] == "UNATTESTED"
    assert statuses[rows(done)[0]["oid"]] == "ATTESTED"
    assert done.code == 1


def test_a_second_look_needs_no_clone(ada: Author, hub: HubProcess) -> None:
    first = look(ada)
    mark = len(hub.requests())
    assert rows(look(ada)) == rows(first)
    paths = [str(line["path"]) for line in hub.requests()[mark:]]
    assert len([path for path in paths if "/refs" in path]) == 2, paths
    assert len([path for path in paths if path.endswith("/lfs-files")]) == 2, paths
    assert len(paths) == 4, paths


def test_what_cannot_be_cloned_is_unreadable_and_the_token_is_not_told(
    ada: Author, hub: HubProcess
) -> None:
    hub.configure({"faults": [{"status": 500, "path_regex": r"steps(\.git)?/info", "times": None}]})
    try:
        done = look(ada, "--no-cache")
    finally:
        hub.configure({})
    assert {status for repo, _, status in seen(done) if repo == STEPS} == {"UNREADABLE"}
    assert {status for repo, _, status in seen(done) if repo == LEAKED} == {"UNATTESTED"}
    assert TOKEN not in done.text
    assert not list(ada.home.glob("**/hubpolicy-audit-*"))
