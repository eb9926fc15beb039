# SPDX-License-Identifier: Apache-2.0
"""May a request be sent? Asked of a real hub, about releases that were really signed."""

from __future__ import annotations

import hashlib
import typing
from typing import TYPE_CHECKING, Any

import pytest

from hubpolicy.domain import hub_request as wire
from hubpolicy.domain.hub_request import (
    BucketWrite,
    CreateRepo,
    Delete,
    Discussion,
    GitFetch,
    GitPush,
    Harmless,
    LfsBatch,
    LfsDuplicate,
    LfsObject,
    LfsVerify,
    Preupload,
    Read,
    Settings,
    Signed,
    Unknown,
    XetToken,
)
from hubpolicy.domain.release import RepoId
from hubpolicy.errors import ConfigError, ServiceError
from hubpolicy.flows.gating import TABLE
from tests.flows.gating_world import (
    EVIL,
    announced,
    ask,
    commit,
    header,
    line,
    ndjson,
    released,
    small,
    stage,
    weights,
)
from tests.flows.publishing_world import WEIGHTS

if TYPE_CHECKING:
    from hubpolicy.domain.hub_request import Intent
    from tests.flows.publishing_world import World


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
            if isinstance(intent, Delete):
                assert f'hubpolicy withdraw {repo.text} --reason "..."' in found.next


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
