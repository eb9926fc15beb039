# SPDX-License-Identifier: Apache-2.0
"""Real pushes in odd places and with things that break: closed unless everything holds."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.git.repos import ZERO, Repo, init
from tests.hook.gate_world import MODEL
from tests.hook.hooked import Pushed, install, push, run_hook
from tests.hook.pushes import attested, refs, refused

if TYPE_CHECKING:
    from pathlib import Path


class TestWhereItRuns:
    def test_in_a_linked_work_tree(self, hooked: Repo, remote: Repo, tmp_path: Path) -> None:
        attested(hooked)
        linked = Repo(tmp_path / "linked")
        hooked.git("worktree", "add", "-q", "-b", "side", str(linked.path))
        assert push(linked, "origin", "side").code == 0
        linked.commit({"model.safetensors": b"bad"})
        assert refused(push(linked, "origin", "side"))

    def test_in_a_submodule(self, hooked: Repo, tmp_path: Path) -> None:
        source = init(tmp_path / "source")
        source.commit({"a": b"1"})
        hooked.git("submodule", "--quiet", "add", str(source.path), "sub")
        sub = Repo(hooked.path / "sub")
        sub.git("config", "user.name", "Ada")
        install(sub)
        sub.commit({"model.safetensors": b"x"})
        assert refused(push(sub, "origin", "HEAD:refs/heads/new"))
        hooked.commit(MODEL)
        assert "HP402" in refused(push(hooked, "origin", "main"))

    def test_in_a_bare_repository(self, hooked: Repo, tmp_path: Path) -> None:
        attested(hooked)
        hooked.commit({"model.safetensors": b"bad"})
        bare = Repo(tmp_path / "bare.git")
        hooked.git("clone", "-q", "--bare", str(hooked.path), str(bare.path))
        init(tmp_path / "far.git", "--bare")
        install(bare)
        far = str(tmp_path / "far.git")
        assert push(bare, far, "main~1:refs/heads/main").code == 0
        assert refused(push(bare, far, "main"))

    def test_in_a_shallow_clone(self, hooked: Repo, remote: Repo, tmp_path: Path) -> None:
        hooked.commit({"leaked.safetensors": b"secret"})
        hooked.commit(remove=("leaked.safetensors",))
        attested(hooked)
        assert push(hooked, "--no-verify", "origin", "main").code == 0
        clone = Repo(tmp_path / "clone")
        remote.git("clone", "-q", "--depth=1", f"file://{remote.path}", str(clone.path))
        install(clone)
        clone.git("commit", "-q", "--allow-empty", "-m", "same tree")
        assert push(clone, "origin", "main").code == 0
        clone.commit({"model.safetensors": b"bad"})
        assert refused(push(clone, "origin", "main"))

    def test_with_sha256_object_ids(self, gate: None, tmp_path: Path) -> None:
        repo = init(tmp_path / "wide", "--object-format=sha256")
        far = str(init(tmp_path / "far.git", "--bare", "--object-format=sha256").path)
        install(repo)
        attested(repo)
        pushed = push(repo, far, "main")
        assert pushed.code == 0, pushed.said
        assert push(repo, far, "main:refs/heads/old").code == 0
        assert push(repo, far, ":refs/heads/old").code == 0
        repo.commit({"model.safetensors": b"bad"})
        assert refused(push(repo, far, "main"))

    def test_from_a_subfolder_and_with_git_dir(self, hooked: Repo) -> None:
        attested(hooked, {**MODEL, "assets/figure.png": b"\x89PNG\r\n\x1a\n"})
        assert push(Repo(hooked.path / "assets"), "origin", "main").code == 0
        hooked.commit({"model.safetensors": b"bad"})
        assert refused(push(Repo(hooked.path / "assets"), "origin", "main"))
        outside = Repo(hooked.path.parent)
        where = (f"--git-dir={hooked.path}/.git", f"--work-tree={hooked.path}")
        done = outside.raw(*where, "push", "origin", "main", ok=False)
        assert refused(Pushed(done.returncode, done.stderr.decode()))

    def test_replace_refs_do_not_get_bad_bytes_through(self, hooked: Repo, remote: Repo) -> None:
        good = attested(hooked)
        bad = hooked.commit({"model.safetensors": b"bad"})
        hooked.git("replace", bad, good)
        assert refused(push(hooked, "origin", "main"))
        assert refs(remote) == []


class TestFailClosed:
    def test_a_user_without_a_policy_pushes_code_and_no_model(
        self, repo: Repo, remote: Repo
    ) -> None:
        install(repo)
        repo.commit({"a": b"1"})
        assert push(repo, "origin", "main").code == 0
        repo.commit({"model.safetensors": b"x"})
        pushed = push(repo, "origin", "main")
        refused(pushed)
        assert "fix: hubpolicy init" in pushed.said

    @pytest.mark.parametrize("content", [b"", b"{}", b"\xff", b"[" * 100_000])
    def test_a_broken_gate_stops_everything(self, hooked: Repo, home: Path, content: bytes) -> None:
        (home / ".config/hubpolicy/gate.json").write_bytes(content)
        hooked.commit({"a": b"1"})
        refused(push(hooked, "origin", "main"))

    @pytest.mark.parametrize("name", ["gate.json", "hubpolicy.toml"])
    @pytest.mark.parametrize("how", ["gone", "changed", "a folder"])
    def test_half_a_policy_stops_everything(
        self, hooked: Repo, home: Path, name: str, how: str
    ) -> None:
        file = home / ".config/hubpolicy" / name
        content = file.read_bytes()
        file.unlink()
        if how == "changed":
            file.write_bytes(content + b"x")
        elif how == "a folder":
            file.mkdir()
        hooked.commit({"a": b"1"})
        refused(push(hooked, "origin", "main"))

    def test_a_gate_with_one_changed_byte_stops_everything(self, hooked: Repo, home: Path) -> None:
        gate = home / ".config/hubpolicy/gate.json"
        gate.write_bytes(gate.read_bytes().replace(b"0.05", b"0.99"))
        hooked.commit({"a": b"1"})
        refused(push(hooked, "origin", "main"))

    @pytest.mark.parametrize(
        "stdin",
        [
            b"refs/heads/main\n",
            b"a b c d\n",
            b"refs/heads/main " + b"g" * 40 + b" refs/heads/main " + b"0" * 40 + b"\n",
            b"refs/heads/main " + b"1" * 40 + b" refs/heads/main " + b"0" * 40 + b"\n",
            b"\0\xff\n",
        ],
        ids=["one column", "no ids", "no hex", "no object", "binary"],
    )
    def test_input_that_git_never_gives(self, hooked: Repo, stdin: bytes) -> None:
        refused(run_hook(hooked, stdin, "origin", "/x"))

    @pytest.mark.parametrize("arguments", [(), ("origin",), ("a", "b", "c")])
    def test_arguments_that_git_never_gives(self, hooked: Repo, arguments: tuple[str, ...]) -> None:
        refused(run_hook(hooked, b"", *arguments))

    def test_an_object_that_is_gone(self, hooked: Repo) -> None:
        attested(hooked)
        blob = hooked.git("rev-parse", "HEAD:config.json")
        (hooked.path / ".git/objects" / blob[:2] / blob[2:]).unlink()
        commit = hooked.git("rev-parse", "HEAD")
        line = f"refs/heads/main {commit} refs/heads/main {ZERO}\n".encode()
        pushed = run_hook(hooked, line, "origin", "/x")
        refused(pushed)
        assert blob in pushed.said

    def test_no_secret_and_no_escape_sequence_on_the_screen(self, hooked: Repo) -> None:
        commit = hooked.commit({"model.safetensors": b"x", "a\u202eb.md": b"1"})
        line = f"refs/heads/\x1b[31m {commit} refs/heads/\x1b[2J {ZERO}\n".encode()
        url = "https://ada:hf_secret@github.com/\x1b]0;x\x07acme/m"
        pushed = run_hook(hooked, line, "origin\x1b[31m", url)
        assert refused(pushed)
        assert "hf_secret" not in pushed.said
        assert not {"\x1b", "\x07", "\u202e"} & set(pushed.said)

    def test_the_environment_loosens_nothing(
        self, hooked: Repo, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        evil = tmp_path / "evil"
        (evil / "hubpolicy").mkdir(parents=True)
        (evil / "hubpolicy/__init__.py").write_text("raise SystemExit(0)")
        (evil / "sitecustomize.py").write_text("raise SystemExit(0)")
        monkeypatch.setenv("PYTHONPATH", str(evil))
        monkeypatch.setenv("PYTHONSTARTUP", str(evil / "sitecustomize.py"))
        monkeypatch.setenv("SKIP", "hubpolicy")
        hooked.commit(MODEL)
        (hooked.path / "hubpolicy.py").write_text("raise SystemExit(0)")
        (hooked.path / "os.py").write_text("raise SystemExit(0)")
        assert refused(push(hooked, "origin", "main", GIT_CONFIG_COUNT="0"))

    @pytest.mark.parametrize("closed", ["2>&-", "2>/dev/full", ">&- 2>&-"])
    def test_a_screen_that_nobody_sees_changes_no_verdict(self, hooked: Repo, closed: str) -> None:
        good = attested(hooked)
        bad = hooked.commit({"model.safetensors": b"bad"})
        script = f'"$0" origin /x {closed}'
        hook = str(hooked.path / ".git/hooks/pre-push")
        for oid, passes in ((good, True), (bad, False)):
            line = f"refs/heads/main {oid} refs/heads/main {ZERO}\n".encode()
            done = subprocess.run(
                ["sh", "-c", script, hook], cwd=hooked.path, input=line, timeout=60
            )
            assert (done.returncode == 0) is passes
