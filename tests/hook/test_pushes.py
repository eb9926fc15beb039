# SPDX-License-Identifier: Apache-2.0
"""Real pushes through the installed hook: what may go, what may not, and what is said."""

from __future__ import annotations

import subprocess

import pytest

from tests.git.repos import ZERO, Repo, pointer
from tests.hook.gate_world import ENDPOINT, MODEL, TARGET, person, sign
from tests.hook.hooked import push, run_hook
from tests.hook.pushes import URL, WEIGHTS, attested, refs, refused

LARGE = 10 * 1024 * 1024 + 1


class TestTheStory:
    def test_a_release_without_evidence_is_blocked_and_told_what_to_do(
        self, hooked: Repo, remote: Repo
    ) -> None:
        hooked.commit(MODEL)
        pushed = push(hooked, "origin", "main")
        assert {"HP201", "HP120", "HP301"} <= refused(pushed)
        assert "hubpolicy test ." in pushed.said
        assert "git lfs install --skip-repo && git add --renormalize ." in pushed.said
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

    def test_what_the_hub_rejects_is_named_although_the_gate_passes(self, hooked: Repo) -> None:
        commit = attested(hooked, {**MODEL, "tokenizer.json": b"{}".ljust(LARGE)})
        line = f"refs/heads/main {commit} refs/heads/main {ZERO}\n".encode()
        pushed = run_hook(hooked, line, "hub", URL)
        assert pushed.code == 0, pushed.said
        assert f"holds tokenizer.json ({LARGE} bytes) outside Git LFS" in pushed.said
        assert "git reset --soft COMMIT" in pushed.said

    def test_commits_that_hold_what_the_hub_rejects_are_made_anew(self, hooked: Repo) -> None:
        first = attested(hooked)
        hooked.commit({"old.bin": bytes(LARGE)})
        last = hooked.commit(remove=("old.bin",))
        line = f"refs/heads/main {last} refs/heads/main {first}\n".encode()
        pushed = run_hook(hooked, line, "hub", URL)
        assert "HP601" in refused(pushed)
        assert f"holds old.bin ({LARGE} bytes) outside Git LFS" in pushed.said
        typed = next(each for each in pushed.said.splitlines() if "git reset --soft" in each)
        shell = ["sh", "-c", typed.partition("      makes")[0]]
        subprocess.run(shell, cwd=hooked.path, check=True, timeout=60)
        assert hooked.git("rev-parse", "HEAD") == first

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
        pushed = push(hooked, "origin", "main")
        assert {"HP302", "HP201"} <= refused(pushed)
        assert pushed.said.index("HP302 got key") < pushed.said.index("HP201")
        assert "hubpolicy trust pin SOURCE --sha256 HEX" in pushed.said

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
