"""Inside a git work tree a folder means what git tracks or would add."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from hubpolicy.adapters.files import FolderRelease
from hubpolicy.adapters.git import GitRepository
from hubpolicy.adapters.git_process import open_git
from hubpolicy.errors import ServiceError
from tests.git.repos import Repo, init, isolate, need_lfs, pointer

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _nobodys_configuration(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    isolate(monkeypatch, tmp_path / "home")


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    return init(tmp_path / "repo")


def rules(release: FolderRelease) -> list[tuple[str, str]]:
    return [(f.rule, f.location.path if f.location else "") for f in release.findings]


def test_tracked_and_new_but_not_ignored(repo: Repo) -> None:
    repo.commit({".gitignore": b"*.tmp\nruns/\n", "README.md": b"x", "forced.tmp": b"y"})
    repo.write({"new.bin": b"1", "scratch.tmp": b"2", "runs/log": b"3", "gone": b"4"})
    repo.git("add", "gone")
    (repo.path / "gone").unlink()
    release = FolderRelease(repo.path)
    assert release.paths == (".gitignore", "README.md", "forced.tmp", "new.bin")
    assert release.findings == ()


def test_names_with_quotes_newlines_and_other_letters_come_as_they_are(repo: Repo) -> None:
    repo.commit({'"q" ünï 模型.bin': b"x", "a b/ c": b"y"})
    repo.write({"line\nbreak": b"z"})
    release = FolderRelease(repo.path)
    assert release.paths == ('"q" ünï 模型.bin', "a b/ c")
    assert rules(release) == [("HP401", "line\\nbreak")]


def test_the_same_manifest_as_the_commit(repo: Repo) -> None:
    oid = repo.commit(
        {
            "README.md": b"# card\r\n",
            ".gitattributes": b"*.md text eol=lf\n",
            "sub/模型 x.bin": os.urandom(2000),
            "empty": b"",
            ".hubpolicy/x": b"{}",
            "model.sig": b"{}",
        }
    )
    repo.git("checkout", "-q", "-f", "HEAD")
    in_git = GitRepository(open_git(str(repo.path), os.environ)).release(oid)
    # The file on this disk has CRLF, the commit LF: what is released is another file.
    assert FolderRelease(repo.path).manifest != in_git.manifest
    (repo.path / "README.md").unlink()
    repo.git("checkout", "-q", "-f", "HEAD")
    assert FolderRelease(repo.path).manifest == in_git.manifest


@pytest.mark.lfs
def test_the_same_digest_as_the_commit_with_lfs(repo: Repo) -> None:
    need_lfs()
    repo.git("lfs", "install", "--local")
    oid = repo.commit(
        {".gitattributes": b"*.bin filter=lfs diff=lfs merge=lfs -text\n", "m.bin": b"w" * 5000}
    )
    in_git = GitRepository(open_git(str(repo.path), os.environ)).release(oid)
    release = FolderRelease(repo.path)
    assert release.findings == ()
    assert release.manifest.dir_hash == in_git.manifest.dir_hash


def test_a_clone_without_lfs_content_says_so(repo: Repo) -> None:
    repo.commit({"m.bin": pointer(b"weights")})
    assert rules(FolderRelease(repo.path)) == [("HP404", "m.bin")]


def test_a_folder_below_the_top(repo: Repo) -> None:
    repo.commit({"README.md": b"top", "models/a/README.md": b"x", "models/b/README.md": b"y"})
    repo.write({"models/a/new": b"z"})
    assert FolderRelease(repo.path / "models/a").paths == ("README.md", "new")


def test_an_ignored_folder_is_a_plain_folder(repo: Repo) -> None:
    repo.commit({".gitignore": b"/out/\n*.tmp\n"})
    repo.write({"out/m/README.md": b"x", "out/m/a.tmp": b"y"})
    assert FolderRelease(repo.path / "out/m").paths == ("README.md", "a.tmp")
    assert FolderRelease(repo.path / "out").paths == ("m/README.md", "m/a.tmp")


def test_a_folder_of_only_ignored_files_is_empty(repo: Repo) -> None:
    repo.commit({".gitignore": b"*.tmp\n"})
    repo.write({"m/a.tmp": b"y"})
    assert FolderRelease(repo.path / "m").paths == ()


def test_ignored_evidence_is_still_read(repo: Repo) -> None:
    repo.commit({".gitignore": b".hubpolicy/\nmodel.sig\n", "README.md": b"x"})
    repo.write({".hubpolicy/x": b"1", "model.sig": b"2"})
    release = FolderRelease(repo.path)
    assert [file.path for file in release.evidence_files()] == [".hubpolicy/x", "model.sig"]
    assert release.paths == (".gitignore", "README.md")


def test_a_submodule_is_refused(repo: Repo, tmp_path: Path) -> None:
    other = init(tmp_path / "other")
    other.commit({"x": b"x"})
    repo.git("submodule", "--quiet", "add", str(other.path), "sub")
    assert rules(FolderRelease(repo.path)) == [("HP402", "sub")]


def test_a_nested_repository_is_refused(repo: Repo) -> None:
    repo.commit({"README.md": b"x"})
    init(repo.path / "nested").commit({"weights.bin": b"x"})
    release = FolderRelease(repo.path)
    assert rules(release) == [("HP402", "nested")]
    assert release.paths == ("README.md",)


def test_links_are_refused_also_when_git_tracks_what_is_behind_them(repo: Repo) -> None:
    repo.commit({"sub/x": b"x", "README.md": b"y"})
    (repo.path / "link").symlink_to("README.md")
    (repo.path / "sub").rename(repo.path.parent / "moved")
    (repo.path / "sub").symlink_to("../moved")
    release = FolderRelease(repo.path)
    assert release.paths == ("README.md",)
    assert rules(release) == [("HP402", "link"), ("HP402", "sub")]


def test_a_path_in_conflict_comes_once(repo: Repo) -> None:
    base = repo.commit({"x": b"base"})
    repo.git("checkout", "-q", "-b", "other")
    repo.commit({"x": b"other"})
    repo.git("checkout", "-q", "-B", "main", base)
    repo.commit({"x": b"main"})
    repo.git("merge", "other", ok=False)
    assert repo.git("ls-files", "-u")
    assert FolderRelease(repo.path).paths == ("x",)


def test_a_foreign_git_dir_does_not_decide(
    repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = init(tmp_path / "other")
    other.commit({"x": b"x"})
    repo.commit({"README.md": b"x"})
    monkeypatch.setenv("GIT_DIR", str(other.path / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(other.path))
    monkeypatch.setenv("GIT_INDEX_FILE", str(other.path / ".git/index"))
    assert FolderRelease(repo.path).paths == ("README.md",)


def test_nothing_of_a_hostile_configuration_is_run(repo: Repo, tmp_path: Path) -> None:
    trap, sprung = tmp_path / "trap", tmp_path / "sprung"
    trap.write_text(f"#!/bin/sh\ntouch '{sprung}'\ncat\n")
    trap.chmod(0o755)
    repo.commit({"README.md": b"x", ".gitattributes": b"* filter=evil diff=evil\n"})
    for key in ("core.fsmonitor", "filter.evil.clean", "filter.evil.process", "diff.evil.textconv"):
        repo.git("config", key, str(trap))
    for hook in ("post-index-change", "fsmonitor-watchman"):
        (repo.path / ".git/hooks" / hook).parent.mkdir(exist_ok=True)
        (repo.path / ".git/hooks" / hook).symlink_to(trap)
    repo.write({"README.md": b"y", "new": b"z"})
    assert FolderRelease(repo.path).manifest.entries
    assert not sprung.exists()


def test_a_worktree_of_its_own_has_a_git_file(repo: Repo, tmp_path: Path) -> None:
    repo.commit({"README.md": b"x", ".gitignore": b"*.tmp\n"})
    repo.git("worktree", "add", "-q", str(tmp_path / "second"), "-b", "second")
    (tmp_path / "second" / "a.tmp").write_bytes(b"")
    assert FolderRelease(tmp_path / "second").paths == (".gitignore", "README.md")


def test_a_git_folder_that_is_no_repository_has_no_say(tmp_path: Path) -> None:
    (tmp_path / "m/.git").mkdir(parents=True)
    (tmp_path / "m/README.md").write_bytes(b"x")
    assert FolderRelease(tmp_path / "m").paths == ("README.md",)


def test_a_repository_that_git_refuses_is_an_error(repo: Repo) -> None:
    repo.commit({"README.md": b"x"})
    repo.git("config", "core.repositoryformatversion", "99")
    with pytest.raises(ServiceError, match="found 99") as caught:
        FolderRelease(repo.path)
    assert "git status" in caught.value.hint


def test_without_git_a_work_tree_cannot_be_judged(
    repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo.commit({"README.md": b"x"})
    plain = tmp_path / "plain"
    plain.mkdir()
    monkeypatch.setenv("PATH", str(plain))
    with pytest.raises(ServiceError, match="git"):
        FolderRelease(repo.path)
    assert FolderRelease(plain).paths == ()
