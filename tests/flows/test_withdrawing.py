# SPDX-License-Identifier: Apache-2.0
"""Looking at what is to be withdrawn, hiding it, and finding who else holds it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from hubpolicy.adapters import withdrawals
from hubpolicy.adapters.files import FolderRelease
from hubpolicy.core.withdrawal import Holders
from hubpolicy.domain.manifest import EvidenceFile, git_blob_id
from hubpolicy.errors import AccessError, ServiceError
from hubpolicy.flows import withdrawing
from hubpolicy.flows.withdrawing import (
    Asked,
    hide,
    holders,
    look,
    look_here,
    namespace_models,
    worth_keeping,
)
from hubpolicy.render.advisory import render
from tests.flows.audited import ADA, put
from tests.flows.publishing_world import NOW, WEIGHTS, gate
from tests.hook.gate_world import MADE, MODEL, person

if TYPE_CHECKING:
    from pathlib import Path

    from hubpolicy.core.withdrawal import Withdrawal
    from tests.flows.publishing_world import World

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")

SHA256 = hashlib.sha256(MODEL[WEIGHTS]).hexdigest()
TRUST = gate(ADA)[1]


def asked(world: World, revision: str = "main") -> Asked:
    return Asked(world.repo, revision, "toxic", NOW)


def looked(world: World, revision: str = "main") -> Withdrawal:
    return look(asked(world, revision), world.client(), TRUST).record


class TestLooking:
    def test_what_stood_there(self, world: World) -> None:
        done = world.publish()
        world.asked()
        kept = look(asked(world), world.client(), TRUST)
        record = kept.record
        assert all(a.method == "GET" for a in world.asked())
        assert (record.oid, record.refs) == (done.oid, (("refs/heads/main", done.oid),))
        assert record.revoked_files == {SHA256}
        assert [(r.signer, r.time) for r in record.releases] == [("ada", MADE)]
        files = {file.path: file.content for file in kept.files}
        assert files.keys() >= {"README.md", "model.sig", ".hubpolicy/release.intoto.jsonl"}
        assert files["README.md"] == MODEL["README.md"]

    def test_large_weights_are_not_downloaded(self, world: World) -> None:
        world.publish()
        world.asked()
        looked(world)
        fetched = [a.path for a in world.asked() if "/resolve/" in a.path]
        assert not any(WEIGHTS in path for path in fetched)

    def test_weights_that_a_hub_keeps_in_git_are_hashed(self, world: World) -> None:
        world.api.create_repo(world.repo.text)
        put(world, ".gitattributes", b"")
        put(world, "tiny.safetensors", b"tiny text weights")
        record = looked(world)
        if record.files[-1].sha256 is not None:
            pytest.fail("the hub took it by LFS: this shows nothing")
        assert record.revoked_files == {hashlib.sha256(b"tiny text weights").hexdigest()}

    def test_a_hub_that_serves_other_bytes_than_it_lists_is_not_believed(
        self, world: World
    ) -> None:
        world.api.create_repo(world.repo.text)
        put(world, ".gitattributes", b"")
        put(world, "tiny.safetensors", b"tiny text weights")
        other = {"status": 200, "body": "innocent weights!", "times": None}
        world.faults(world.at("GET", r"resolve/.*tiny", **other))
        with pytest.raises(ServiceError, match="other bytes"):
            looked(world)

    def test_a_strangers_release_line_is_not_taken_for_one(self, world: World) -> None:
        world.model()
        assert world.push(world.plan(who=person("mallory"))).decision.verdict == "passed"
        record = looked(world)
        assert record.releases == ()
        assert record.revoked_files == {SHA256}

    @pytest.mark.parametrize("revision", ["v1", "refs/tags/v1", "oid", "short"])
    def test_an_older_revision(self, world: World, revision: str) -> None:
        done = world.publish()
        world.api.create_tag(world.repo.text, tag="v1")
        put(world, WEIGHTS, b"\0newer weights")
        name = {"oid": done.oid, "short": done.oid[:7]}.get(revision, revision)
        assert looked(world, name).revoked_files == {SHA256}
        assert looked(world).revoked_files != {SHA256}

    def test_a_copy_on_this_disk_says_the_same(self, world: World) -> None:
        world.publish()
        there = looked(world)
        here = look_here(asked(world), FolderRelease(world.folder), TRUST).record
        assert here.revoked_files == there.revoked_files
        assert here.releases == there.releases
        assert (here.oid, here.refs) == ("", ())

    @pytest.mark.parametrize(("status", "kind"), [(403, AccessError), (500, ServiceError)])
    def test_what_cannot_be_read_is_an_error(
        self, world: World, status: int, kind: type[Exception]
    ) -> None:
        world.publish()
        world.faults(world.at("GET", "tree/", status=status, times=None))
        with pytest.raises(kind):
            looked(world)


class TestHiding:
    def test_it_is_read_back(self, world: World) -> None:
        world.publish()
        world.asked()
        assert hide(world.repo, world.client()).state == "done"
        calls = [a.method for a in world.asked()]
        assert calls == ["GET", "PUT", "GET"]
        assert world.state()[0]
        assert hide(world.repo, world.client()).state == "already"

    def test_a_hub_that_is_slow_to_show_it_is_asked_again(self, world: World) -> None:
        world.publish()
        lies = {"status": 200, "body": "{}", "times": 1}
        world.faults(world.at("PUT", "settings", **lies))
        assert hide(world.repo, world.client()).state == "done"
        assert world.state()[0]

    @pytest.mark.parametrize(
        ("token", "kind"), [("hf_carol", AccessError), ("hf_nobody", AccessError)]
    )
    def test_who_may_not_is_told(self, world: World, token: str, kind: type[Exception]) -> None:
        world.publish()
        step = hide(world.repo, world.client(token))
        assert (step.state, type(step.error)) == ("failed", kind)
        assert not world.state()[0]

    def test_what_is_not_there_is_not_hidden(self, world: World) -> None:
        step = hide(world.repo, world.client())
        assert (step.state, type(step.error)) == ("failed", ServiceError)


class TestWhoElseHoldsIt:
    def test_every_commit_of_the_repository(self, world: World) -> None:
        world.publish()
        world.api.create_tag(world.repo.text, tag="v1")
        put(world, "NEWS.md", b"# News\n")
        put(world, WEIGHTS, b"\0newer weights")
        put(world, "x.safetensors", MODEL[WEIGHTS], create_pr=True)
        record = looked(world, "v1")
        found = holders(record, (), world.client(), world.notes)
        by_name = {holder.revision: holder.paths for holder in found.found}
        assert by_name.pop("refs/pr/1") == ("x.safetensors",)
        assert list(by_name.values()) == [(WEIGHTS,)]  # the commit with the news
        assert "(in refs/heads/main)" in next(iter(by_name))
        assert found.unread == ()

    def test_other_repositories_by_content(self, world: World) -> None:
        world.publish()
        other = world.repo._replace(name=f"{world.repo.name}-copy")
        world.api.create_repo(other.text)
        world.api.upload_file(
            repo_id=other.text, path_in_repo="renamed.bin", path_or_fileobj=MODEL[WEIGHTS]
        )
        models, unread = namespace_models(("acme",), world.hub.endpoint, world.client())
        assert ({world.repo, other} <= set(models), unread) == (True, ())
        found = holders(looked(world), (world.repo, other), world.client(), world.notes).found
        assert [(holder.repo, holder.paths) for holder in found] == [(other.text, ("renamed.bin",))]

    @pytest.mark.parametrize("signed", [True, False])
    def test_copies_that_a_hub_keeps_in_git_itself(self, world: World, *, signed: bool) -> None:
        """Their listing has another kind of digest than that of the file kept by Git LFS."""
        content = b"weights in words " * 60
        world.model(**{WEIGHTS.replace(".", "_"): content})
        if signed:
            assert world.push(world.plan()).public
        else:
            world.api.create_repo(world.repo.text)
            put(world, WEIGHTS, content)
        record = looked(world)
        assert record.weights[0].git_blob == (git_blob_id(content) if signed else "")
        other = world.repo._replace(name=f"{world.repo.name}-plain")
        world.api.create_repo(other.text)
        for path, copied in (
            (".gitattributes", b""),
            ("plain.safetensors", content),
            ("other.safetensors", content.swapcase()),
        ):
            world.api.upload_file(repo_id=other.text, path_in_repo=path, path_or_fileobj=copied)
        listed = {f.path: f.sha256 for f in world.client().listing(other, "main").files}
        assert (listed["plain.safetensors"], listed["other.safetensors"]) == (None, None)
        world.asked()
        found = holders(record, (world.repo, other), world.client(), world.notes)
        assert [(h.repo, h.paths) for h in found.found] == [(other.text, ("plain.safetensors",))]
        assert found.unread == ()
        read = [a.path for a in world.asked() if "safetensors" in a.path]
        assert bool(read) is not signed, "only what cannot be known is read"

    def test_what_could_not_be_read_is_told(self, world: World) -> None:
        done = world.publish()
        put(world, "NEWS.md", b"# News\n")
        record = looked(world)
        gone = world.repo._replace(name="no-such-model")
        world.faults(
            world.at("GET", f"tree/{done.oid}", status=500, times=None),
            {"method": "GET", "path_regex": "/api/models$", "status": 500, "times": None},
        )
        found = holders(record, (gone,), world.client(), world.notes)
        assert len(found.unread) == 2
        assert any(text.startswith("acme/no-such-model") for text in found.unread)
        assert any(f"at {done.oid[:12]}" in text for text in found.unread)
        assert namespace_models(("acme",), world.hub.endpoint, world.client())[1]

    def test_a_history_that_cannot_be_read_leaves_the_tips(self, world: World) -> None:
        world.publish()
        record = looked(world)
        world.api.create_branch(world.repo.text, branch="wip")
        put(world, "NEWS.md", b"# News\n", revision="wip")
        world.faults(world.at("GET", "commits/", status=500, times=None))
        found = holders(record, (), world.client(), world.notes)
        assert [holder.revision for holder in found.found] == ["refs/heads/wip"]
        assert all("history of" in text for text in found.unread)
        assert found.unread

    def test_a_very_long_history_is_not_read_to_its_end_and_that_is_told(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        world.publish()
        for number in range(4):
            put(world, "NEWS.md", b"# News %d\n" % number)
        monkeypatch.setattr(withdrawing, "MOST_COMMITS", 3)
        record = looked(world)
        found = holders(record, (), world.client(), world.notes)
        assert len(found.found) == 2
        assert any("older commits were not read" in text for text in found.unread)


class TestKeeping:
    def test_only_names_that_are_known_reach_the_disk(self) -> None:
        wanted = EvidenceFile("model.sig", b"{}")
        files = (
            wanted,
            EvidenceFile(".hubpolicy/../../evil", b"x"),
            EvidenceFile(".hubpolicy/evil.py", b"x"),
            EvidenceFile("/etc/passwd", b"x"),
            EvidenceFile(".hubpolicy/release.intoto.jsonl", b""),
        )
        assert worth_keeping(files) == (wanted,)

    def test_the_newest_of_the_same_commit_is_found_again(
        self, world: World, tmp_path: Path
    ) -> None:
        world.publish()
        record = looked(world)
        base = tmp_path / "kept"
        assert withdrawals.find(base, world.repo, oid=record.oid) is None
        first = withdrawals.begin(base, record, ())
        later = record._replace(asked="2026-02-01T00:00:00Z")
        second = withdrawals.begin(base, later, ())
        other = record._replace(oid="e" * 40, asked="2026-03-01T00:00:00Z")
        third = withdrawals.begin(base, other, ())
        assert withdrawals.find(base, world.repo, oid=record.oid) == second
        assert withdrawals.find(base, world.repo, revision="main") == third
        (second.folder / "withdrawal.json").write_bytes(b"{")
        assert withdrawals.find(base, world.repo, oid=record.oid) == first
        (first.folder / "withdrawal.json").unlink()
        assert withdrawals.find(base, world.repo, oid=record.oid) is None

    def test_a_repository_whose_name_begins_alike_is_another(
        self, world: World, tmp_path: Path
    ) -> None:
        world.publish()
        record = looked(world)
        longer = world.repo._replace(name=f"{world.repo.name}.v2")
        withdrawals.begin(tmp_path, record._replace(repo=longer), ())
        assert withdrawals.find(tmp_path, world.repo, oid=record.oid) is None
        assert withdrawals.find(tmp_path, longer, oid=record.oid) is not None

    def test_by_whichever_way_the_hub_is_reached(self, world: World, tmp_path: Path) -> None:
        """The record names the hub; somebody may go by a gateway before it, today or then."""
        world.publish()
        record = looked(world)
        by = record.repo._replace(endpoint="https://gate.example", hub=record.repo.endpoint)
        withdrawals.begin(tmp_path, record._replace(repo=by), ())
        for repo in (by, record.repo):
            found = withdrawals.find(tmp_path, repo, oid=record.oid)
            assert found is not None
            assert found.record.repo == repo
        elsewhere = by._replace(hub="https://other.example")
        assert withdrawals.find(tmp_path, elsewhere, oid=record.oid) is None

    def test_a_place_that_is_no_folder_keeps_nothing(self, world: World, tmp_path: Path) -> None:
        world.publish()
        (tmp_path / "file").write_text("")
        with pytest.raises(ServiceError):
            withdrawals.begin(tmp_path / "file" / "below", looked(world), ())


def test_an_advisory_without_weights_says_so(world: World) -> None:
    world.api.create_repo(world.repo.text)
    record = looked(world)
    text = render(record, (), Holders())
    assert "None is known." in text
    assert "sha256sum" not in text
