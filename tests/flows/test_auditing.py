# SPDX-License-Identifier: Apache-2.0
"""What an audit says of what stands on a hub, ref by ref, and what it asks the hub for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hubpolicy.adapters.files import FolderRelease
from hubpolicy.core.line_files import RELEASE_FILE
from hubpolicy.core.statements import CARD, toxicity_statement
from hubpolicy.errors import AccessError, ServiceError
from hubpolicy.flows.auditing import resolve_revision
from tests.flows.audited import ADA, MAIN, main, put, rules
from tests.flows.publishing_world import (
    NOW,
    WEIGHTS,
    gate,
    put_line,
)
from tests.hook.gate_world import MADE, person, toxicity

if TYPE_CHECKING:
    from tests.flows.publishing_world import World

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")


def test_a_release_that_holds_is_attested(world: World) -> None:
    done = world.publish()
    verdict = main(world)
    assert (verdict.status, verdict.oid, verdict.signer) == ("ATTESTED", done.oid, "ada")
    assert verdict.time == MADE
    assert verdict.dir_hash == world.judged().evidence.manifest.dir_hash  # type: ignore[union-attr]
    assert verdict.detail == f"self-declared {MADE}"
    assert verdict.findings == ()


def test_an_audit_reads_names_and_evidence_and_never_weights(world: World) -> None:
    world.publish()
    world.api.create_tag(world.repo.text, tag="v1")
    world.asked()
    world.audit()
    asked = world.asked()
    assert all(a.method == "GET" for a in asked)
    fetched = [a.path for a in asked if "/resolve/" in a.path or "lfs" in a.path]
    assert all(".hubpolicy/" in path or path.endswith("model.sig") for path in fetched)
    # refs, one tree for both refs, and three evidence files
    assert len(asked) == 5


def test_what_refs_share_is_read_once(world: World) -> None:
    world.publish()
    put(world, "NEWS.md", b"# News\n")
    for number in range(4):
        put(world, "NEWS.md", b"# News %d\n" % number)
        world.api.create_tag(world.repo.text, tag=f"v{number}")
    world.asked()
    assert len(world.audit()) == 5
    assert sum("/resolve/" in a.path for a in world.asked()) == 3


def test_every_branch_tag_and_pull_request_has_its_own_verdict(world: World) -> None:
    world.publish()
    name = world.repo.text
    world.api.create_branch(name, branch="wip")
    put(world, WEIGHTS, b"\0swapped", revision="wip")
    world.api.create_tag(name, tag="v1")
    put(world, "extra.safetensors", b"\0extra", create_pr=True)
    found = {ref: verdict.status for ref, verdict in world.audit().items()}
    assert found == {
        MAIN: "ATTESTED",
        "refs/heads/wip": "MODIFIED",
        "refs/tags/v1": "ATTESTED",
        "refs/pr/1": "MODIFIED",
    }


def test_a_pull_request_that_takes_nothing_in_is_still_judged(world: World) -> None:
    world.publish()
    world.client("hf_bob")._api.create_pull_request(world.repo.text, title="Empty")
    assert world.audit()["refs/pr/1"].status == "ATTESTED"


def test_evidence_that_is_proposed_for_the_same_bytes_is_no_worse_than_its_base(
    world: World,
) -> None:
    """An approval or a run in a pull request; merged, it is a line that no releaser names."""
    world.publish()
    lines = (world.folder / RELEASE_FILE).read_bytes()
    closure = [
        entry for entry in FolderRelease(world.folder).manifest.entries if entry.path != CARD
    ]
    for hits in (0, 60):
        run = toxicity(hits)._replace(finished_on="2026-01-02T12:00:00Z")
        put_line(world.folder, toxicity_statement(run, closure), person())
        put(world, RELEASE_FILE, (world.folder / RELEASE_FILE).read_bytes(), create_pr=True)
        (world.folder / RELEASE_FILE).write_bytes(lines)
    found = world.audit()
    assert [found[ref].status for ref in (MAIN, "refs/pr/1")] == ["ATTESTED", "ATTESTED"]
    assert found["refs/pr/1"].detail == (
        f"self-declared {MADE}; 1 piece(s) of evidence proposed beside it, which nobody released"
    )
    toxic = found["refs/pr/2"]
    assert (toxic.status, rules(toxic)) == ("UNATTESTED", {"HP203"})
    world.client()._api.create_branch(world.repo.text, branch="taken", revision="refs/pr/1")
    again = world.audit()
    assert [again[ref].status for ref in ("refs/heads/taken", "refs/pr/1")] == ["MODIFIED"] * 2
    assert "HP310" in rules(again["refs/heads/taken"])


def test_what_waited_in_a_pull_request_is_what_a_branch_released_meanwhile(world: World) -> None:
    """Exactly these files, and somebody's evidence: not another file, and not none at all."""
    world.publish()
    lines = (world.folder / RELEASE_FILE).read_bytes().splitlines(keepends=True)
    policy = f".hubpolicy/policy/{ADA.policy_sha256}.json"
    for number in (1, 2):
        put(world, RELEASE_FILE, b"".join(lines[:-1]), create_pr=True)
        world.api.delete_file(policy, world.repo.text, revision=f"refs/pr/{number}")
    put(world, "added.json", b"{}", revision="refs/pr/2")
    world.api.delete_file(RELEASE_FILE, world.repo.text, create_pr=True)
    world.client()._api.create_branch(world.repo.text, branch="waits", revision="refs/pr/2")
    found = world.audit()
    assert {ref: verdict.status for ref, verdict in found.items()} == {
        MAIN: "ATTESTED",
        "refs/heads/waits": "UNATTESTED",
        "refs/pr/1": "ATTESTED",
        "refs/pr/2": "UNATTESTED",
        "refs/pr/3": "UNATTESTED",
    }
    assert found["refs/pr/1"].dir_hash == found[MAIN].dir_hash
    assert found["refs/pr/1"].signings == ()


