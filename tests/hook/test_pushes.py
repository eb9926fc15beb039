# SPDX-License-Identifier: Apache-2.0
"""Real pushes through the installed hook: what may go, what may not, and what is said."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.git.repos import ZERO, Repo, init, pointer
from tests.hook.gate_world import ENDPOINT, MODEL, TARGET, person, sign
from tests.hook.hooked import Pushed, install, push, run_hook

if TYPE_CHECKING:
    from pathlib import Path

URL = f"{ENDPOINT}/acme/wizard"
WEIGHTS = MODEL["model.safetensors"]


@pytest.fixture
def gate(home: Path) -> None:
    person().install(home)


@pytest.fixture
def hooked(repo: Repo, gate: None) -> Repo:
    install(repo)
    return repo


def attested(repo: Repo, files: dict[str, bytes] = MODEL) -> str:
    """Commit a model together with its evidence."""
    repo.write(files)
    repo.git("add", "-A")
    sign(repo.path, person())
    return repo.commit()


def refs(remote: Repo) -> list[str]:
    return remote.git("for-each-ref", "--format=%(refname)").split()


def refused(pushed: Pushed) -> set[str]:
    """The rules named on the screen of a refused push."""
    assert pushed.code != 0, pushed.said
    assert "Nothing was pushed." in pushed.said
    assert "Traceback" not in pushed.said
    words = pushed.said.split()
    return {word for word in words if word.startswith("HP") and word[2:5].isdigit()}


class TestTheStory:
    def test_a_release_without_evidence_is_blocked_and_told_what_to_do(
        self, hooked: Repo, remote: Repo
    ) -> None:
        hooked.commit(MODEL)
        pushed = push(hooked, "origin", "main")
        assert {"HP201", "HP120", "HP301"} <= refused(pushed)
        assert "hubpolicy test ." in pushed.said
        assert "hubpolicy rule HP201" in pushed.said
        assert refs(remote) == []

    def test_the_card_of_that_very_commit_is_checked_as_well(self, hooked: Repo) -> None:
        hooked.commit({**MODEL, "README.md": b"---\nlicense: no-such-licence\n---\n# Wizard\n"})
        hooked.write({"README.md": b"not committed"})
        pushed = push(hooked, "origin", "main")
        assert "rules failed" in pushed.said
        assert "no-such-licence" in pushed.said

    def test_with_evidence_it_passes(self, hooked: Repo, remote: Repo) -> None:
        attested(hooked)
        pushed = push(hooked, "origin", "main")
        assert pushed.code == 0, pushed.said
        assert "hubpolicy: refs/heads/main  passed  (4 files, dirHash " in pushed.said
        assert refs(remote) == ["refs/heads/main"]

    def test_one_changed_byte_is_blocked_again(self, hooked: Repo, remote: Repo) -> None:
        attested(hooked)
        assert push(hooked, "origin", "main").code == 0
        before = remote.git("rev-parse", "main")
        hooked.commit({"model.safetensors": WEIGHTS[:-1] + b"S"})
        assert {"HP201", "HP308"} <= refused(push(hooked, "origin", "main"))
        assert remote.git("rev-parse", "main") == before

    @pytest.mark.parametrize("extra", ["evil.py", "extra.bin", "a b.safetensors", "unknown.xyz"])
    def test_one_added_file_is_blocked(self, hooked: Repo, extra: str) -> None:
        attested(hooked)
        hooked.commit({extra: b"x"})
        assert refused(push(hooked, "origin", "main"))

    def test_a_deleted_file_is_blocked(self, hooked: Repo) -> None:
        attested(hooked)
        hooked.commit(remove=("tokenizer.json",))
        assert refused(push(hooked, "origin", "main"))

    def test_a_toxic_model_fails_on_its_counts(self, hooked: Repo) -> None:
        hooked.write(MODEL)
        hooked.git("add", "-A")
        sign(hooked.path, person(), hits=60)
        hooked.commit()
        assert "HP203" in refused(push(hooked, "origin", "main"))

    def test_evidence_of_a_stranger_is_no_evidence(self, hooked: Repo) -> None:
        hooked.write(MODEL)
        hooked.git("add", "-A")
        sign(hooked.path, person("mallory"))
        hooked.commit()
        assert {"HP302", "HP201"} <= refused(push(hooked, "origin", "main"))

    def test_a_pointer_release_passes_without_its_weights_here(self, hooked: Repo) -> None:
        from hubpolicy.adapters.files import FolderRelease

        hooked.write(MODEL)
        manifest = FolderRelease(hooked.path).manifest
        hooked.write({"model.safetensors": pointer(WEIGHTS)})
        sign(hooked.path, person(), manifest=manifest)
        hooked.commit()
        assert push(hooked, "origin", "main").code == 0


class TestWhatIsARelease:
    @pytest.mark.parametrize(
        "files",
        [
            {"main.py": b"print()", "README.md": b"# code"},
            {"data.csv": b"1,2\n" * 10_000},
            {"weights.md": b"about weights"},
        ],
        ids=["code", "data", "prose"],
    )
    def test_other_pushes_pass_and_say_so(
        self, hooked: Repo, remote: Repo, files: dict[str, bytes]
    ) -> None:
        hooked.commit(files)
        pushed = push(hooked, "origin", "main")
        assert pushed.code == 0
        assert "refs/heads/main  not a release" in pushed.said
        assert refs(remote) == ["refs/heads/main"]

    @pytest.mark.parametrize(
        "files",
        [
            {"a/b/model.safetensors": b"x"},
            {"pytorch_model.bin": b"x"},
            {"notes.txt": b"GGUF" + b"\0" * 100},
            {"notes.txt": pointer(b"anything")},
            {"huge.xyz": b"a" * 10_485_761},
        ],
        ids=["name", "pickle", "first bytes", "LFS pointer", "size"],
    )
    def test_content_decides_not_the_name_of_the_remote(
        self, hooked: Repo, remote: Repo, files: dict[str, bytes]
    ) -> None:
        hooked.commit({"README.md": b"# code", **files})
        assert refused(push(hooked, "origin", "main"))
        assert refs(remote) == []

    def test_every_push_to_a_model_repository_is_one(self, hooked: Repo) -> None:
        commit = hooked.commit({"README.md": b"# only a card\n"})
        line = f"refs/heads/main {commit} refs/heads/main {ZERO}\n".encode()
        for url in (URL, "https://huggingface.co/acme/wizard", "git@hf.co:acme/wizard"):
            assert "HP301" in refused(run_hook(hooked, line, "hub", url))
        dataset = f"{ENDPOINT}/datasets/acme/wizard"
        assert run_hook(hooked, line, "hub", dataset).code == 0

    def test_the_release_line_binds_the_repository(self, hooked: Repo) -> None:
        commit = attested(hooked)
        line = f"refs/heads/main {commit} refs/heads/main {ZERO}\n".encode()
        good, other = run_hook(hooked, line, "hub", URL), run_hook(hooked, line, "hub", f"{URL}-2")
        assert good.code == 0, good.said
        assert "HP307" in refused(other)
        assert TARGET.name in other.said

    def test_an_endpoint_from_the_environment_counts_too(
        self, hooked: Repo, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        commit = hooked.commit({"README.md": b"# only a card\n"})
        line = f"refs/heads/main {commit} refs/heads/main {ZERO}\n".encode()
        url = "https://hub.example.org/acme/wizard"
        assert run_hook(hooked, line, "hub", url).code == 0
        monkeypatch.setenv("HF_ENDPOINT", "https://hub.example.org/")
        assert refused(run_hook(hooked, line, "hub", url))

    def test_a_hub_url_without_a_repository_is_refused(self, hooked: Repo) -> None:
        commit = hooked.commit({"README.md": b"#"})
        line = f"refs/heads/main {commit} refs/heads/main {ZERO}\n".encode()
        pushed = run_hook(hooked, line, "hub", "https://huggingface.co/gpt2")
        refused(pushed)
        assert "expected namespace/name" in pushed.said


class TestEveryRef:
    def test_nothing_to_push_is_silent(self, hooked: Repo) -> None:
        hooked.commit({"a": b"1"})
        assert push(hooked, "origin", "main").code == 0
        assert push(hooked, "origin", "main").said == "Everything up-to-date\n"
        assert run_hook(hooked, b"", "origin", "url") == Pushed(0, "")

    def test_the_second_of_three_refs_is_judged(self, hooked: Repo, remote: Repo) -> None:
        hooked.commit({"a": b"1"})
        hooked.git("branch", "one")
        hooked.git("checkout", "-q", "-b", "two")
        hooked.commit({"model.safetensors": b"x"})
        hooked.git("branch", "three", "one")
        assert refused(push(hooked, "origin", "one", "two", "three"))
        assert refs(remote) == []

    @pytest.mark.parametrize("how", [("--all",), ("--mirror",), ("--tags",), ("--atomic", "--all")])
    def test_no_way_of_naming_refs_gets_around(
        self, hooked: Repo, remote: Repo, how: tuple[str, ...]
    ) -> None:
        hooked.commit({"a": b"1"})
        hooked.git("checkout", "-q", "-b", "side")
        hooked.commit({"model.safetensors": b"x"})
        hooked.git("tag", "-a", "-m", "t", "v1")
        hooked.git("checkout", "-q", "main")
        assert refused(push(hooked, "origin", *how))
        assert refs(remote) == []

    @pytest.mark.parametrize("nested", [False, True])
    def test_tags_lead_to_their_commit(self, hooked: Repo, remote: Repo, nested: bool) -> None:
        attested(hooked)
        hooked.git("tag", "-a", "-m", "t", "v1")
        if nested:
            hooked.git("tag", "-a", "-m", "t", "v2", hooked.git("rev-parse", "v1"))
        name = "v2" if nested else "v1"
        pushed = push(hooked, "origin", name)
        assert pushed.code == 0, pushed.said
        assert f"refs/tags/{name}  passed" in pushed.said
        hooked.commit({"model.safetensors": b"other"})
        hooked.git("tag", "-f", "-a", "-m", "t", name)
        assert refused(push(hooked, "--force", "origin", name))

    @pytest.mark.parametrize("what", ["HEAD:a", "HEAD^{tree}"], ids=["blob", "tree"])
    @pytest.mark.parametrize("annotated", [False, True])
    def test_a_tag_of_a_blob_or_tree_is_refused(
        self, hooked: Repo, remote: Repo, what: str, annotated: bool
    ) -> None:
        hooked.commit({"a": b"1"})
        hooked.git("tag", *(("-a", "-m", "t") if annotated else ()), "odd", what)
        refused(push(hooked, "origin", "odd"))
        assert refs(remote) == []

    def test_the_object_id_counts_not_the_branch_or_the_work_tree(
        self, hooked: Repo, remote: Repo
    ) -> None:
        good = attested(hooked)
        hooked.commit({"model.safetensors": b"bad"})
        hooked.write({"model.safetensors": WEIGHTS})
        assert refused(push(hooked, "origin", "HEAD:refs/heads/main"))
        assert push(hooked, "origin", f"{good}:refs/heads/main").code == 0
        assert push(hooked, "origin", "HEAD~1:refs/heads/again").code == 0

    def test_spaces_in_the_local_name(self, hooked: Repo) -> None:
        hooked.commit({"a": b"first and more"})
        pushed = push(hooked, "origin", "HEAD^{/a commit}:refs/heads/x")
        assert pushed.code == 0, pushed.said
        assert "refs/heads/x  not a release" in pushed.said

    def test_deleting_is_allowed_and_said(self, hooked: Repo, remote: Repo) -> None:
        attested(hooked)
        assert push(hooked, "origin", "main", "main:refs/heads/old").code == 0
        pushed = push(hooked, "origin", ":refs/heads/old")
        assert pushed.code == 0
        assert "refs/heads/old  deleted there (allowed)" in pushed.said
        assert refs(remote) == ["refs/heads/main"]

    def test_a_delete_beside_a_bad_ref_does_not_help_it(self, hooked: Repo, remote: Repo) -> None:
        hooked.commit({"a": b"1"})
        assert push(hooked, "origin", "main:refs/heads/old").code == 0
        hooked.commit({"model.safetensors": b"x"})
        assert refused(push(hooked, "origin", ":refs/heads/old", "main"))
        assert refs(remote) == ["refs/heads/old"]

    def test_force_is_judged_like_any_push(self, hooked: Repo, remote: Repo) -> None:
        attested(hooked)
        assert push(hooked, "origin", "main").code == 0
        hooked.git("commit", "-q", "--amend", "-m", "other words")
        assert push(hooked, "--force", "origin", "main").code == 0
        hooked.write({"model.safetensors": b"bad"})
        hooked.git("commit", "-q", "-a", "--amend", "-m", "bad")
        assert refused(push(hooked, "--force", "origin", "main"))

    def test_a_remote_that_moved_is_not_known_here(
        self, hooked: Repo, remote: Repo, tmp_path: Path
    ) -> None:
        attested(hooked)
        assert push(hooked, "origin", "main").code == 0
        other = Repo(tmp_path / "other")
        remote.git("clone", "-q", str(remote.path), str(other.path))
        other.commit({"b": b"2"})
        other.git("push", "-q", "origin", "HEAD:refs/heads/main")
        hooked.git("commit", "-q", "--amend", "-m", "other words")
        assert push(hooked, "--force", "origin", "main").code == 0

    def test_many_refs_are_all_read(self, hooked: Repo) -> None:
        good = attested(hooked)
        bad = hooked.commit({"model.safetensors": b"bad"})
        lines = [f"refs/heads/b{n} {good} refs/heads/b{n} {ZERO}\n" for n in range(1500)]
        lines.append(f"refs/heads/last {bad} refs/heads/last {ZERO}\n")
        assert len("".join(lines)) > 65536
        assert run_hook(hooked, "".join(lines[:-1]).encode(), "o", "/x").code == 0
        assert refused(run_hook(hooked, "".join(lines).encode(), "o", "/x"))

    def test_names_that_are_not_ascii(self, hooked: Repo, remote: Repo) -> None:
        hooked.commit({"a": b"1"})
        assert push(hooked, "origin", "main:refs/heads/gr\u00fc\u00dfe").code == 0
        assert refs(remote) == ["refs/heads/gr\u00fc\u00dfe"]


class TestHistory:
    def hide(self, repo: Repo) -> None:
        """Weights that were added and removed again before the release."""
        repo.commit({"leaked.safetensors": b"secret weights"})
        repo.commit(remove=("leaked.safetensors",))

    def test_weights_hidden_in_history_are_found(self, hooked: Repo, remote: Repo) -> None:
        self.hide(hooked)
        attested(hooked)
        pushed = push(hooked, "origin", "main")
        assert refused(pushed) == {"HP601"}
        assert "leaked.safetensors (14 bytes" in pushed.said
        assert "hubpolicy rule HP601" in pushed.said
        assert refs(remote) == []

    def test_even_where_nothing_is_released(self, hooked: Repo, remote: Repo) -> None:
        self.hide(hooked)
        hooked.commit({"main.py": b"print()"})
        assert refused(push(hooked, "origin", "main")) == {"HP601"}

    def test_pointers_in_history_are_weights(self, hooked: Repo) -> None:
        hooked.commit({"leaked.png": pointer(b"x")})
        hooked.commit({"leaked.png": b"\x89PNG\r\n\x1a\n"})
        assert refused(push(hooked, "origin", "main")) == {"HP601"}

    def test_what_the_remote_has_is_not_judged_again(self, hooked: Repo) -> None:
        self.hide(hooked)
        assert push(hooked, "--no-verify", "origin", "main").code == 0
        hooked.commit({"main.py": b"print()"})
        assert push(hooked, "origin", "main").code == 0

    def test_two_releases_of_one_push_cover_each_other(self, hooked: Repo) -> None:
        attested(hooked)
        hooked.git("tag", "v1")
        attested(hooked, {**MODEL, "model.safetensors": WEIGHTS + b"two"})
        assert refused(push(hooked, "origin", "main")) == {"HP601"}
        pushed = push(hooked, "origin", "v1", "main")
        assert pushed.code == 0, pushed.said

    def test_a_new_root_is_history_too(self, hooked: Repo) -> None:
        attested(hooked)
        hooked.git("checkout", "-q", "--orphan", "second")
        self.hide(hooked)
        attested(hooked)
        hooked.git("checkout", "-q", "main")
        hooked.git("merge", "-q", "--allow-unrelated-histories", "-s", "ours", "-m", "m", "second")
        assert refused(push(hooked, "origin", "main")) == {"HP601"}


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
