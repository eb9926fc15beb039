# SPDX-License-Identifier: Apache-2.0
"""May a request be sent? Asked of a real hub, about releases that were really signed."""

from __future__ import annotations

import hashlib
import typing
from typing import TYPE_CHECKING, Any

import pytest

from hubpolicy.adapters.files import FolderRelease
from hubpolicy.domain import hub_request as wire
from hubpolicy.domain.hub_request import (
    Branch,
    BucketWrite,
    Commit,
    CreateRepo,
    Delete,
    Discussion,
    Duplicate,
    GitFetch,
    GitPush,
    Harmless,
    LfsBatch,
    LfsDuplicate,
    LfsObject,
    LfsVerify,
    Merge,
    Move,
    Preupload,
    Read,
    Settings,
    Signed,
    SuperSquash,
    Tag,
    Unknown,
    XetToken,
)
from hubpolicy.domain.release import RepoId
from hubpolicy.errors import ConfigError, ServiceError
from hubpolicy.flows.gating import TABLE, decide
from tests.flows.gating_world import (
    Known,
    announced,
    ask,
    commit,
    harm,
    header,
    known_in,
    line,
    ndjson,
    small,
    watch,
)
from tests.flows.publishing_world import LATER, WEIGHTS
from tests.hook.gate_world import person, sign

if TYPE_CHECKING:
    from hubpolicy.domain.hub_request import Intent
    from tests.flows.publishing_world import World

EVIL = "d" * 64


def released(world: World) -> Known:
    """A signed folder for this world's repository, which nobody has uploaded."""
    world.model()
    sign(world.folder, person(), target=world.repo)
    return known_in(world.folder, world.repo)


def stage(world: World, *, private: bool = True) -> str:
    """An empty repository on the hub; its head."""
    world.api.create_repo(world.repo.text, private=private)
    return world.main().oid


def weights(world: World) -> tuple[LfsObject, ...]:
    entries = FolderRelease(world.folder).manifest.entries
    return tuple(LfsObject(e.sha256, e.size) for e in entries if e.path == WEIGHTS)


class TestTable:
    def test_every_intent_has_its_row(self) -> None:
        assert set(typing.get_args(wire.Intent)) == set(TABLE)

    def test_what_changes_nothing_is_free_without_a_look_at_the_hub(self, world: World) -> None:
        repo = world.repo
        free: tuple[Intent, ...] = (
            Read(repo),
            Read(None),
            Harmless("paths-info", repo),
            Signed("PUT", "/_storage/x"),
            LfsVerify(repo, LfsObject(EVIL, 1)),
            Discussion(repo, "comment"),
            GitFetch(repo),
            Settings(repo, private=True, opens=False, others=()),
            Settings(repo, private=None, opens=False, others=()),
            BucketWrite("acme", "b", "settings of", private=True, hides=True),
        )
        world.asked()
        assert [ask(intent, world).allowed for intent in free] == [True] * len(free)
        assert world.asked() == []

    def test_what_nobody_judges_is_denied_with_something_to_do_or_a_reason(
        self, world: World
    ) -> None:
        stage(world)
        repo = world.repo
        denied: tuple[Intent, ...] = (
            Unknown("POST", "/uploads", "nobody knows what it would publish"),
            GitPush(repo, advertises=True),
            Delete(repo, "repository"),
            Delete(repo, "branch dev"),
            BucketWrite("acme", "b", "files of", private=False),
            Settings(repo, private=None, opens=False, others=("xetEnabled",)),
            Settings(repo, private=True, opens=True, others=()),
        )
        for intent in denied:
            found = ask(intent, world)
            assert not found.allowed
            assert found.rule == "HP510"
            assert found.reason


