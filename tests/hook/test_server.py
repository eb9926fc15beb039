# SPDX-License-Identifier: Apache-2.0
"""The server's hook: nobody's clone has to be trusted, and nothing that is pushed has a say."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from hubpolicy.adapters import hookfile, hookplace
from hubpolicy.adapters.git_process import open_git
from hubpolicy.domain.refs import parse_received
from hubpolicy.errors import MalformedError
from tests.cli.world import run
from tests.git.repos import ZERO, Repo, need_lfs, pointer
from tests.hook import pushes
from tests.hook.gate_world import ENDPOINT, MODEL, person, sign
from tests.hook.hooked import Pushed, push
from tests.hook.pushes import WEIGHTS, attested, refs

OID = "a" * 40
# As Gitea writes it: every program of the folder gets the same input.
DISPATCHER = """#!/usr/bin/env bash
data=$(cat)
hookname=$(basename $0)
GIT_DIR=${GIT_DIR:-$(dirname $0)/..}
for hook in ${GIT_DIR}/hooks/pre-receive.d/*; do
  test -x "${hook}" && test -f "${hook}" || continue
  echo "${data}" | "${hook}" || exit 1
done
"""


def configure(server: Repo) -> None:
    for name, value in (
        ("receive.fsckObjects", "true"),
        ("hubpolicy.target", "acme/wizard"),
        ("hubpolicy.endpoint", ENDPOINT),
    ):
        server.git("config", name, value)


@pytest.fixture
def server(remote: Repo, home: Path) -> Repo:
    """A bare repository whose git user has policy and trust, with the hook installed."""
    person().install(home)
    configure(remote)
    assert run("hook", "install", "--server", remote.path).code == 0
    return remote


def refused(pushed: Pushed) -> set[str]:
    return pushes.refused(pushed, closing="Nothing was accepted.")


class TestWhatIsReceived:
    def test_a_release_without_evidence(self, repo: Repo, server: Repo) -> None:
        repo.commit(MODEL)
        assert {"HP201", "HP301"} <= refused(push(repo, "origin", "main"))
        assert refs(server) == []
        assert server.git("count-objects") == "0 objects, 0 kilobytes"  # the quarantine is gone

    def test_a_clients_no_verify_changes_nothing(self, repo: Repo, server: Repo) -> None:
        repo.commit(MODEL)
        assert refused(push(repo, "--no-verify", "origin", "main"))

    def test_with_evidence_it_passes(self, repo: Repo, server: Repo) -> None:
        attested(repo)
        pushed = push(repo, "origin", "main", "main:refs/tags/v1")
        assert pushed.code == 0, pushed.said
        assert "refs/heads/main  passed  (4 files, dirHash " in pushed.said
        assert refs(server) == ["refs/heads/main", "refs/tags/v1"]

    def test_one_changed_byte(self, repo: Repo, server: Repo) -> None:
        first = attested(repo)
        assert push(repo, "origin", "main").code == 0
        repo.commit({"model.safetensors": WEIGHTS[:-1] + b"S"})
        assert {"HP201", "HP308"} <= refused(push(repo, "origin", "main"))
        assert server.git("rev-parse", "main") == first

    def test_one_bad_ref_keeps_the_good_one_out(self, repo: Repo, server: Repo) -> None:
        attested(repo)
        repo.git("checkout", "-q", "-b", "other")
        repo.commit({"model.safetensors": b"other weights"})
        assert refused(push(repo, "origin", "main", "other"))
        assert refs(server) == []

    def test_weights_hidden_in_history(self, repo: Repo, server: Repo) -> None:
        repo.commit({"leaked.safetensors": b"\x10\0\0\0\0\0\0\0{}" + b"leaked" * 40})
        (repo.path / "leaked.safetensors").unlink()
        attested(repo)
        assert "HP601" in refused(push(repo, "origin", "main"))

    def test_history_that_the_server_has_is_not_judged_again(
        self, repo: Repo, server: Repo
    ) -> None:
        attested(repo)
        assert push(repo, "origin", "main").code == 0
        assert push(repo, "origin", "main:refs/heads/second").code == 0
        assert push(repo, "origin", ":refs/heads/second").code == 0
        assert refs(server) == ["refs/heads/main"]

    def test_evidence_for_another_repository(self, repo: Repo, server: Repo) -> None:
        server.git("config", "hubpolicy.target", "acme/other")
        attested(repo)
        assert "HP307" in refused(push(repo, "origin", "main"))

    def test_what_is_pushed_cannot_configure_the_server(self, repo: Repo, server: Repo) -> None:
        repo.commit({**MODEL, ".git-config": b"", "hubpolicy.toml": b"", "gate.json": b"{}"})
        assert push(repo, "origin", "main", HUBPOLICY_KEY="x", GIT_CONFIG_COUNT="0").code != 0
        repo.commit(remove=("hubpolicy.toml",))  # which may tighten, and was no policy
        assert refused(push(repo, "origin", "main", HUBPOLICY_KEY="x", GIT_CONFIG_COUNT="0"))


class TestLfs:
    def test_a_pointer_whose_object_was_never_uploaded(self, repo: Repo, server: Repo) -> None:
        from hubpolicy.adapters.files import FolderRelease

        repo.write(MODEL)
        manifest = FolderRelease(repo.path).manifest
        repo.write({"model.safetensors": pointer(WEIGHTS)})
        sign(repo.path, person(), manifest=manifest)
        repo.commit()
        pushed = push(repo, "origin", "main")
        assert "HP404" in refused(pushed)
        assert "git lfs push --all origin" in pushed.said
        assert refs(server) == []

    def test_objects_come_first_and_then_the_refs(self, repo: Repo, server: Repo) -> None:
        need_lfs()
        from hubpolicy.adapters.files import FolderRelease

        repo.git("lfs", "install", "--local")
        repo.git("lfs", "track", "*.safetensors")
        repo.write(MODEL)
        repo.git("add", "-A")
        manifest = FolderRelease(repo.path).manifest
        sign(repo.path, person(), manifest=manifest)
        repo.commit()
        pushed = push(repo, "origin", "main")
        assert pushed.code == 0, pushed.said
        assert refs(server) == ["refs/heads/main"]


class TestSettings:
    @pytest.mark.parametrize(
        ("name", "value", "said"),
        [
            ("hubpolicy.target", "", "git config hubpolicy.target NAMESPACE/NAME"),
            ("hubpolicy.target", "no name", "hubpolicy.target"),
            ("receive.fsckObjects", "", "git config receive.fsckObjects true"),
            ("receive.fsckObjects", "false", "git config receive.fsckObjects true"),
            ("receive.fsckObjects", "0", "git config receive.fsckObjects true"),
        ],
    )
    def test_without_them_no_release_is_accepted(
        self, repo: Repo, server: Repo, name: str, value: str, said: str
    ) -> None:
        server.git(*(("config", name, value) if value else ("config", "--unset", name)))
        attested(repo)
        pushed = push(repo, "origin", "main")
        refused(pushed)
        assert said in pushed.said
        assert refs(server) == []

    def test_without_policy_no_release_is_accepted(
        self, repo: Repo, server: Repo, home: Path
    ) -> None:
        attested(repo)
        shutil.rmtree(home / ".config" / "hubpolicy")
        pushed = push(repo, "origin", "main")
        refused(pushed)
        assert "hubpolicy init" in pushed.said

    def test_install_says_what_is_still_to_be_told(self, remote: Repo) -> None:
        ran = run("hook", "install", "--server", remote.path)
        assert ran.code == 0
        assert "git config receive.fsckObjects true" in ran.out
        assert "git config hubpolicy.target NAMESPACE/NAME" in ran.out
        configure(remote)
        again = run("hook", "install", "--server", remote.path)
        assert "already installed" in again.out
        assert "judges every push into acme/wizard" in again.out


class TestInstalling:
    def test_uninstall_restores_the_former_hook(self, remote: Repo) -> None:
        former = remote.path / "hooks" / "pre-receive"
        former.parent.mkdir(exist_ok=True)
        former.write_text("#!/bin/sh\ncat > seen\n")
        former.chmod(0o755)
        before = {p.name: (p.read_bytes(), p.stat().st_mode) for p in former.parent.iterdir()}
        assert run("hook", "install", "--server", remote.path).code == 0
        assert run("hook", "status", "--server", remote.path).code == 0
        assert run("hook", "uninstall", "--server", remote.path).code == 0
        after = {p.name: (p.read_bytes(), p.stat().st_mode) for p in former.parent.iterdir()}
        assert after == before
        assert run("hook", "status", "--server", remote.path).code == 1

    def test_the_former_hook_gets_the_same_refs_and_only_on_a_pass(
        self, repo: Repo, server: Repo
    ) -> None:
        run("hook", "uninstall", "--server", server.path)
        former = server.path / "hooks" / "pre-receive"
        former.write_text("#!/bin/sh\ncat > seen\n")
        former.chmod(0o755)
        run("hook", "install", "--server", server.path)
        repo.commit(MODEL)
        refused(push(repo, "origin", "main"))
        assert not (server.path / "seen").exists()
        repo.git("checkout", "-q", "--orphan", "clean")
        oid = attested(repo)
        assert push(repo, "origin", "HEAD:main").code == 0
        assert (server.path / "seen").read_text() == f"{ZERO} {oid} refs/heads/main\n"

    def test_a_broken_former_hook_keeps_everything_out(self, repo: Repo, server: Repo) -> None:
        run("hook", "uninstall", "--server", server.path)
        former = server.path / "hooks" / "pre-receive"
        former.write_text("#!/bin/sh\nexit 7\n")
        former.chmod(0o755)
        run("hook", "install", "--server", server.path)
        attested(repo)
        assert push(repo, "origin", "main").code != 0
        assert refs(server) == []

    def test_among_the_programs_of_gitea_and_forgejo(self, remote: Repo) -> None:
        several = remote.path / "hooks" / "pre-receive.d"
        several.mkdir(parents=True)
        (several / "gitea").write_text("#!/bin/sh\n")
        dispatcher = remote.path / "hooks" / "pre-receive"
        dispatcher.write_text(DISPATCHER)
        dispatcher.chmod(0o755)
        assert run("hook", "install", "--server", remote.path).code == 0
        assert {path.name for path in several.iterdir()} == {
            "gitea", "hubpolicy", "hubpolicy.hubpolicy-state",
        }  # fmt: skip
        runnable = [p.name for p in several.iterdir() if p.stat().st_mode & stat.S_IXUSR]
        assert runnable == ["hubpolicy"]
        assert run("hook", "uninstall", "--server", remote.path).code == 0
        assert [path.name for path in several.iterdir()] == ["gitea"]

    def test_gitea_s_dispatcher_runs_it(self, repo: Repo, remote: Repo, home: Path) -> None:
        person().install(home)
        configure(remote)
        (remote.path / "hooks" / "pre-receive.d").mkdir(parents=True)
        dispatcher = remote.path / "hooks" / "pre-receive"
        dispatcher.write_text(DISPATCHER)
        dispatcher.chmod(0o755)
        run("hook", "install", "--server", remote.path)
        repo.commit(MODEL)
        assert "HP201" in refused(push(repo, "origin", "main"))
        assert refs(remote) == []

    @pytest.mark.parametrize("dispatcher", ["", "#!/bin/sh\nexit 0\n"])
    def test_a_folder_that_nobody_runs_is_no_place_for_it(
        self, repo: Repo, remote: Repo, home: Path, dispatcher: str
    ) -> None:
        person().install(home)
        configure(remote)
        (remote.path / "hooks" / "pre-receive.d").mkdir(parents=True)
        if dispatcher:
            (remote.path / "hooks" / "pre-receive").write_text(dispatcher)
            (remote.path / "hooks" / "pre-receive").chmod(0o755)
        run("hook", "install", "--server", remote.path)
        repo.commit(MODEL)
        assert refused(push(repo, "origin", "main"))
        assert refs(remote) == []

    def test_not_into_a_work_tree(self, repo: Repo) -> None:
        ran = run("hook", "install", "--server", repo.path)
        assert ran.code == 2
        assert "bare repository" in ran.err

    @pytest.mark.parametrize("python", ["/no/such/python", "/bin/false"])
    def test_a_python_that_is_gone_keeps_everything_out(
        self, repo: Repo, remote: Repo, python: str
    ) -> None:
        git = open_git(str(remote.path), os.environ, see_hooks=True)
        place = hookplace.server_place(git, hookplace.locate(git))
        template = (Path(__file__).parents[2] / "hooks" / "pre-receive").read_bytes()
        hookfile.install(place, template, hookplace.Interpreter(python, ("/no/folder",)))
        repo.commit({"main.py": b"print()\n"})
        assert push(repo, "origin", "main").code != 0
        assert refs(remote) == []


class TestInput:
    def test_three_columns(self) -> None:
        name = "refs/heads/with spaces"
        (update,) = parse_received(f"{ZERO} {OID} {name}\n".encode()).updates
        assert (update.creates, update.local_oid, update.remote_ref) == (True, OID, name)

    @pytest.mark.parametrize(
        "line", [b"x\n", b"a b c\n", f"{OID} {OID}\n".encode(), f"{OID} {OID} \n".encode(),
                 f"{OID[:-1]} {OID} refs/heads/a\n".encode()],
    )  # fmt: skip
    def test_anything_else_is_refused(self, line: bytes, server: Repo) -> None:
        with pytest.raises(MalformedError, match="line 1 of git's pre-receive input"):
            parse_received(line)
        done = subprocess.run(
            [str(server.path / "hooks" / "pre-receive")],
            cwd=server.path, input=line, capture_output=True, timeout=60,
        )  # fmt: skip
        assert done.returncode == 1
        assert b"Nothing was accepted." in done.stderr

    def test_nothing_to_do(self, server: Repo) -> None:
        done = subprocess.run([str(server.path / "hooks" / "pre-receive")], cwd=server.path,
                              input=b"", capture_output=True, timeout=60)  # fmt: skip
        assert done.returncode == 0


def test_a_push_that_releases_nothing_needs_no_target(repo: Repo, remote: Repo, home: Path) -> None:
    person().install(home)
    remote.git("config", "receive.fsckObjects", "true")
    run("hook", "install", "--server", remote.path)
    repo.commit({"main.py": b"print()\n"})
    pushed = push(repo, "origin", "main")
    assert pushed.code == 0, pushed.said
    assert "not a release" in pushed.said
