# SPDX-License-Identifier: Apache-2.0
"""What becomes visible: workspaces, flips, copies, tags, and who may speak for a namespace."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from hubpolicy.domain.hub_request import (
    Branch,
    BucketWrite,
    Commit,
    CreateRepo,
    Delete,
    Duplicate,
    LfsBatch,
    Merge,
    Move,
    Preupload,
    Settings,
    SuperSquash,
    Tag,
    XetToken,
)
from hubpolicy.domain.release import RepoId
from hubpolicy.errors import ConfigError
from hubpolicy.flows.gating import decide
from tests.flows.gating_world import (
    EVIL,
    announced,
    ask,
    commit,
    harm,
    header,
    line,
    ndjson,
    released,
    small,
    stage,
    watch,
    weights,
)
from tests.flows.publishing_world import LATER
from tests.hook.gate_world import person, sign

if TYPE_CHECKING:
    from hubpolicy.domain.hub_request import Intent
    from tests.flows.publishing_world import World


class TestWorkspace:
    def test_takes_everything_while_it_is_private_and_lets_nothing_out(self, world: World) -> None:
        world.model()
        stage(world)
        spaces: dict[str, Any] = {"workspaces": ("acme",)}
        inside: tuple[Intent, ...] = (
            CreateRepo(world.repo, private=True),
            Preupload(world.repo, "main", creates_pr=False, files=announced(world.folder)),
            LfsBatch(world.repo, weights(world)),
            XetToken(world.repo, "main"),
            commit(world, ndjson(world.folder)),
            Tag(world.repo, "main", "v1"),
            Delete(world.repo, "tag v1"),
            Move(world.repo, world.repo._replace(name="renamed")),
            Duplicate(RepoId("else", "where"), world.repo, private=True),
            BucketWrite("acme", "b", "creation of", private=True),
        )
        assert [ask(each, world, **spaces).allowed for each in inside] == [True] * len(inside)
        outside: tuple[Intent, ...] = (
            Settings(world.repo, private=False, opens=False, others=()),
            Move(world.repo, world.repo._replace(namespace="globex")),
        )
        for intent in outside:
            found = ask(intent, world, **spaces)
            assert (found.allowed, found.rule) == (False, "HP512"), intent
        world.api.update_repo_settings(world.repo.text, private=False)
        for intent in inside[1:6]:
            assert not ask(intent, world, **spaces).allowed, intent


class TestShowing:
    """What stands there and would be seen by more people, or under another name."""

    def test_a_flip_of_a_release_is_allowed_and_of_anything_else_is_not(self, world: World) -> None:
        show = Settings(world.repo, private=False, opens=False, others=())
        world.model()
        stage(world)
        assert not ask(show, world).allowed
        harm(world, "upload_folder", folder_path=str(world.folder))
        assert not ask(show, world).allowed

    def test_a_flip_of_a_private_release(self, world: World) -> None:
        world.model()
        world.push(world.plan(private=True))
        for show in (
            Settings(world.repo, private=False, opens=False, others=()),
            Settings(world.repo, private=None, opens=True, others=()),
        ):
            assert ask(show, world).allowed

    def test_marks_are_judged_by_what_they_show(self, world: World) -> None:
        head = world.publish().oid
        harm(world, "upload_file", path_in_repo="x.bin", path_or_fileobj=b"weights\0")
        for good in (Tag(world.repo, head, "v1"), Branch(world.repo, head, "stable")):
            assert ask(good, world).allowed
        bad: tuple[Intent, ...] = (
            Tag(world.repo, "main", "v1"),
            Branch(world.repo, "main", "dev"),
            SuperSquash(world.repo, "main"),
        )
        for intent in bad:
            assert not ask(intent, world).allowed, intent

    def test_a_copy_and_a_move_need_evidence_for_the_new_name(self, world: World) -> None:
        world.publish()
        other = world.repo._replace(name="copy")
        for intent in (Duplicate(world.repo, other, private=False), Move(world.repo, other)):
            found = ask(intent, world)
            assert (found.allowed, found.rule) == (False, "HP307"), intent

    def test_a_merge_is_judged_by_the_pull_request_that_is_ahead(self, world: World) -> None:
        world.publish()
        bad = harm(
            world, "upload_file", path_in_repo="x.bin", path_or_fileobj=b"\0", create_pr=True
        )
        assert not ask(Merge(world.repo, bad.pr_num), world).allowed
        assert not ask(Merge(world.repo, 99), world).allowed
        (world.folder / "README.md").write_bytes((world.folder / "README.md").read_bytes() + b"\n")
        sign(world.folder, person(), target=world.repo)
        good = harm(
            world, "upload_folder", folder_path=str(world.folder), create_pr=True,
            delete_patterns="**",
        )  # fmt: skip
        assert ask(Merge(world.repo, good.pr_num), world).allowed
        # Who opened it may move it before the hub makes a branch of it: by its commit it stays.
        for mark in (Tag, Branch):
            assert ask(mark(world.repo, good.oid, "next"), world).allowed
            moving = ask(mark(world.repo, f"refs/pr/{good.pr_num}", "next"), world)
            assert (moving.allowed, moving.rule) == (False, "HP510")
            assert moving.next == f"name the commit: {good.oid}"
        harm(world, "upload_file", path_in_repo="a.txt", path_or_fileobj=b"later")
        found = ask(Merge(world.repo, good.pr_num), world)
        assert (found.allowed, found.rule) == (False, "HP510")


class TestOthers:
    def test_another_trust_s_namespace_is_refused_by_name(self, world: World) -> None:
        known = released(world)

        def refuse(namespace: str) -> None:
            message = f"{namespace} is reserved"
            raise ConfigError(message)

        asked = watch(world, known)._replace(governs=refuse)
        with pytest.raises(ConfigError, match="acme is reserved"):
            decide(XetToken(world.repo, "main"), asked)

    def test_a_release_is_judged_as_of_now_not_as_of_then(self, world: World) -> None:
        known = released(world)
        (release,) = known.releases
        assert ask(XetToken(world.repo, "main"), world, known).allowed
        found = ask(XetToken(world.repo, "main"), world, known, min_level=5)
        assert not found.allowed
        assert release.files
        assert ask(XetToken(world.repo, "main"), world, known, now=LATER).allowed

    def test_the_release_s_own_policy_makes_it_stricter(self, world: World) -> None:
        world.model(hubpolicy_toml=b"[toxicity]\nconfidence = 0.99\n")
        sign(world.folder, person(), target=world.repo)
        stage(world)
        seen: list[bytes] = []

        def under(content: bytes) -> Any:
            seen.append(content)
            policy = watch(world).court.policy
            return policy._replace(min_level=5)

        asked = watch(world)._replace(under=under)
        assert not decide(commit(world, ndjson(world.folder)), asked).allowed
        assert seen == [(world.folder / "hubpolicy.toml").read_bytes()]

    def test_a_copied_content_that_stands_nowhere_is_no_crash(self, world: World) -> None:
        released(world)
        stage(world)
        copy = header() + line("lfsFile", path="x.safetensors", algo="sha256", oid=EVIL)
        intent = commit(world, copy)
        assert isinstance(intent, Commit)
        found = ask(intent, world)
        assert (found.allowed, found.rule) == (False, "HP510")


class TestAuthority:
    """What needs no evidence still needs somebody who may say so."""

    def wishes(self, world: World) -> tuple[Intent, ...]:
        head = stage(world)
        rows = world.repo._replace(repo_type="dataset")
        world.api.create_repo(rows.text, repo_type="dataset")
        card = commit(world, header() + small("README.md", b"# Data\n"))
        return (
            card._replace(repo=rows),
            commit(world, header() + small("x.bin", b"\0")),
            Tag(world.repo, head, "v1"),
            CreateRepo(rows, private=True),
            XetToken(rows, "main"),
            BucketWrite("acme", "b", "creation of", private=True),
            Settings(rows, private=False, opens=False, others=()),
            Move(world.repo, world.repo._replace(name="renamed")),
        )

    def test_an_expired_policy_gives_nothing_away(self, world: World) -> None:
        for intent in self.wishes(world):
            assert ask(intent, world, workspaces=("acme",)).allowed or isinstance(intent, Settings)
            with pytest.raises(ConfigError, match="expired"):
                ask(intent, world, workspaces=("acme",), expires="2025-12-31")
        hiding = Settings(world.repo, private=True, opens=False, others=())
        assert ask(hiding, world, expires="2025-12-31").allowed

    def test_nor_does_a_trust_state_that_asks_for_a_later_hubpolicy(self, world: World) -> None:
        asked = watch(world, workspaces=("acme",))
        trust = asked.court.trust
        late_ones: tuple[dict[str, Any], ...] = (
            {"expires": "2025-12-31"},
            {"minimum_version": "999.0.0"},
        )
        for changed in late_ones:
            late = trust._replace(state=trust.state._replace(**changed))
            watching = asked._replace(court=asked.court._replace(trust=late))
            with pytest.raises(ConfigError, match=r"expired|999\.0"):
                decide(XetToken(world.repo._replace(repo_type="dataset"), "main"), watching)

    def test_a_namespace_of_another_trust_is_refused_for_everything(self, world: World) -> None:
        wishes = self.wishes(world)

        def refuse(namespace: str) -> None:
            message = f"{namespace} is reserved"
            raise ConfigError(message)

        asked = watch(world, workspaces=("acme",))._replace(governs=refuse)
        for intent in wishes:
            with pytest.raises(ConfigError, match="acme is reserved"):
                decide(intent, asked)

    def test_a_move_needs_both_names(self, world: World) -> None:
        names: list[str] = []
        asked = watch(world)._replace(governs=names.append)
        stage(world)
        decide(Move(world.repo, world.repo._replace(namespace="globex")), asked)
        assert {"acme", "globex"} <= set(names)
