# SPDX-License-Identifier: Apache-2.0
"""What counts as judged before, when a push is received: branches and tags, and nothing else."""

from __future__ import annotations

import os
import warnings
from typing import TYPE_CHECKING

import pytest
from huggingface_hub import CommitOperationAdd, HfApi

from hubpolicy.adapters.git import ReceivingRepository
from hubpolicy.adapters.git_process import open_git
from tests.e2e.author import TOKEN
from tests.gateway.test_git_push import commit, refs
from tests.gateway.world import address
from tests.git.repos import Repo, init, isolate, pointer

if TYPE_CHECKING:
    from pathlib import Path

    from hubpolicy.demo.hub.process import HubProcess
    from tests.e2e.author import Author
    from tests.gateway.world import GatewayProcess
    from tests.hub.world import Git

URL = "https://hub.example/acme/m"


@pytest.fixture
def local(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repo:
    isolate(monkeypatch, tmp_path / "home")
    made = init(tmp_path / "local")
    made.commit({"README.md": b"# one\n"})
    return made


def sent(local: Repo, tip: str, *known: str) -> set[str]:
    repository = ReceivingRepository(open_git(str(local.path), os.environ))
    return {blob.path for blob in repository.sent((tip,), URL, URL, known)}


@pytest.mark.parametrize(
    ("ref", "judged"),
    [
        ("refs/heads/dev", True),
        ("refs/tags/v1", True),
        ("refs/pr/1", False),
        ("refs/pull/1/head", False),
        ("refs/merge-requests/1/head", False),
        ("refs/keep-around/x", False),
        ("refs/remotes/origin/main", False),
        ("refs/stash", False),
    ],
)
def test_only_branches_and_tags_were_judged(local: Repo, ref: str, judged: bool) -> None:
    base = local.git("rev-parse", "HEAD")
    local.commit({"blob.dat": pointer(b"GGUF" * 99)})
    local.commit(remove=("blob.dat",))
    tip = local.git("rev-parse", "HEAD")
    local.git("update-ref", ref, tip)
    local.git("reset", "-q", "--hard", base)
    assert sent(local, tip) == (set() if judged else {"blob.dat"})


def test_what_comes_back_from_history_is_looked_at_again(local: Repo) -> None:
    """It may have been judged by another policy; what others see of it is new."""
    base = local.git("rev-parse", "HEAD")
    local.commit({"blob.dat": pointer(b"GGUF" * 99)})
    with_it = local.git("rev-parse", "HEAD")
    assert sent(local, with_it) == set()  # main shows it
    local.commit(remove=("blob.dat",))
    assert sent(local, with_it) == {"blob.dat"}
    assert sent(local, with_it, base) == {"blob.dat"}
    assert sent(local, with_it, with_it) == {"blob.dat"}  # the pusher says so, and no ref does
    local.git("update-ref", "refs/heads/dev", with_it)
    assert sent(local, with_it, with_it) == set()


def test_a_strangers_pull_request_on_the_hub_is_no_verdict(
    hub: HubProcess, git: Git, gateway: GatewayProcess, token: str, repo: str, tmp_path: Path
) -> None:
    api = HfApi(endpoint=hub.endpoint, token=TOKEN)
    api.create_repo(repo, repo_type="dataset")
    tracked = CommitOperationAdd(".gitattributes", b"*.dat filter=lfs diff=lfs merge=lfs -text\n")
    api.create_commit(repo, [tracked], commit_message="a", repo_type="dataset")
    bad = CommitOperationAdd("blob.dat", b"GGUF" + b"w" * 5000)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        api.create_commit(repo, [bad], commit_message="p", create_pr=True, repo_type="dataset")
    git("clone", "-q", address(gateway, token, f"datasets/{repo}"), "rows", cwd=tmp_path)
    work = tmp_path / "rows"
    git("fetch", "-q", "origin", "refs/pr/1:refs/heads/pr1", cwd=work)
    git("push", "--no-verify", "origin", "pr1:main", cwd=work, fails=True)
    assert "blob.dat" not in api.list_repo_files(repo, repo_type="dataset")


@pytest.mark.lfs
def test_weights_that_a_pull_request_held_do_not_travel_with_a_release(
    bob: Author, hub: HubProcess, git: Git, work: Path, release: Path, there: str
) -> None:
    api = HfApi(endpoint=hub.endpoint, token=TOKEN)
    bad = CommitOperationAdd("bad.weights", b"\x80\x02" + b"w" * 5000)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        api.create_commit(there, [bad], commit_message="pr", create_pr=True)
    git("fetch", "-q", "origin", "refs/pr/1:refs/heads/pr1", cwd=work)
    git("merge", "-q", "--ff-only", "pr1", cwd=work)
    git("rm", "-q", "bad.weights", cwd=work)
    commit(git, work, release)
    bob.ok("gateway", "submit", work, there)
    listed = git("lfs", "ls-files", "-l", cwd=work).stdout.splitlines()
    git("lfs", "push", "--object-id", "origin", *(row.split()[0] for row in listed), cwd=work)
    before = refs(hub, there)
    done = git("push", "--no-verify", "origin", "main", cwd=work, fails=True)
    assert "HP601" in done.stderr
    assert refs(hub, there) == before