def test_an_upload_around_the_gate_is_unattested(world: World) -> None:
    folder = world.model()
    world.api.create_repo(world.repo.text)
    world.api.upload_folder(repo_id=world.repo.text, folder_path=folder)
    verdict = main(world)
    assert (verdict.status, rules(verdict)) == ("UNATTESTED", {"HP301"})
    assert verdict.detail == "no evidence about these bytes"


def test_an_empty_repository_is_unattested(world: World) -> None:
    world.api.create_repo(world.repo.text)
    assert main(world).status == "UNATTESTED"


@pytest.mark.parametrize(
    ("path", "content", "rule"),
    [
        (WEIGHTS, b"\0other weights", "HP308"),
        ("config.json", b"{}", "HP308"),
        ("README.md", b"---\nlicense: mit\n---\n# Other words\n", "HP308"),
        ("added.json", b"{}", "HP308"),
        (".hubpolicy/evil.py", b"import os", "HP412"),
        (f".hubpolicy/evidence/{'0' * 64}.jsonl.gz", b"\0", "HP412"),
        (f".hubpolicy/policy/{'0' * 64}.json", b"{}", "HP412"),
        ("model.sig", b"{}", "HP302"),
    ],
)
def test_whatever_is_changed_or_added_is_modified(
    world: World, path: str, content: bytes, rule: str
) -> None:
    world.publish()
    put(world, path, content)
    verdict = main(world)
    assert (verdict.status, rule in rules(verdict)) == ("MODIFIED", True)
    assert path in verdict.detail


@pytest.mark.parametrize("path", [WEIGHTS, "config.json", "model.sig"])
def test_whatever_is_taken_away_is_modified(world: World, path: str) -> None:
    world.publish()
    world.api.delete_file(path, world.repo.text)
    assert main(world).status == "MODIFIED"


def test_one_line_of_evidence_taken_away_is_modified(world: World) -> None:
    world.publish()
    lines = (world.folder / RELEASE_FILE).read_bytes().splitlines(keepends=True)
    put(world, RELEASE_FILE, b"".join(lines[1:]))
    verdict = main(world)
    assert (verdict.status, "HP310" in rules(verdict)) == ("MODIFIED", True)


def test_lines_of_noise_after_the_release_are_modified(world: World) -> None:
    world.publish()
    put(world, RELEASE_FILE, (world.folder / RELEASE_FILE).read_bytes() + b'{"x": 1}\n')
    verdict = main(world)
    assert (verdict.status, "HP302" in rules(verdict)) == ("MODIFIED", True)


def test_without_its_release_line_evidence_attests_nothing(world: World) -> None:
    world.publish()
    lines = (world.folder / RELEASE_FILE).read_bytes().splitlines(keepends=True)
    put(world, RELEASE_FILE, b"".join(lines[:-1]))
    assert main(world).status == "UNATTESTED"


def test_another_person_s_signatures_attest_nothing(world: World) -> None:
    mallory = person("mallory")
    world.model()
    plan = world.plan(who=mallory)
    assert world.push(plan).decision.verdict == "passed"
    verdict = main(world)
    assert (verdict.status, rules(verdict)) == ("UNATTESTED", {"HP302", "HP412"})
    (told,) = (finding for finding in verdict.findings if finding.rule == "HP302")
    assert "in 4 places: .hubpolicy/release.intoto.jsonl lines 1-3, model.sig" in told.message
    fixes = {finding.fix for finding in verdict.findings if finding.rule == "HP412"}
    assert fixes == {"leave it until the lines that did not verify do: it may be theirs"}
    policy, trust = gate(mallory)
    assert main(world, policy=policy, trust=trust).status == "ATTESTED"


