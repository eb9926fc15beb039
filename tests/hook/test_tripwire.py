# SPDX-License-Identifier: Apache-2.0
"""The tripwire in git's configuration: written, found, taken away, and what it does when pulled.

git 2.54 and newer start it themselves, and these tests push then. Under an older git the command is
started by hand as git-hook(1) says that git does: by a shell, with the hook's arguments and input.
"""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from hubpolicy.adapters import hooktrip
from hubpolicy.adapters.git_process import open_git
from hubpolicy.core.rules.hp901 import numbers
from tests.cli.world import run
from tests.git.repos import ZERO, Repo, init
from tests.hook.hooked import Pushed, push
from tests.hook.pushes import attested, refs, refused

if TYPE_CHECKING:
    from pathlib import Path

VERSION = subprocess.run(["git", "--version"], capture_output=True, check=True, text=True).stdout
NEW = numbers(VERSION.split()[2]) >= hooktrip.SINCE
WEIGHTS = {"model.safetensors": b"\x10\0\0\0\0\0\0\0{}" + b"weights" * 40}


@pytest.fixture
def wired(repo: Repo, gate: None) -> Repo:
    assert run("hook", "install", repo.path).code == 0
    return repo


def configured(repo: Repo, scope: str = "--local") -> str:
    return repo.git("config", scope, "--get", hooktrip.SECTION + ".command")


def pull(repo: Repo, *settings: str) -> Pushed:
    """A push of main, with these settings of git, as far as the tripwire is concerned."""
    if NEW:
        return push_with(repo, settings)
    oid = repo.git("rev-parse", "HEAD")
    environment = os.environ | {
        "GIT_CONFIG_COUNT": str(len(settings)),
        **{f"GIT_CONFIG_KEY_{n}": s.partition("=")[0] for n, s in enumerate(settings)},
        **{f"GIT_CONFIG_VALUE_{n}": s.partition("=")[2] for n, s in enumerate(settings)},
    }
    url = repo.git("remote", "get-url", "origin")
    command = repo.git("config", "--get", hooktrip.SECTION + ".command")
    done = subprocess.run(
        ["sh", "-c", f'{command} "$@"', command, "origin", url],
        cwd=repo.path, input=f"refs/heads/main {oid} refs/heads/main {ZERO}\n".encode(),
        capture_output=True, timeout=60, env=environment,
    )  # fmt: skip
    return Pushed(done.returncode, done.stderr.decode(errors="backslashreplace"))


def push_with(repo: Repo, settings: tuple[str, ...]) -> Pushed:
    flags = [word for setting in settings for word in ("-c", setting)]
    done = repo.raw(*flags, "push", "origin", "main", ok=False)
    return Pushed(done.returncode, done.stderr.decode(errors="backslashreplace"))


class TestInstalling:
    def test_in_and_out_again_leaves_every_byte(self, repo: Repo, gate: None) -> None:
        before = contents(repo.path / ".git")
        assert run("hook", "install", repo.path).code == 0
        assert configured(repo)
        assert repo.git("config", "--get-all", "hook.hubpolicy.event") == "pre-push"
        assert "already installed" in run("hook", "install", repo.path).out
        assert run("hook", "uninstall", repo.path).code == 0
        assert contents(repo.path / ".git") == before
        assert "was not installed" in run("hook", "uninstall", repo.path).out

    def test_for_every_repository_of_a_user(self, repo: Repo, gate: None, home: Path) -> None:
        assert run("hook", "install", "--global").code == 0
        assert str(home) in configured(repo, "--global")
        assert "already installed" in run("hook", "install", "--global").out
        assert run("hook", "uninstall", "--global").code == 0
        assert "hubpolicy" not in (home / ".gitconfig").read_text()
        assert not (home / ".config" / "hubpolicy" / "tripwire").exists()

    def test_a_command_of_somebody_else_is_left_alone(self, repo: Repo, gate: None) -> None:
        repo.git("config", "hook.hubpolicy.command", "true")
        ran = run("hook", "install", repo.path)
        assert (ran.code, "--remove-section" in ran.err) == (2, True)
        assert configured(repo) == "true"
        run("hook", "uninstall", repo.path)
        assert configured(repo) == "true"

    def test_a_linked_work_tree_shares_it_and_a_moved_one_takes_it_along(
        self, wired: Repo, tmp_path: Path
    ) -> None:
        wired.commit(WEIGHTS)
        wired.git("worktree", "add", "-q", str(tmp_path / "linked"), "-b", "side")
        assert run("hook", "status", tmp_path / "linked").code == 0
        wired.git("worktree", "remove", "--force", str(tmp_path / "linked"))
        moved = Repo(wired.path.rename(tmp_path / "moved"))
        assert refused(pull(moved, "core.hooksPath=/dev/null"))


