# SPDX-License-Identifier: Apache-2.0
"""One call in a script that another tool owns: put in, found again, taken out byte for byte."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.cli.world import run
from tests.hook.gate_world import MODEL, person, sign
from tests.hook.hooked import push
from tests.hook.pushes import refs, refused

if TYPE_CHECKING:
    from tests.git.repos import Repo

SCRIPTS = {
    "sh": "#!/bin/sh\necho theirs\n",
    "bash by env": "#!/usr/bin/env bash\nset -eu\n\necho theirs\n",
    "no shebang, as husky 9 has it": "npm test\n",
    "no end of line": "#!/bin/sh\nexit 0",
    "empty": "",
    "only a shebang": "#!/bin/dash",
    "windows line ends": "#!/bin/sh\r\nexit 0\r\n",
}
REFUSED = {
    "python": b"#!/usr/bin/env python3\nprint()\n",
    "perl": b"#!/usr/bin/perl\n",
    "nothing behind the mark": b"#!\n",
    "a program": b"\x7fELF\0\0\0",
}


@pytest.mark.parametrize("mode", [0o755, 0o644, 0o711])
@pytest.mark.parametrize("text", SCRIPTS.values(), ids=SCRIPTS.keys())
def test_in_and_out_again(tmp_path: Path, text: str, mode: int) -> None:
    path = tmp_path / "pre-push"
    path.write_bytes(text.encode())
    path.chmod(mode)
    assert run("hook", "status", "--into", path).code == 1
    said = run("hook", "install", "--into", path).out
    assert "installed" in said
    assert "[files] allowed (HP408)" in said
    assert "hubpolicy hook run" in path.read_text()
    assert "already installed" in run("hook", "install", "--into", path).out
    assert (run("hook", "status", "--into", path).code == 0) is bool(mode & 0o100)
    assert path.stat().st_mode & 0o777 == mode
    assert "removed" in run("hook", "uninstall", "--into", path).out
    assert path.stat().st_mode & 0o777 == mode
    assert path.read_bytes() == text.encode()
    assert "was not installed" in run("hook", "uninstall", "--into", path).out


def test_a_script_that_is_not_there_is_made_and_removed(tmp_path: Path) -> None:
    path = tmp_path / ".husky" / "pre-push"
    early = run("hook", "install", "--into", path)
    assert (early.code, path.parent.exists()) == (2, False)
    path.parent.mkdir()
    assert run("hook", "install", "--into", path).code == 0
    assert path.stat().st_mode & 0o777 == 0o755
    assert path.read_text().startswith("#!/bin/sh\n")
    assert run("hook", "uninstall", "--into", path).code == 0
    assert not path.exists()


def test_a_made_script_that_others_added_to_stays(tmp_path: Path) -> None:
    path = tmp_path / "pre-push"
    run("hook", "install", "--into", path)
    with path.open("a") as file:
        file.write("npm test\n")
    assert run("hook", "uninstall", "--into", path).code == 0
    assert path.read_text() == "#!/bin/sh\nnpm test\n"


@pytest.mark.parametrize("content", REFUSED.values(), ids=REFUSED.keys())
def test_what_is_no_shell_script_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "pre-push"
    path.write_bytes(content)
    done = run("hook", "install", "--into", path)
    assert done.code == 2
    assert "POSIX shell" in done.err
    assert "hubpolicy hook run" in done.err
    assert path.read_bytes() == content


@pytest.mark.parametrize("command", ["install", "uninstall", "status"])
def test_a_changed_block_is_not_guessed_at(tmp_path: Path, command: str) -> None:
    path = tmp_path / "pre-push"
    run("hook", "install", "--into", path)
    changed = path.read_text().replace("exit 1", "exit 0")
    path.write_text(changed)
    done = run("hook", command, "--into", path)
    assert (done.code, "changed hubpolicy block" in done.err) == (2, True)
    assert path.read_text() == changed


def test_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("#!/bin/sh\n")
    (tmp_path / "pre-push").symlink_to("real")
    done = run("hook", "install", "--into", tmp_path / "pre-push")
    assert done.code == 2
    assert (tmp_path / "real").read_text() == "#!/bin/sh\n"


def judged(
    path: Path, *before: str, stdin: bytes = b"a b c d\n"
) -> subprocess.CompletedProcess[bytes]:
    """The script as git would start it, after some words of the shell."""
    words = f'{" ".join(before)} exec sh "$0" origin /x'
    return subprocess.run(
        ["sh", "-c", words, str(path)],
        input=stdin,
        capture_output=True,
        timeout=60,
        cwd=path.parent,
    )


@pytest.fixture
def fake(tmp_path: Path) -> Path:
    """A script with our call, and a program of our name that lets everything through."""
    path = tmp_path / "pre-push"
    assert run("hook", "install", "--into", path).code == 0
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "hubpolicy").write_text("#!/bin/sh\ncat >/dev/null\n")
    (tmp_path / "bin" / "hubpolicy").chmod(0o755)
    return path


def test_refs_that_cannot_be_kept_stop_the_push(fake: Path) -> None:
    put = f"PATH={fake.parent}/bin:$PATH; export PATH;"
    assert judged(fake, put).returncode == 0
    full = judged(fake, put, "trap '' XFSZ; ulimit -f 0;")
    assert full.returncode != 0


def test_a_program_inside_of_what_is_pushed_is_none_of_ours(fake: Path) -> None:
    done = judged(fake, "PATH=bin:$PATH; export PATH;")
    assert done.returncode == 1
    assert b"inside of what is pushed" in done.stderr


def test_a_remote_with_the_name_of_an_option_is_a_remote(
    repo: Repo, remote: Repo, gate: None
) -> None:
    run("hook", "install", "--into", repo.path / ".git" / "hooks" / "pre-push")
    repo.git("config", "remote.--help.url", str(remote.path))
    repo.commit(MODEL)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = push(repo, "--", "--help", "HEAD:refs/heads/b", PATH=path)
    assert "HP201" in refused(done)
    assert refs(remote) == []


@pytest.mark.parametrize("how", ["something before it", "not executable"])
def test_a_call_that_never_runs_is_not_green(tmp_path: Path, how: str) -> None:
    path = tmp_path / "pre-push"
    run("hook", "install", "--into", path)
    if how == "not executable":
        path.chmod(0o644)
    else:
        path.write_text(path.read_text().replace("#!/bin/sh\n", "#!/bin/sh\nexit 0\n"))
    assert run("hook", "status", "--into", path).code == 1


class TestHusky:
    """husky 9: core.hooksPath is .husky/_, whose scripts run ``sh -e .husky/<name>``."""

    @pytest.fixture
    def husky(self, repo: Repo, gate: None) -> Repo:
        repo.git("config", "core.hooksPath", ".husky/_")
        hook = repo.path / ".husky" / "_" / "pre-push"
        hook.parent.mkdir(parents=True)
        hook.write_text('#!/usr/bin/env sh\nsh -e "$(dirname "$(dirname "$0")")/pre-push" "$@"\n')
        hook.chmod(0o755)
        (repo.path / ".husky" / "pre-push").write_text('cat >"$HOME/theirs"\n')
        return repo

    def test_install_says_where_the_call_goes(self, husky: Repo) -> None:
        done = run("hook", "install", husky.path)
        assert done.code == 2
        assert "--into" in done.err
        assert "\\x0a" not in done.err

    def test_status_finds_the_call_where_husky_starts_it(self, husky: Repo) -> None:
        script = husky.path / ".husky" / "pre-push"
        assert run("hook", "status", husky.path).code == 1
        run("hook", "install", "--into", script)
        assert run("hook", "status", "--into", script).code == 0
        assert str(script) in run("hook", "status", husky.path).out
        assert run("hook", "status", husky.path).code == 0

    def test_a_script_that_git_never_comes_by_is_not_green(self, husky: Repo) -> None:
        script = husky.path / ".husky" / "pre-push"
        husky.git("config", "--unset", "core.hooksPath")
        assert "git looks for its hooks in" in run("hook", "install", "--into", script).out
        assert run("hook", "status", "--into", script).code == 1
        assert run("hook", "status", husky.path).code == 1

    def test_a_push_is_judged_and_the_rest_reads_the_refs(
        self, husky: Repo, remote: Repo, home: Path
    ) -> None:
        assert run("hook", "install", "--into", husky.path / ".husky" / "pre-push").code == 0
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        (husky.path / ".git" / "info" / "exclude").write_text(".husky\n")
        husky.write(MODEL)
        husky.git("add", "-A")
        husky.git("commit", "-q", "-m", "model")
        assert "HP201" in refused(push(husky, "origin", "main", PATH=path))
        assert not (home / "theirs").exists()
        sign(husky.path, person())
        husky.git("add", "-A")
        husky.git("commit", "-q", "-m", "evidence")
        oid = husky.git("rev-parse", "HEAD")
        done = push(husky, "origin", "main", PATH=path)
        assert done.code == 0, done.said
        assert refs(remote) == ["refs/heads/main"]
        assert f"refs/heads/main {oid} " in (home / "theirs").read_text()

    def test_without_hubpolicy_on_the_path_nothing_goes(self, husky: Repo, remote: Repo) -> None:
        run("hook", "install", "--into", husky.path / ".husky" / "pre-push")
        husky.commit({"a": b"1"})
        done = push(husky, "origin", "main", PATH="/usr/bin:/bin")
        assert done.code != 0
        assert "pip install hubpolicy" in done.said
        assert refs(remote) == []
