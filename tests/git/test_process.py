# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from hubpolicy.adapters.deadline import Deadline, keeping, seconds_left
from hubpolicy.adapters.git_process import GitRefusedError, open_git
from hubpolicy.errors import ServiceError
from tests.git.repos import Repo, init


def test_a_megabyte_goes_in_and_several_come_out_without_a_thread(repo: Repo) -> None:
    oid = repo.blob(b"x")
    asked = f"{oid}\n".encode() * 60_000
    before = set(threading.enumerate())
    answer = open_git(str(repo.path), os.environ).run("cat-file", "--batch-check", stdin=asked)
    assert answer == f"{oid} blob 1\n".encode() * 60_000
    assert not set(threading.enumerate()) - before  # others' may end meanwhile


def test_the_exit_code_and_the_last_words_of_git_are_in_the_error(repo: Repo) -> None:
    with pytest.raises(GitRefusedError, match="fatal: not a tree object") as caught:
        open_git(str(repo.path), os.environ).run("ls-tree", "-z", "f" * 40)
    assert caught.value.code == 128


def children() -> set[str]:
    """Processes that this thread started and nobody waited for."""
    return set(Path("/proc/thread-self/children").read_text().split())


def test_no_descriptor_and_no_child_is_left_behind(repo: Repo) -> None:
    git = open_git(str(repo.path), os.environ)
    oid = repo.blob(b"x" * 500_000)
    open_before = set(os.listdir("/proc/self/fd"))
    children_before = children()
    for _ in range(3):
        running = git.begin("cat-file", "blob", oid)
        next(running.pieces())
        running.kill()
        git.run("rev-parse", "--git-dir")
        del running
        git.begin("cat-file", "blob", oid)  # and nobody ever asks what it said
    # What other tests left may end meanwhile.
    assert not set(os.listdir("/proc/self/fd")) - open_before
    assert not children() - children_before


def test_git_works_no_longer_than_its_answer_is_waited_for(repo: Repo) -> None:
    """It waits for a writer here, who never comes; and where nobody gave up it is left alone."""
    never = repo.path / "never"
    os.mkfifo(never)
    children_before = children()
    git = open_git(str(repo.path), os.environ)._replace(left=seconds_left)
    with keeping(Deadline(0.2)), pytest.raises(ServiceError, match="in time"):
        git.run("hash-object", "--no-filters", str(never))
    assert not children() - children_before
    assert git.line("rev-parse", "--is-inside-work-tree") == "true"


def test_a_machine_without_git_gets_one_clear_error(
    repo: Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(repo.path))
    with pytest.raises(ServiceError, match="when starting git") as caught:
        open_git(str(repo.path), os.environ).run("--version")
    assert "install git" in caught.value.hint


def test_configuration_from_the_environment_is_dropped(repo: Repo, tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    hostile = {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "core.fsmonitor",
        "GIT_CONFIG_VALUE_0": f"touch {marker}",
        "GIT_CONFIG_PARAMETERS": "'user.name'='Mallory'",
        "GIT_TRACE": str(tmp_path / "trace"),
        "GIT_INDEX_FILE": str(tmp_path / "index"),
    }
    git = open_git(str(repo.path), {**os.environ, **hostile})
    assert git.line("config", "--get", "user.name") == "Ada"
    git.run("ls-files")
    assert not marker.exists()
    assert not (tmp_path / "trace").exists()


def test_a_foreign_git_dir_counts_only_inside_a_hook(repo: Repo, tmp_path: Path) -> None:
    other = init(tmp_path / "other")
    environ = {**os.environ, "GIT_DIR": str(other.path / ".git")}
    here = open_git(str(repo.path), environ).line("rev-parse", "--absolute-git-dir")
    hook = open_git("", environ, inherit_place=True).line("rev-parse", "--absolute-git-dir")
    assert here == str(repo.path / ".git")
    assert hook == str(other.path / ".git")


def test_hooks_and_lazy_fetches_are_off(repo: Repo, tmp_path: Path) -> None:
    repo.commit({"a": b"a"})
    repo.git("config", "uploadpack.allowFilter", "true")
    clone = Repo(tmp_path / "partial")
    repo.git(
        "clone", "-q", "--filter=blob:none", "--no-checkout", f"file://{repo.path}", str(clone.path)
    )
    blob = repo.git("rev-parse", "HEAD:a")
    started = time.monotonic()
    with pytest.raises(GitRefusedError):
        open_git(str(clone.path), os.environ).run("cat-file", "blob", blob)
    assert time.monotonic() - started < 30
    assert "missing" in clone.git("rev-list", "--objects", "--missing=print", "HEAD").replace(
        "?", "missing "
    )
