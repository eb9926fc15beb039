# SPDX-License-Identifier: Apache-2.0
"""One hook for every repository, or for those made from now on: both keep what was there."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from hubpolicy.adapters.hookglobal import FORWARDED
from tests.cli.world import run
from tests.git.repos import Repo, init, need_lfs
from tests.hook.gate_world import MODEL, person, sign
from tests.hook.hooked import place_of, push
from tests.hook.pushes import attested, refs, refused

if TYPE_CHECKING:
    from pathlib import Path

THEIRS = '#!/bin/sh\n{ echo "$0 $*"; cat; } >>"$HOME/theirs"\n'


def script(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def everything(folder: Path) -> dict[str, bytes]:
    """Every file of a home, whatever git or hubpolicy wrote there."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture
def everywhere(home: Path, gate: None) -> Path:
    """The folder that serves as core.hooksPath."""
    assert run("hook", "install", "--global").code == 0
    return home / ".config" / "hubpolicy" / "hooks"


class TestGlobal:
    def test_a_repository_that_nobody_prepared_is_judged(
        self, everywhere: Path, repo: Repo, remote: Repo
    ) -> None:
        repo.commit(MODEL)
        assert "HP201" in refused(push(repo, "origin", "main"))
        assert refs(remote) == []

    def test_its_own_hook_still_runs_and_reads_the_same(
        self, everywhere: Path, repo: Repo, home: Path
    ) -> None:
        script(repo.path / ".git" / "hooks" / "pre-push", THEIRS)
        repo.commit(MODEL)
        refused(push(repo, "origin", "main"))
        assert not (home / "theirs").exists()
        oid = attested(repo)
        assert push(repo, "origin", "main").code == 0
        said = (home / "theirs").read_text()
        assert said.startswith(".git/hooks/pre-push origin ")
        assert f"refs/heads/main {oid} refs/heads/main " in said

    def test_other_hooks_of_the_repository_are_not_hidden(
        self, everywhere: Path, repo: Repo
    ) -> None:
        script(repo.path / ".git" / "hooks" / "pre-commit", "#!/bin/sh\nexit 1\n")
        repo.write({"a": b"1"})
        repo.git("add", "-A")
        assert repo.raw("commit", "-m", "x", ok=False).returncode != 0

    def test_a_server_keeps_its_pre_receive(
        self, everywhere: Path, repo: Repo, remote: Repo
    ) -> None:
        script(remote.path / "hooks" / "pre-receive", "#!/bin/sh\nexit 1\n")
        repo.commit({"a": b"1"})
        assert push(repo, "origin", "main").code != 0
        assert refs(remote) == []

    @pytest.mark.lfs
    def test_git_lfs_still_uploads_and_only_after_the_verdict(
        self, everywhere: Path, repo: Repo, remote: Repo
    ) -> None:
        need_lfs()
        repo.git("lfs", "install", "--skip-repo")
        repo.commit({".gitattributes": b"*.safetensors filter=lfs diff=lfs merge=lfs -text\n"})
        repo.commit(MODEL)
        assert refused(push(repo, "origin", "main"))
        assert not list((remote.path / "lfs").rglob("*"))
        attested(repo)
        done = push(repo, "origin", "main")
        assert done.code == 0, done.said
        stored = [path for path in (remote.path / "lfs" / "objects").rglob("*") if path.is_file()]
        assert len(stored) == 1

    @pytest.mark.parametrize("kind", ["worktree", "submodule"])
    def test_other_kinds_of_repository(
        self, everywhere: Path, repo: Repo, tmp_path: Path, kind: str
    ) -> None:
        repo.commit({"a": b"1"})
        if kind == "worktree":
            repo.git("worktree", "add", "-q", "-b", "side", str(tmp_path / "linked"))
            where = Repo(tmp_path / "linked")
        else:
            assert push(repo, "-q", "origin", "main").code == 0
            repo.git("submodule", "--quiet", "add", str(tmp_path / "remote.git"), "sub")
            where = Repo(repo.path / "sub")
        where.commit(MODEL)
        assert "HP201" in refused(push(where, "origin", "HEAD:refs/heads/new"))

    def test_the_repository_says_that_it_is_looked_after(
        self, everywhere: Path, repo: Repo
    ) -> None:
        done = run("hook", "status", repo.path)
        assert done.code == 0
        assert str(everywhere / "pre-push") in done.out
        again = run("hook", "install", repo.path)
        assert "already installed" in again.out

    def test_uninstall_leaves_nothing(self, home: Path, gate: None) -> None:
        before = everything(home)
        assert run("hook", "install", "--global").code == 0
        assert run("hook", "status", "--global").code == 0
        assert "already installed" in run("hook", "install", "--global").out
        assert run("hook", "uninstall", "--global").code == 0
        assert {k: v for k, v in everything(home).items() if k != ".gitconfig"} == {
            k: v for k, v in before.items() if k != ".gitconfig"
        }
        assert "hooksPath" not in (home / ".gitconfig").read_text()
        assert "was not installed" in run("hook", "uninstall", "--global").out

    def test_a_folder_that_serves_already_is_left_alone(self, home: Path, repo: Repo) -> None:
        repo.git("config", "--global", "core.hooksPath", "~/my-hooks")
        done = run("hook", "install", "--global")
        assert done.code == 2
        assert str(home / "my-hooks") in done.err
        assert "hubpolicy.prepush" in done.err
        assert not (home / ".config" / "hubpolicy" / "hooks").exists()

    @pytest.mark.parametrize("command", ["install", "uninstall"])
    def test_a_file_that_is_not_ours_stops_both(
        self, everywhere: Path, repo: Repo, command: str
    ) -> None:
        script(everywhere / "commit-msg", "#!/bin/sh\n# somebody's\n")
        done = run("hook", command, "--global")
        assert done.code == 2
        assert str(everywhere / "commit-msg") in done.err
        assert repo.git("config", "--global", "core.hooksPath") == str(everywhere)

    def test_an_uninstall_that_is_refused_leaves_git_looking_there(
        self, everywhere: Path, repo: Repo
    ) -> None:
        hook = everywhere / "pre-push"
        hook.write_bytes(hook.read_bytes() + b"# mine\n")
        done = run("hook", "uninstall", "--global")
        assert (done.code, "changed since" in done.err) == (2, True)
        assert repo.git("config", "--global", "core.hooksPath") == str(everywhere)

    def test_git_looking_elsewhere_is_said(self, everywhere: Path, repo: Repo) -> None:
        repo.git("config", "--global", "--unset", "core.hooksPath")
        found = run("hook", "status", "--global", "--format", "json")
        assert found.code == 1
        assert "core.hooksPath is not set" in json.loads(found.out)["hook"]["problems"][0]
        assert run("hook", "install", "--global").code == 0
        assert run("hook", "status", "--global").code == 0

    def test_every_forwarder_is_a_hook_that_git_knows(self, everywhere: Path) -> None:
        written = {path.name for path in everywhere.iterdir()}
        extra = {"pre-push.hubpolicy-next", "pre-push.hubpolicy-state"}
        assert written == set(FORWARDED) | extra