class TestStatus:
    def test_whether_this_git_reads_it(self, wired: Repo) -> None:
        document = run("hook", "status", wired.path, "--format", "json").document
        said = document["hook"]["tripwire"]
        assert said["stands"] is NEW
        assert NEW or "2.54" in said["remark"]
        assert "tripwire in git's configuration" in run("hook", "status", wired.path).out

    @pytest.mark.parametrize(
        ("settings", "said"),
        [
            (("hook.hubpolicy.enabled", "false"), "hook.hubpolicy.enabled is false"),
            (("hook.pre-push.enabled", "no"), "hook.pre-push.enabled is false"),
            (("--unset", "hook.hubpolicy.event"), "there is none"),
        ],
    )
    def test_what_switches_it_off(self, wired: Repo, settings: tuple[str, ...], said: str) -> None:
        wired.git("config", *settings)
        assert said in run("hook", "status", wired.path).out

    def test_a_script_that_is_gone(self, wired: Repo) -> None:
        wired.commit({"a.txt": b"a"})
        (wired.path / ".git" / "hubpolicy" / "tripwire").unlink()
        assert "is gone: hubpolicy hook install" in run("hook", "status", wired.path).out
        assert pull(wired).code != 0
        assert "installed" in run("hook", "install", wired.path).out

    def test_a_git_of_any_number(self, wired: Repo) -> None:
        git = open_git(str(wired.path), os.environ)
        assert hooktrip.inspect(git, hooktrip.local_wire(git)).stands is NEW


class TestPulled:
    """What git's own hook does not judge is judged here; a release without evidence stays."""

    @pytest.mark.parametrize(
        "how", ["hooksPath", "removed", "replaced", "not executable", "a comment alone"]
    )
    def test_by_whoever_takes_the_hook_away(self, wired: Repo, remote: Repo, how: str) -> None:
        wired.commit(WEIGHTS)
        hook = wired.path / ".git" / "hooks" / "pre-push"
        if how == "removed":
            hook.unlink()
        elif how == "not executable":
            hook.chmod(0o644)
        elif how != "hooksPath":
            hook.write_text(f"#!/bin/sh\n{'# hubpolicy hook run' if how[0] == 'a' else ''}\n")
        done = pull(wired, *(["core.hooksPath=/dev/null"] if how == "hooksPath" else []))
        assert "HP201" in refused(done)
        assert "too late for Git LFS" in done.said
        assert refs(remote) == []

    def test_not_while_the_hook_judges(self, wired: Repo) -> None:
        attested(wired)
        done = pull(wired)
        assert done.code == 0, done.said
        assert "too late" not in done.said

    def test_not_while_a_call_in_husky_s_script_judges(self, wired: Repo) -> None:
        wired.git("config", "core.hooksPath", ".husky/_")
        hook = wired.path / ".husky" / "_" / "pre-push"
        hook.parent.mkdir(parents=True)
        hook.write_text("#!/bin/sh\nexit 0\n")
        hook.chmod(0o755)
        (wired.path / ".git" / "info" / "exclude").write_text(".husky\n")
        attested(wired)
        assert "too late" in pull(wired).said
        run("hook", "install", "--into", wired.path / ".husky" / "pre-push")
        assert "too late" not in pull(wired).said

    def test_a_release_with_evidence_and_what_is_none_pass_it(self, wired: Repo) -> None:
        attested(wired)
        assert "passed" in pull(wired, "core.hooksPath=/dev/null").said

    def test_a_python_that_is_gone_stops_it(self, wired: Repo) -> None:
        script = wired.path / ".git" / "hubpolicy" / "tripwire"
        lines = script.read_text().split("\n")
        lines = ["python='/no/python'" if line.startswith("python=") else line for line in lines]
        script.write_text("\n".join(lines))
        wired.commit({"a.txt": b"a"})
        done = pull(wired, "core.hooksPath=/dev/null")
        assert (done.code != 0, "its Python is gone" in done.said) == (True, True)

    def test_in_a_bare_repository(self, wired: Repo, tmp_path: Path) -> None:
        wired.commit(WEIGHTS)
        wired.git("clone", "-q", "--bare", str(wired.path), str(tmp_path / "bare.git"))
        bare = Repo(tmp_path / "bare.git")
        init(tmp_path / "other.git", "--bare")
        bare.git("remote", "set-url", "origin", str(tmp_path / "other.git"))
        assert run("hook", "install", bare.path).code == 0
        assert refused(pull(bare, "core.hooksPath=/dev/null"))
        assert refused(push(bare, "origin", "main"))


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}
