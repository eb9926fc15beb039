# SPDX-License-Identifier: Apache-2.0
"""Real pushes of many refs, and of a history: each is judged, whatever the tip shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.git.repos import ZERO, Repo, pointer
from tests.hook.gate_world import MODEL
from tests.hook.hooked import Pushed, push, run_hook
from tests.hook.pushes import WEIGHTS, attested, refs, refused

if TYPE_CHECKING:
    from pathlib import Path


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