class TestTemplate:
    def test_repositories_made_from_now_on_are_judged(
        self, home: Path, gate: None, tmp_path: Path
    ) -> None:
        before = init(tmp_path / "before")
        assert run("hook", "install", "--template").code == 0
        assert run("hook", "status", "--template").code == 0
        assert run("hook", "status", before.path).code == 1
        source = init(tmp_path / "source.git", "--bare")
        made = init(tmp_path / "made")
        made.git("remote", "add", "origin", str(source.path))
        assert run("hook", "status", made.path).code == 0
        made.commit(MODEL)
        assert "HP201" in refused(push(made, "origin", "main"))
        made.git("clone", "-q", str(source.path), str(tmp_path / "clone"))
        assert run("hook", "status", tmp_path / "clone").code == 0

    def test_what_the_template_had_runs_after_ours(
        self, home: Path, gate: None, repo: Repo, tmp_path: Path
    ) -> None:
        folder = home / "template"
        script(folder / "hooks" / "pre-push", THEIRS)
        repo.git("config", "--global", "init.templateDir", "~/template")
        before = everything(home)
        assert run("hook", "install", "--template").code == 0
        made = init(tmp_path / "made")
        made.git("remote", "add", "origin", str(tmp_path / "remote.git"))
        made.write(MODEL)
        made.git("add", "-A")
        sign(made.path, person())
        made.commit()
        assert push(made, "origin", "main").code == 0
        assert "refs/heads/main" in (home / "theirs").read_text()
        (home / "theirs").unlink()
        assert run("hook", "uninstall", "--template").code == 0
        assert everything(home) == before

    def test_uninstall_of_a_copy_leaves_the_repository_clean(
        self, home: Path, gate: None, tmp_path: Path
    ) -> None:
        assert run("hook", "install", "--template").code == 0
        made = init(tmp_path / "made")
        assert run("hook", "uninstall", made.path).code == 0
        hook = home / ".config" / "hubpolicy" / "template" / "hooks" / "pre-push"
        written = hook.read_bytes()
        hook.write_bytes(written + b"# mine\n")
        assert run("hook", "uninstall", "--template").code == 2
        assert "templateDir" in (home / ".gitconfig").read_text()
        hook.write_bytes(written)
        assert list(place_of(made).folder.iterdir()) == []
        assert run("hook", "uninstall", "--template").code == 0
        assert not (home / ".config" / "hubpolicy" / "template").exists()
        assert "templateDir" not in (home / ".gitconfig").read_text()
        assert "was not installed" in run("hook", "uninstall", "--template").out


def test_two_places_at_once_are_a_usage_error(repo: Repo) -> None:
    for options in (("--global", "--template"), ("--server", "--into", "x")):
        for command in ("install", "uninstall", "status"):
            done = run("hook", command, *options)
            assert (done.code, "give one" in done.err) == (2, True), done.err