class TestBefore:
    """What comes before the commit and carries no evidence."""

    def before(self, world: World) -> tuple[Intent, ...]:
        repo = world.repo
        return (
            CreateRepo(repo, private=False),
            CreateRepo(repo, private=True),
            Preupload(repo, "main", creates_pr=False, files=announced(world.folder)),
            LfsBatch(repo, weights(world)),
            LfsDuplicate(RepoId("else", "where"), repo, weights(world)),
            XetToken(repo, "main"),
        )

    def test_is_denied_where_no_release_is_known(self, world: World) -> None:
        world.model()
        for intent in self.before(world):
            found = ask(intent, world)
            assert not found.allowed, intent
            assert found.rule == "HP511"
            assert found.next == f"hubpolicy push PATH {world.repo.text}"

    def test_is_allowed_where_one_is_known_and_passes(self, world: World) -> None:
        known = released(world)
        for intent in self.before(world):
            assert ask(intent, world, known).allowed, intent

    def test_a_policy_out_of_date_judges_nothing(self, world: World) -> None:
        known = released(world)
        for intent in self.before(world):
            with pytest.raises(ConfigError, match="expired"):
                ask(intent, world, known, expires="2025-12-31")

    def test_another_repository_s_release_opens_nothing(self, world: World) -> None:
        known = released(world)
        other = RepoId("acme", "another", "model", world.hub.endpoint)
        for intent in self.before(world):
            moved: Any = intent
            field = "target" if isinstance(intent, LfsDuplicate) else "repo"
            assert not ask(moved._replace(**{field: other}), world, known).allowed

    def test_one_more_weight_and_another_size_are_named(self, world: World) -> None:
        known = released(world)
        files = announced(world.folder)
        extra = (*files, files[0]._replace(path="extra.safetensors"))
        found = ask(Preupload(world.repo, "main", creates_pr=False, files=extra), world, known)
        assert not found.allowed
        assert "extra.safetensors" in found.reason
        (weight,) = weights(world)
        for objects in ((LfsObject(EVIL, weight.size),), (weight._replace(size=weight.size + 1),)):
            found = ask(LfsBatch(world.repo, objects), world, known)
            assert not found.allowed
            assert objects[0].oid[:12] in found.reason

    def test_small_files_need_no_release_before_the_commit(self, world: World) -> None:
        card = (wire.Announced("README.md", 20, b"# Hello"),)
        assert ask(Preupload(world.repo, "main", creates_pr=False, files=card), world).allowed

    def test_what_stands_there_released_may_be_announced_again(self, world: World) -> None:
        world.publish()
        assert ask(LfsBatch(world.repo, weights(world)), world).allowed
        assert ask(CreateRepo(world.repo, private=False), world).allowed
        asked = Preupload(world.repo, "main", creates_pr=False, files=announced(world.folder))
        assert ask(asked, world).allowed

    def test_datasets_may_send_what_has_no_name_yet(self, world: World) -> None:
        repo = world.repo._replace(repo_type="dataset")
        assert ask(LfsBatch(repo, (LfsObject(EVIL, 5),)), world).allowed
        assert ask(XetToken(repo, "main"), world).allowed
        assert ask(CreateRepo(repo, private=False), world).allowed


