# SPDX-License-Identifier: Apache-2.0
"""What stands on the hub after a push, when the hub does as it is told."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import pytest
from huggingface_hub import CommitOperationAdd

from hubpolicy.domain.finding import Severity
from hubpolicy.domain.outgoing import Outgoing
from hubpolicy.errors import ConfigError, ServiceError
from hubpolicy.flows import differing, push_plan, pushing
from tests.flows.publishing_world import LATER, WEIGHTS
from tests.hook.gate_world import person

if TYPE_CHECKING:
    from tests.flows.publishing_world import World

# The official client uploads in a way that its own HTTP library calls old.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")

WRITES = {"POST", "PUT", "DELETE", "PATCH"}


def writes(world: World) -> list[str]:
    return [f"{a.method} {a.path.split('?')[0]}" for a in world.asked() if a.method in WRITES]


def test_a_release_that_failed_is_not_even_announced(world: World) -> None:
    world.model()
    done = world.push(world.plan(hits=60))
    assert (done.decision.verdict, done.oid) == ("failed", "")
    assert world.asked() == []


def test_one_changed_byte_after_signing_and_nothing_is_asked(world: World) -> None:
    folder = world.model()
    world.plan()
    (folder / WEIGHTS).write_bytes((folder / WEIGHTS).read_bytes()[:-1] + b"!")
    done = world.push(world.judged())
    assert done.decision.verdict == "failed"
    assert {f.rule for f in done.decision.findings} >= {"HP308", "HP201"}
    assert world.asked() == []


def test_a_new_repository_is_private_until_what_stands_there_was_compared(world: World) -> None:
    world.model()
    done = world.push(world.plan())
    asked = [f"{a.method} {a.path.split('?')[0]}" for a in world.asked()]
    steps = [
        "POST /api/repos/create",
        f"POST /api/models/{world.repo.text}/commit/main",
        f"GET /api/models/{world.repo.text}/tree/{done.oid}",
        f"PUT /api/models/{world.repo.text}/settings",
        f"GET /api/models/{world.repo.text}/refs",
    ]
    order = [len(asked) - 1 - asked[::-1].index(step) for step in steps]
    assert order == sorted(order)
    assert order[-1] == len(asked) - 1
    assert (done.decision.verdict, done.public, world.state()) == (
        "passed",
        True,
        (False, done.oid),
    )
    assert world.notes.said[0] == f"created {world.repo.text} (private)"


def test_everything_that_was_judged_stands_there_and_nothing_else(world: World) -> None:
    folder = world.model()
    done = world.push(world.plan())
    here = {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }
    assert done.uploaded == len(here) - 1  # .gitattributes is the one that the hub made
    there = {path: world.client().read(world.repo, done.oid, path) for path in world.tree()}
    assert there == here


def test_asked_to_stay_private_it_stays_private(world: World) -> None:
    world.model()
    done = world.push(world.plan(private=True))
    assert (done.decision.verdict, done.public) == ("passed", False)
    assert world.state() == (True, done.oid)
    assert not any(a.path.endswith("/settings") for a in world.asked())


def test_a_public_repository_gets_one_commit_on_its_head(world: World) -> None:
    first = world.publish()
    (world.folder / WEIGHTS).write_bytes(b"\0other weights")
    world.asked()
    second = world.push(world.plan(now=LATER))
    assert [write for write in writes(world) if "/commit/" in write or "settings" in write] == [
        f"POST /api/models/{world.repo.text}/commit/main"
    ]
    history = world.client().history(world.repo, "main")
    assert history[:2] == (second.oid, first.oid)
    assert world.state() == (False, second.oid)
    assert world.tree()[WEIGHTS] == hashlib.sha256(b"\0other weights").hexdigest()


def test_files_that_were_not_judged_are_removed_and_named(world: World) -> None:
    world.publish()
    world.api.upload_file(
        repo_id=world.repo.text, path_in_repo="old.bin", path_or_fileobj=b"\0stray"
    )
    done = world.push(world.judged())
    assert done.decision.verdict == "passed"
    assert done.notes == ("1 removed there: old.bin",)
    assert "old.bin" not in world.tree()


def test_what_stands_there_already_is_not_sent_again(world: World) -> None:
    first = world.publish()
    world.asked()
    done = world.push(world.judged())
    assert writes(world) == []
    assert (done.oid, done.public, done.uploaded) == (first.oid, True, 0)
    assert "nothing to upload" in done.notes[0]


def test_packed_records_that_the_hub_keeps_by_lfs_are_not_sent_again(world: World) -> None:
    folder = world.model()
    world.plan()
    packed = folder / ".hubpolicy" / "evidence" / f"{'a' * 64}.jsonl.gz"
    packed.parent.mkdir()
    packed.write_bytes(b"\x1f\x8b\x08\0packed")
    # The judge refuses records that no line names; what is asked here is what a push would send.
    from hubpolicy.flows.pushing import difference

    plan = world.judged()
    world.api.create_repo(world.repo.text)
    before = {file.path for file in difference(plan, world.repo, world.client()).files}
    world.api.upload_folder(repo_id=world.repo.text, folder_path=folder)
    assert str(packed.relative_to(folder)) in before
    after = difference(plan, world.repo, world.client())
    assert (after.files, after.removed, after.size) == ((), (), 0)


def test_a_private_repository_with_a_clean_history_is_published(world: World) -> None:
    world.model()
    world.push(world.plan(private=True))
    world.asked()
    done = world.push(world.judged())
    assert (done.decision.verdict, done.public, done.uploaded) == ("passed", True, 0)
    assert world.state() == (False, done.oid)


@pytest.mark.parametrize("where", ["main", "a branch", "a tag", "a pull request"])
def test_unjudged_weights_in_a_history_keep_it_private(world: World, where: str) -> None:
    name = world.repo.text
    api = world.api
    api.create_repo(name, private=True)
    if where == "a pull request":
        api.create_commit(
            name,
            operations=[_add("draft.safetensors")],
            commit_message="Draft",
            create_pr=True,
        )
    else:
        if where != "main":
            api.create_branch(name, branch="draft")
        revision = "main" if where == "main" else "draft"
        api.create_commit(
            name,
            operations=[_add("draft.safetensors")],
            commit_message="Draft",
            revision=revision,
        )
    if where == "a tag":
        api.create_tag(name, tag="v0", revision="draft")
        api.delete_branch(name, branch="draft")
    if where == "main":
        api.delete_file("draft.safetensors", name)
    world.model()
    done = world.push(world.plan())
    assert (done.decision.verdict, done.public) == ("failed", False)
    (finding,) = (f for f in done.decision.findings if f.severity is Severity.ERROR)
    assert finding.rule == "HP504"
    assert "draft.safetensors" in finding.message
    assert world.state()[0]
    again = world.push(world.judged())
    assert (again.decision.verdict, world.state()[0]) == ("failed", True)


def test_judged_weights_under_another_name_are_not_held_against_a_history(world: World) -> None:
    folder = world.model()
    world.api.create_repo(world.repo.text, private=True)
    world.api.upload_file(
        repo_id=world.repo.text,
        path_in_repo="checkpoint.safetensors",
        path_or_fileobj=folder / WEIGHTS,
    )
    done = world.push(world.plan())
    assert (done.decision.verdict, done.public) == ("passed", True)


def test_judged_weights_that_the_hub_keeps_in_plain_git_are_known_too(world: World) -> None:
    world.model(tiny_onnx_data=b"text that is called weights")
    world.push(world.plan(private=True))
    assert "tiny.onnx.data" in world.tree()
    done = world.push(world.judged())
    assert (done.decision.verdict, done.public) == ("passed", True)


def test_to_keep_a_public_repository_private_is_a_contradiction(world: World) -> None:
    world.publish()
    world.asked()
    with pytest.raises(ConfigError, match="is public"):
        world.push(world.judged(private=True))
    assert writes(world) == []


def test_evidence_for_another_person_s_gate_is_no_evidence(world: World) -> None:
    world.model()
    world.plan(who=person("mallory"))
    done = world.push(world.judged(person("ada")))
    assert done.decision.verdict != "passed"
    assert world.asked() == []


def test_a_file_that_changes_after_the_verdict_is_not_sent(world: World) -> None:
    folder = world.model()
    plan = world.plan()
    (folder / WEIGHTS).write_bytes((folder / WEIGHTS).read_bytes()[:-1] + b"!")
    with pytest.raises(ServiceError, match=f"{WEIGHTS} changed") as caught:
        world.push(plan)
    assert "was created, private" in caught.value.message
    assert not any("commit" in write or "lfs" in write for write in writes(world))
    assert world.tree().keys() == {".gitattributes"}


def test_evidence_that_changes_on_disk_is_sent_as_it_was_judged(world: World) -> None:
    folder = world.model()
    plan = world.plan()
    judged = (folder / "model.sig").read_bytes()
    (folder / "model.sig").write_bytes(b"{}")
    done = world.push(plan)
    assert done.decision.verdict == "passed"
    assert world.client().read(world.repo, done.oid, "model.sig") == judged


def test_a_dry_run_reads_and_says_what_would_go(world: World) -> None:
    from hubpolicy.flows.pushing import difference

    first = world.publish()
    (world.folder / WEIGHTS).write_bytes(b"\0other")
    (world.folder / "config.json").unlink()
    world.asked()
    change = difference(world.plan(), world.repo, world.client())
    assert WEIGHTS in {file.path for file in change.files}
    assert "config.json" in change.removed
    assert writes(world) == []
    assert world.main().oid == first.oid


def test_a_large_object_of_an_unknown_kind_counts_as_weights(world: World) -> None:
    name, api = world.repo.text, world.api
    api.create_repo(name, private=True)
    lfs = b"draft filter=lfs diff=lfs merge=lfs -text\n"
    for path, content in ((".gitattributes", lfs), ("draft", b"\0weights" * 100)):
        api.upload_file(path_or_fileobj=content, path_in_repo=path, repo_id=name)
    api.delete_file("draft", name)
    world.model()
    done = world.push(world.plan())
    assert {finding.rule for finding in done.decision.findings} == {"HP504"}


def _add(path: str) -> object:
    return CommitOperationAdd(path_in_repo=path, path_or_fileobj=b"\0" + path.encode() * 50)


class TestSeveralCommits:
    """Of the size that a hub takes, where nobody can see what is not complete yet."""

    @pytest.fixture(autouse=True)
    def _small(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(differing, "COMMIT_FILES", 3)

    def test_it_is_private_until_the_last_one_was_compared(self, world: World) -> None:
        world.model()
        done = world.push(world.plan())
        assert (done.decision.verdict, done.public) == ("passed", True)
        assert len(world.client().history(world.repo, "main")) == 4
        order = [write.rpartition("/")[2] for write in writes(world)]
        assert order.index("settings") > max(i for i, end in enumerate(order) if end == "main")
        assert "commit 2 of 3" in world.notes.said

    def test_what_it_sent_itself_is_not_listed_again(self, world: World) -> None:
        world.model()
        plan = world.plan()
        world.asked()
        assert world.push(plan).public
        listed = [asked.path.split("/")[-1] for asked in world.asked() if "/tree/" in asked.path]
        start, *rest = reversed(world.client().history(world.repo, "main"))
        assert [oid for oid in (start, *rest) if oid in " ".join(listed)] == [start, rest[-1]]
        assert len(listed) == 2

    def test_after_a_break_the_next_push_sends_the_rest(self, world: World) -> None:
        world.model()
        plan = world.plan()
        world.faults(world.at("POST", "commit/", status=500, after=2, times=None))
        with pytest.raises(ServiceError, match="HTTP 500"):
            world.push(plan)
        assert world.state()[0]
        assert len(world.tree()) > 6
        world.asked()
        done = world.push(plan)
        assert (done.decision.verdict, done.public, done.uploaded) == ("passed", True, 1)
        assert len([write for write in writes(world) if "/commit/" in write]) == 1

    def test_an_answer_that_is_lost_on_the_way_is_looked_up(self, world: World) -> None:
        world.model()
        plan = world.plan()
        world.faults(world.at("POST", "commit/", action="close", when="response", times=4))
        assert world.push(plan).public
        assert "the answer was lost, the commit was not" in world.notes.said
        assert len(world.client().history(world.repo, "main")) == 4

    def test_a_commit_of_others_that_holds_a_piece_is_none_of_ours(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The client commits nothing then, asks for no parent, and names theirs."""
        monkeypatch.setattr(differing, "COMMIT_FILES", 2)
        world.model()
        plan, client = world.plan(), world.client()
        real, theirs = client.upload, list[str]()

        def late(repo: Any, files: tuple[Outgoing, ...], *more: Any, **options: Any) -> Any:
            if not theirs:
                sent = {file.path: file.source for file in files} | {WEIGHTS: b"\0unjudged" * 50}
                theirs.append(
                    world.api.create_commit(
                        world.repo.text,
                        [CommitOperationAdd(path, content) for path, content in sent.items()],
                        commit_message="Theirs",
                    ).oid
                )
            return real(repo, files, *more, **options)

        monkeypatch.setattr(client, "upload", late)
        done = pushing.push(plan, world.repo, client, world.notes)
        assert {finding.rule for finding in done.decision.findings} == {"HP504"}
        assert theirs[0][:12] in done.decision.findings[0].message
        assert (done.public, world.state()[0]) == (False, True)

    def test_where_people_look_it_is_one_commit_or_none(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        first = world.publish()
        assert len(world.client().history(world.repo, "main")) == 4
        world.model(model_safetensors=b"\0second", config_json=b"{}")
        plan = world.plan(now=LATER)
        monkeypatch.setattr(push_plan, "ONE_COMMIT_FILES", 1)
        with pytest.raises(ServiceError, match="more than one commit takes") as caught:
            world.push(plan)
        assert "push to a new repository" in caught.value.hint
        assert world.main().oid == first.oid
        monkeypatch.setattr(push_plan, "ONE_COMMIT_FILES", 25_000)
        world.push(plan)
        assert len(world.client().history(world.repo, "main")) == 5


def test_pieces_are_bounded_in_files_and_in_bytes_that_are_held() -> None:
    small, large = 40 * 1024 * 1024, 11 * 1024 * 1024
    sizes = [small // 4] * 21 + [large] * 5
    files = tuple(Outgoing(f"{n:02}", b"", "", size) for n, size in enumerate(sizes))
    pieces = list(differing.parts(differing.Difference(files, sum(sizes), ("gone",))))
    assert [len(piece.files) for piece in pieces] == [10, 10, 6]
    assert [piece.removed for piece in pieces] == [("gone",), (), ()]
    assert all(piece.held <= differing.COMMIT_BYTES for piece in pieces)
    assert tuple(file for piece in pieces for file in piece.files) == files
    (only,) = differing.parts(differing.Difference((), 0, ("gone",)))
    assert only.removed == ("gone",)
    assert list(differing.parts(differing.Difference((), 0, ()))) == []
