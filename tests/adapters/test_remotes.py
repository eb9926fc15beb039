# SPDX-License-Identifier: Apache-2.0
"""Which Hub repository a folder belongs to, by the remotes of its own git repository."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from hubpolicy.adapters.remotes import hub_repositories
from hubpolicy.domain.release import RepoId
from hubpolicy.errors import ServiceError

if TYPE_CHECKING:
    from pathlib import Path

LOCAL = "http://127.0.0.1:8931"


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True, timeout=60)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-q")
    return tmp_path


def found(folder: Path) -> tuple[RepoId, ...]:
    return hub_repositories(str(folder), (LOCAL,))


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://huggingface.co/acme/wizard", RepoId("acme", "wizard")),
        ("https://ada:hf_secret@huggingface.co/acme/wizard.git", RepoId("acme", "wizard")),
        ("git@hf.co:acme/wizard", RepoId("acme", "wizard")),
        (f"{LOCAL}/acme/wizard", RepoId("acme", "wizard", "model", LOCAL)),
    ],
)
def test_a_hub_remote_names_the_repository(tree: Path, url: str, expected: RepoId) -> None:
    git(tree, "remote", "add", "origin", url)
    assert found(tree) == (expected,)


def test_other_remotes_name_nothing(tree: Path) -> None:
    assert found(tree) == ()
    git(tree, "remote", "add", "origin", "https://github.com/acme/wizard")
    git(tree, "remote", "add", "disk", "/srv/git/wizard")
    git(tree, "remote", "add", "odd", "https://huggingface.co/docs")
    assert found(tree) == ()


def test_two_remotes_of_one_repository_are_one(tree: Path) -> None:
    git(tree, "remote", "add", "origin", "https://huggingface.co/acme/wizard")
    git(tree, "remote", "add", "again", "git@hf.co:acme/wizard.git")
    git(tree, "remote", "add", "other", "https://huggingface.co/acme/other")
    assert {repo.text for repo in found(tree)} == {"acme/wizard", "acme/other"}
    assert len(found(tree)) == 2


def test_an_abbreviated_url_is_read_as_git_reads_it(tree: Path) -> None:
    git(tree, "config", "url.https://huggingface.co/.insteadOf", "hf:")
    git(tree, "remote", "add", "origin", "hf:acme/wizard")
    assert found(tree) == (RepoId("acme", "wizard"),)


def test_a_folder_inside_of_a_work_tree_is_not_what_its_remote_is_about(tree: Path) -> None:
    git(tree, "remote", "add", "origin", "https://huggingface.co/acme/wizard")
    (tree / "models" / "small").mkdir(parents=True)
    assert found(tree / "models" / "small") == ()


def test_a_link_to_a_work_tree_is_that_work_tree(
    tree: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    git(tree, "remote", "add", "origin", "https://huggingface.co/acme/wizard")
    link = tmp_path_factory.mktemp("elsewhere") / "model"
    link.symlink_to(tree)
    assert found(link) == (RepoId("acme", "wizard"),)


def test_outside_of_git_and_in_a_bare_repository_there_is_none(tmp_path: Path) -> None:
    assert found(tmp_path) == ()
    assert found(tmp_path / "missing") == ()
    git(tmp_path, "init", "-q", "--bare", "bare.git")
    assert found(tmp_path / "bare.git") == ()


def test_a_broken_configuration_is_an_error_with_what_to_do(tree: Path) -> None:
    (tree / ".git" / "config").write_text('[remote "origin"\n  url = x\n', encoding="utf-8")
    with pytest.raises(ServiceError, match="git refuses") as caught:
        found(tree)
    assert "git status" in caught.value.hint


def test_reading_remotes_runs_nothing_of_the_repository(tree: Path) -> None:
    mark = tree / "mark"
    script = tree / "evil.sh"
    script.write_text(f"#!/bin/sh\ntouch {mark}\n", encoding="utf-8")
    script.chmod(0o755)
    for key in ("core.fsmonitor", "core.sshCommand", "core.pager", "core.gitProxy", "alias.remote"):
        git(tree, "config", key, f"!{script}" if key.startswith("alias") else str(script))
    git(tree, "remote", "add", "origin", "git@hf.co:acme/wizard")
    assert found(tree) == (RepoId("acme", "wizard"),)
    assert not mark.exists()