class TestCommit:
    def test_the_resulting_tree_must_pass(self, world: World) -> None:
        released(world)
        head = stage(world)
        found = ask(commit(world, ndjson(world.folder)), world)
        assert found.allowed, found
        assert found.pinned == head
        assert found.judged is not None
        assert WEIGHTS in {file.path for file in found.judged.files}

    def test_without_evidence_it_does_not(self, world: World) -> None:
        world.model()
        stage(world)
        found = ask(commit(world, ndjson(world.folder)), world)
        assert (found.allowed, found.rule) == (False, "HP201")
        assert found.next.startswith("hubpolicy test")

    def test_evidence_by_lfs_is_not_on_the_hub_before_the_commit(self, world: World) -> None:
        """Compressed records go that way; whoever knows the release has their bytes."""
        known = released(world)
        stage(world)
        content = (world.folder / "model.sig").read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        body = ndjson(world.folder, without=("model.sig",)) + line(
            "lfsFile", path="model.sig", algo="sha256", oid=digest, size=len(content)
        )
        assert ask(commit(world, body), world, known).allowed
        other = body.replace(digest.encode(), EVIL.encode())
        for asked, at_hand in ((body, None), (other, known)):
            with pytest.raises(ServiceError):
                ask(commit(world, asked), world, at_hand)

    @pytest.mark.parametrize("change", ["another weight", "one more file", "a file less", "a card"])
    def test_another_tree_than_the_attested_one_does_not(self, world: World, change: str) -> None:
        released(world)
        stage(world, private=False)
        body = ndjson(world.folder, without=("config.json",) if change == "a file less" else ())
        if change == "another weight":
            old = weights(world)[0].oid.encode()
            assert old in body
            body = body.replace(old, EVIL.encode())
        elif change == "one more file":
            body += small("loader.py", b"import os\n")
        elif change == "a card":
            body = ndjson(world.folder, without=("README.md",)) + small("README.md", b"# Other\n")
        assert not ask(commit(world, body), world).allowed

    def test_what_stood_there_stays_in_the_tree(self, world: World) -> None:
        world.publish()
        stray = commit(
            world, header() + line("lfsFile", path="old.bin", algo="sha256", oid=EVIL, size=3)
        )
        assert not ask(stray, world).allowed
        assert not ask(commit(world, header() + small("README.md", b"# x\n")), world).allowed

    def test_the_parent_that_is_named_must_be_the_head(self, world: World) -> None:
        head = world.publish().oid
        body = ndjson(world.folder, parent=head)
        assert ask(commit(world, body), world).pinned == head
        found = ask(commit(world, ndjson(world.folder, parent="0" * 40)), world)
        assert not found.allowed
        assert head[:12] in found.reason

    def test_a_pull_request_is_judged_like_its_base(self, world: World) -> None:
        world.publish()
        body = header() + small("notes.py", b"print()\n")
        assert not ask(commit(world, body, query="create_pr=1"), world).allowed
        assert ask(commit(world, ndjson(world.folder), query="create_pr=1"), world).allowed

    @pytest.mark.parametrize("revision", ["dev", "refs%2Fpr%2F9", "refs%2Ftags%2Fv1", "0" * 40])
    def test_only_branches_and_pull_requests_take_commits(
        self, world: World, revision: str
    ) -> None:
        world.publish()
        found = ask(commit(world, ndjson(world.folder), revision=revision), world)
        assert (found.allowed, found.rule) == (False, "HP510")

    def test_a_repository_that_is_not_there_takes_none(self, world: World) -> None:
        released(world)
        assert not ask(commit(world, ndjson(world.folder)), world).allowed

    def test_a_part_of_a_known_release_is_staged_in_private_only(self, world: World) -> None:
        known = released(world)
        stage(world)
        part = commit(world, ndjson(world.folder, without=(WEIGHTS, "model.sig")))
        assert not ask(part, world).allowed
        assert ask(part, world, known).allowed
        wrong = commit(world, header() + small("README.md", b"# Other\n"))
        assert not ask(wrong, world, known).allowed
        world.api.update_repo_settings(world.repo.text, private=False)
        assert not ask(part, world, known).allowed

    def test_datasets_are_judged_where_weights_come_in(self, world: World) -> None:
        repo = world.repo._replace(repo_type="dataset")
        world.api.create_repo(repo.text, repo_type="dataset")
        card = commit(world, header() + small("README.md", b"# Data\n"))._replace(repo=repo)
        assert ask(card, world).allowed
        row = line("lfsFile", path="model.safetensors", algo="sha256", oid=EVIL, size=9)
        assert not ask(commit(world, header() + row)._replace(repo=repo), world).allowed
        unnamed = line("lfsFile", path="blob", algo="sha256", oid=EVIL, size=9)
        assert not ask(commit(world, header() + unnamed)._replace(repo=repo), world).allowed
        pickled = small("data.txt", b"\x80\x04\x95" + b"x" * 40)
        assert not ask(commit(world, header() + pickled)._replace(repo=repo), world).allowed

    def test_a_foreign_namespace_is_not_ours_to_release(self, world: World) -> None:
        released(world)
        stage(world)
        found = ask(commit(world, ndjson(world.folder)), world, namespaces=("globex",))
        assert (found.allowed, found.rule) == (False, "HP510")
        assert "globex" in found.reason


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
