# SPDX-License-Identifier: Apache-2.0
"""What becomes visible with a copy or a flip is all that a repository ever held, not its tips."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from hubpolicy.adapters.hub import HubClient
from hubpolicy.domain.hub_request import (
    Duplicate,
    LfsDuplicate,
    LfsObject,
    Merge,
    Move,
    Settings,
)
from hubpolicy.domain.release import RepoId
from hubpolicy.flows.gating import decide
from tests.flows.gating_world import ask, commit, harm, header, known_in, line, watch
from tests.flows.publishing_world import WEIGHTS
from tests.hook.gate_world import person, sign

if TYPE_CHECKING:
    from tests.flows.publishing_world import World

SPACES: dict[str, Any] = {"workspaces": ("acme",), "namespaces": ()}
WEIGHT = b"\x08" + b"\0" * 7 + b"{}      " + b"w" * 90


def other(world: World) -> RepoId:
    return world.repo._replace(name=f"{world.repo.name}-copy")


def kept_secret(world: World, kind: str) -> RepoId:
    """A private repository in whose past there is a weight, and in whose tip there is none."""
    repo = world.repo._replace(repo_type=kind)  # type: ignore[arg-type]
    extra = {"space_sdk": "static"} if kind == "space" else {}
    world.api.create_repo(repo.text, repo_type=kind, private=True, **extra)
    harm(world, "upload_file", repo_type=kind, path_in_repo="m.safetensors", path_or_fileobj=WEIGHT)
    harm(world, "delete_file", repo_type=kind, path_in_repo="m.safetensors")
    return repo


class TestCopies:
    def released_elsewhere(self, world: World) -> RepoId:
        """What stands in the repository is attested for another name: a copy of its tip passes."""
        world.model()
        sign(world.folder, person(), target=other(world))
        harm(world, "create_repo", private=True)
        return other(world)

    def test_a_past_that_holds_no_more_than_the_tips_may_be_copied(self, world: World) -> None:
        target = self.released_elsewhere(world)
        harm(world, "upload_folder", folder_path=str(world.folder), delete_patterns="**")
        for private in (True, False):
            assert ask(Duplicate(world.repo, target, private=private), world).allowed
        assert ask(Move(world.repo, target), world).allowed

    @pytest.mark.parametrize("history", ["all", "tips"])
    def test_a_weight_of_the_past_keeps_everything_back(self, world: World, history: str) -> None:
        target = self.released_elsewhere(world)
        harm(world, "upload_file", path_in_repo="old.safetensors", path_or_fileobj=WEIGHT)
        harm(world, "upload_folder", folder_path=str(world.folder), delete_patterns="**")
        for intent in (
            Duplicate(world.repo, target, private=False),
            Duplicate(world.repo, target, private=True),
            Move(world.repo, target),
        ):
            found = ask(intent, world, history=history)
            assert (found.allowed, found.rule) == (False, "HP510"), intent
            assert "old.safetensors" in found.reason

    def test_nothing_is_copied_out_of_a_workspace(self, world: World) -> None:
        target = self.released_elsewhere(world)._replace(namespace="globex")
        harm(world, "upload_folder", folder_path=str(world.folder), delete_patterns="**")
        for private in (True, False):
            found = ask(Duplicate(world.repo, target, private=private), world, **SPACES)
            assert (found.allowed, found.rule) == (False, "HP512")
        inside = Duplicate(world.repo, other(world), private=True)
        assert ask(inside, world, **SPACES).allowed
        assert not ask(inside._replace(private=False), world, **SPACES).allowed

    @pytest.mark.parametrize("kind", ["dataset", "space"])
    def test_a_data_set_s_past_is_looked_at_too(self, world: World, kind: str) -> None:
        repo = kept_secret(world, kind)
        copy = Duplicate(repo, repo._replace(name=f"{repo.name}-copy"), private=False)
        found = ask(copy, world)
        assert not found.allowed
        assert "m.safetensors" in found.reason

    def test_what_was_revoked_stays_where_it_is(self, world: World) -> None:
        repo = world.repo._replace(repo_type="dataset")
        harm(world, "create_repo", repo_type="dataset", private=True)
        harm(
            world, "upload_file", repo_type="dataset", path_in_repo="a.png",
            path_or_fileobj=b"\x89PNG\r\n\x1a\n" + b"\0" * 64,
        )  # fmt: skip
        harm(world, "delete_file", repo_type="dataset", path_in_repo="a.png")
        history = world.client().history(repo, "main")
        trees = [world.client().listing(repo, oid).files for oid in history]
        (digest,) = {f.sha256 for files in trees for f in files if f.path == "a.png"}
        copy = Duplicate(repo, repo._replace(name=f"{repo.name}-copy"), private=False)
        assert ask(copy, world).allowed
        gone = watch(world)
        trust = gone.court.trust
        state = trust.state._replace(revoked_files=frozenset({str(digest)}))
        gone = gone._replace(court=gone.court._replace(trust=trust._replace(state=state)))
        assert not decide(copy, gone).allowed


class TestFlips:
    @pytest.mark.parametrize("act", ["flip", "copy"])
    def test_what_moves_while_it_is_judged_was_not_judged(self, world: World, act: str) -> None:
        world.model()
        target = world.repo if act == "flip" else other(world)
        sign(world.folder, person(), target=target)
        harm(world, "create_repo", private=True)
        harm(world, "upload_folder", folder_path=str(world.folder), delete_patterns="**")
        flip = Settings(world.repo, private=False, opens=False, others=())
        intent = flip if act == "flip" else Duplicate(world.repo, target, private=True)
        asked = watch(world)
        assert decide(intent, asked).allowed
        harmed: list[str] = []

        class Moving(HubClient):
            def history(self, repo: RepoId, revision: str) -> tuple[str, ...]:
                if not harmed:
                    harmed.append(revision)
                    harm(world, "upload_file", path_in_repo="x.bin", path_or_fileobj=WEIGHT)
                return super().history(repo, revision)

        found = decide(intent, asked._replace(hub=Moving(world.hub.endpoint, "hf_alice")))
        assert harmed
        assert (found.allowed, found.rule) == (False, "HP510")
        assert "moved" in found.reason

    @pytest.mark.parametrize("kind", ["dataset", "space"])
    def test_a_weight_of_the_past_becomes_public_too(self, world: World, kind: str) -> None:
        repo = kept_secret(world, kind)
        for show in (
            Settings(repo, private=False, opens=False, others=()),
            Settings(repo, private=None, opens=True, others=()),
        ):
            assert not ask(show, world).allowed

    def test_where_the_policy_looks_at_tips_it_is_not_looked_for(self, world: World) -> None:
        repo = kept_secret(world, "dataset")
        show = Settings(repo, private=False, opens=False, others=())
        assert ask(show, world, history="tips").allowed

    def test_a_data_set_that_never_held_any_is_shown(self, world: World) -> None:
        repo = world.repo._replace(repo_type="dataset")
        harm(world, "create_repo", repo_type="dataset", private=True)
        harm(
            world, "upload_file", repo_type="dataset", path_in_repo="README.md",
            path_or_fileobj=b"# Rows\n",
        )  # fmt: skip
        assert ask(Settings(repo, private=False, opens=False, others=()), world).allowed


class TestMerges:
    def proposed(self, world: World, **where: str) -> int:
        """A pull request whose tree is the attested one."""
        made = harm(
            world, "upload_file", path_in_repo="a.txt", path_or_fileobj=b"a", create_pr=True,
            **where,
        )  # fmt: skip
        harm(world, "delete_file", path_in_repo="a.txt", revision=made.pr_revision)
        return int(made.pr_num)

    def test_only_into_main(self, world: World) -> None:
        world.publish()
        harm(world, "create_branch", branch="dev")
        assert ask(Merge(world.repo, self.proposed(world)), world).allowed
        found = ask(Merge(world.repo, self.proposed(world, revision="dev")), world)
        assert (found.allowed, found.rule) == (False, "HP510")
        assert "'refs/heads/dev'" in found.reason

    def test_talk_goes_nowhere(self, world: World) -> None:
        world.publish()
        talk = world.api.create_discussion(world.repo.text, "hello", pull_request=False)
        assert world.client().merges_into(world.repo, talk.num) == ""
        assert not ask(Merge(world.repo, talk.num), world).allowed

    @pytest.mark.parametrize("ref", ["main", "pull request"])
    def test_not_if_it_moves_while_it_is_judged(self, world: World, ref: str) -> None:
        world.publish()
        number = self.proposed(world)
        moving = watch(world)
        inner = moving.court.assemble

        def assemble(*args: Any) -> Any:
            at = {"revision": f"refs/pr/{number}"} if ref == "pull request" else {}
            harm(world, "upload_file", path_in_repo="evil.bin", path_or_fileobj=WEIGHT, **at)
            return inner(*args)

        court = moving.court._replace(assemble=assemble)  # type: ignore[arg-type]
        found = decide(Merge(world.repo, number), moving._replace(court=court))
        assert (found.allowed, found.rule) == (False, "HP510")
        assert "moved" in found.reason

    def test_a_data_set_s_merge_says_what_would_stand_there(self, world: World) -> None:
        repo = world.repo._replace(repo_type="dataset")
        harm(world, "create_repo", repo_type="dataset", private=False)
        made = harm(
            world, "upload_file", repo_type="dataset", path_in_repo="a.csv",
            path_or_fileobj=b"1,2\n", create_pr=True,
        )  # fmt: skip
        found = ask(Merge(repo, made.pr_num), world)
        assert found.allowed
        assert found.judged is not None
        assert "a.csv" in {file.path for file in found.judged.files}


class TestXetHashes:
    """A content that is named twice may be two contents."""

    def test_are_taken_in_private_workspaces_only(self, world: World) -> None:
        world.model()
        sign(world.folder, person(), target=world.repo)
        known = known_in(world.folder, world.repo)
        harm(world, "create_repo", private=True)
        objects = tuple(
            LfsObject(file.sha256, file.size)
            for file in known.releases[0].listing.files
            if file.sha256 and file.path == WEIGHTS
        )
        for repo_type in ("model", "dataset"):
            target = world.repo._replace(repo_type=repo_type)
            copy = LfsDuplicate(RepoId("else", "where"), target, objects)
            assert ask(copy, world, known).allowed
            found = ask(copy._replace(by_xet=True), world, known)
            assert (found.allowed, found.rule) == (False, "HP510")
            assert "Xet" in found.reason
        inside = LfsDuplicate(RepoId("else", "where"), world.repo, objects, by_xet=True)
        assert ask(inside, world, workspaces=("acme",)).allowed


@pytest.mark.parametrize(("key", "path"), [("deletedFolder", "README.md"), ("deletedFile", "sub")])
def test_what_is_removed_as_something_else_is_denied(world: World, key: str, path: str) -> None:
    repo = world.repo._replace(repo_type="dataset")
    harm(world, "create_repo", repo_type="dataset", private=False)
    for name in ("README.md", "sub/a.csv"):
        harm(world, "upload_file", repo_type="dataset", path_in_repo=name, path_or_fileobj=b"# x\n")
    wish = commit(world, header() + line(key, path=path))._replace(repo=repo)
    found = ask(wish, world)
    assert (found.allowed, found.rule) == (False, "HP510")
    assert path in found.reason
    right = {"deletedFolder": "deletedFile", "deletedFile": "deletedFolder"}[key]
    assert ask(commit(world, header() + line(right, path=path))._replace(repo=repo), world).allowed