def test_evidence_for_another_repository_attests_nothing(world: World) -> None:
    world.model()
    world.plan()
    elsewhere = world.repo._replace(name=f"{world.repo.name}-copy")
    world.api.create_repo(elsewhere.text)
    world.api.upload_folder(repo_id=elsewhere.text, folder_path=world.folder)
    world.repo = elsewhere
    verdict = main(world)
    assert (verdict.status, "HP307" in rules(verdict)) == ("UNATTESTED", True)


def test_one_ref_that_cannot_be_read_is_unreadable_and_the_others_are_judged(
    world: World,
) -> None:
    done = world.publish()
    put(world, "NEWS.md", b"# News\n")
    world.api.create_tag(world.repo.text, tag="v1", revision=done.oid)
    world.faults(world.at("GET", f"tree/{done.oid}", status=500, times=None))
    found = world.audit()
    assert (found[MAIN].status, found["refs/tags/v1"].status) == ("MODIFIED", "UNREADABLE")
    assert "HTTP 500" in found["refs/tags/v1"].detail


def test_evidence_that_cannot_be_read_is_unreadable(world: World) -> None:
    world.publish()
    world.faults(world.at("GET", "resolve/.*model.sig", status=503, times=None))
    assert main(world).status == "UNREADABLE"


@pytest.mark.parametrize("below", ["resolve/.*model.sig", "tree/", "refs"])
@pytest.mark.parametrize("when", ["request", "response"])
def test_a_connection_that_breaks_once_is_tried_again(world: World, below: str, when: str) -> None:
    world.publish()
    world.faults(world.at("GET", below, action="close", when=when))
    assert main(world).status == "ATTESTED"
    assert world.waited == [1.0]


def test_a_hub_that_serves_other_evidence_than_it_lists_is_unreadable(world: World) -> None:
    world.publish()
    sent = {"status": 200, "body": "{}", "times": None}
    world.faults(world.at("GET", "resolve/.*model.sig", **sent))
    verdict = main(world)
    assert (verdict.status, "not what the hub listed" in verdict.detail) == ("UNREADABLE", True)


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("below", ["refs", "tree/", "resolve/"])
def test_a_login_that_may_not_read_is_an_error_of_its_own(
    world: World, below: str, status: int
) -> None:
    world.publish()
    world.faults(world.at("GET", below, status=status, times=None))
    with pytest.raises(AccessError, match=f"HTTP {status}"):
        world.audit()


def test_a_repository_that_is_not_there_is_an_error(world: World) -> None:
    with pytest.raises(ServiceError, match="knows no such repository"):
        world.audit()


def test_what_hides_under_the_evidence_folder_is_not_fetched(world: World) -> None:
    world.publish()
    put(world, ".hubpolicy/weights.safetensors", b"\0" * 5000)
    put(world, f".hubpolicy/approvals/{'1' * 64}.jsonl", b"{" * (1024 * 1024 + 1))
    world.asked()
    verdict = main(world)
    assert (verdict.status, rules(verdict) >= {"HP412", "HP302"}) == ("MODIFIED", True)
    fetched = [a.path for a in world.asked() if "/resolve/" in a.path]
    assert not any("weights" in path or "approvals" in path for path in fetched)


def test_thousands_of_evidence_files_are_not_read(world: World) -> None:
    from huggingface_hub import CommitOperationAdd

    world.publish()
    many = [
        CommitOperationAdd(path_in_repo=f".hubpolicy/x/{n}", path_or_fileobj=b"%d" % n)
        for n in range(1001)
    ]
    world.api.create_commit(world.repo.text, many, commit_message="Flood")
    verdict = main(world)
    assert (verdict.status, "expected at most 1000" in verdict.detail) == ("UNREADABLE", True)


@pytest.mark.parametrize("name", ["main", MAIN, "v1", "refs/tags/v1"])
def test_a_revision_by_any_of_its_names(world: World, name: str) -> None:
    done = world.publish()
    world.api.create_tag(world.repo.text, tag="v1")
    client = world.client()
    assert resolve_revision(client, world.repo, name) == done.oid
    assert resolve_revision(client, world.repo, done.oid) == done.oid
    with pytest.raises(ServiceError, match="no revision 'v2'"):
        resolve_revision(client, world.repo, "v2")


def test_the_moment_of_the_audit_is_not_the_moment_of_the_release(world: World) -> None:
    world.publish()
    assert main(world, now=NOW).status == "ATTESTED"
    assert main(world, now="2026-06-01T00:00:00Z").status == "ATTESTED"
