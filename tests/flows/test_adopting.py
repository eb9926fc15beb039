# SPDX-License-Identifier: Apache-2.0
"""What was adopted is BASELINE in an audit, commit by commit, and opens nothing."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from hubpolicy.core.baseline import Adopted, Baseline, Revision, verify_baseline
from hubpolicy.errors import AccessError, ServiceError, VerificationError
from hubpolicy.flows.adopting import adopt, cosign, revisions_of, survey, worst_of
from hubpolicy.flows.assemble import assemble_listing
from hubpolicy.flows.auditing import GREEN, Court, RefVerdict, audit
from tests.flows.audited import ADA, MAIN, put, revoked
from tests.flows.publishing_world import (
    LATER,
    NOW,
    WEIGHTS,
    attest_here,
    desk,
    gate,
    put_run,
    together,
)
from tests.hook.gate_world import person

if TYPE_CHECKING:
    from hubpolicy.domain.release import RepoId
    from hubpolicy.domain.trust import Trust
    from tests.flows.publishing_world import World

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")

UNTIL = "2026-12-31"
NONE = Baseline()


def upload(world: World, **other: bytes) -> None:
    """A model that nobody judged."""
    folder = world.model(**other)
    world.api.create_repo(world.repo.text, exist_ok=True)
    world.api.upload_folder(repo_id=world.repo.text, folder_path=folder)


def adopted(world: World, *repos: RepoId, old: Baseline = NONE) -> Baseline:
    """Sign what stands there now, and verify it as an audit does."""
    found = survey(repos or (world.repo,), world.client(), world.notes)
    policy, trust = gate(ADA)
    signed = adopt(old, found, ADA.signer, trust, NOW, UNTIL)
    assert signed is not None
    assert signed.missing == 0
    return verify_baseline(signed.document, trust, policy)


def audited(
    world: World, baseline: Baseline, *, trust: Trust | None = None, now: str = NOW
) -> dict[str, RefVerdict]:
    policy, held = gate(ADA)
    court = Court(policy, trust or held, now, assemble_listing, baseline)
    return {v.ref: v for v in audit(world.repo, world.client(), court, world.notes)}


def test_what_stands_there_is_listed_by_commit_with_every_ref_that_leads_to_it(
    world: World,
) -> None:
    upload(world)
    first = world.main().oid
    world.api.create_tag(world.repo.text, tag="v1")
    world.api.create_branch(world.repo.text, branch="wip")
    put(world, "extra.safetensors", b"\0extra", create_pr=True)
    found = {r.oid: r.refs for r in revisions_of(world.repo, world.client())}
    assert found.pop(first) == ("refs/heads/main", "refs/heads/wip", "refs/tags/v1")
    assert list(found.values()) == [("refs/pr/1",)]


def test_an_adopted_commit_is_baseline_and_green(world: World) -> None:
    upload(world)
    world.api.create_tag(world.repo.text, tag="v1")
    found = audited(world, adopted(world))
    assert {ref: v.status for ref, v in found.items()} == {
        MAIN: "BASELINE",
        "refs/tags/v1": "BASELINE",
    }
    verdict = found[MAIN]
    assert verdict.detail == f"adopted 2026-01-03, until {UNTIL}; never judged"
    assert verdict.findings == ()
    assert verdict.signer == ""
    assert "BASELINE" in GREEN


@pytest.mark.parametrize(
    ("path", "content"), [(WEIGHTS, b"\0other"), ("NEWS.md", b"# x\n"), ("added.txt", b"x")]
)
def test_a_tip_that_changed_is_unattested(world: World, path: str, content: bytes) -> None:
    upload(world)
    baseline = adopted(world)
    put(world, path, content)
    assert audited(world, baseline)[MAIN].status == "UNATTESTED"


def test_a_commit_that_comes_back_is_baseline_again_and_a_new_ref_to_it_too(world: World) -> None:
    upload(world)
    first = world.main().oid
    baseline = adopted(world)
    put(world, "added.txt", b"x")
    world.api.create_tag(world.repo.text, tag="v0", revision=first)
    found = audited(world, baseline)
    assert (found[MAIN].status, found["refs/tags/v0"].status) == ("UNATTESTED", "BASELINE")


def test_the_same_content_in_another_repository_is_not_adopted(world: World) -> None:
    upload(world)
    baseline = adopted(world)
    world.repo = world.repo._replace(name=f"{world.repo.name}-copy")
    upload(world)
    assert audited(world, baseline)[MAIN].status == "UNATTESTED"


def test_it_ends(world: World) -> None:
    upload(world)
    baseline = adopted(world)
    assert audited(world, baseline, now="2026-12-31T23:00:00Z")[MAIN].status == "BASELINE"
    assert audited(world, baseline, now="2027-01-01T00:00:00Z")[MAIN].status == "UNATTESTED"


def test_adopting_again_adds_what_is_named_and_nothing_else(world: World) -> None:
    upload(world)
    baseline = adopted(world)
    put(world, "added.txt", b"x")
    more = adopted(world, old=baseline)
    assert [entry.adopted for entry in more.entries] == [NOW, NOW]
    assert sum(len(entry.revisions) for entry in more.entries) == 2
    assert audited(world, more)[MAIN].status == "BASELINE"
    same = survey((world.repo,), world.client(), world.notes)
    assert adopt(more, same, ADA.signer, gate(ADA)[1], LATER, UNTIL) is None


class TestWhatItDoesNotHide:
    def test_an_attested_release_stays_attested(self, world: World) -> None:
        world.publish()
        assert audited(world, adopted(world))[MAIN].status == "ATTESTED"

    def test_a_modified_release_stays_modified(self, world: World) -> None:
        world.publish()
        put(world, "added.json", b"{}")
        verdict = audited(world, adopted(world))[MAIN]
        assert (verdict.status, bool(verdict.findings)) == ("MODIFIED", True)

    def test_a_revoked_file_stays_revoked(self, world: World) -> None:
        upload(world)
        sha256 = hashlib.sha256((world.folder / WEIGHTS).read_bytes()).hexdigest()
        gone = revoked(revoked_files=frozenset({sha256}))
        verdict = audited(world, adopted(world), trust=gone)[MAIN]
        assert verdict.status == "REVOKED"

    def test_a_model_that_was_measured_and_failed_stays_red(self, world: World) -> None:
        folder = world.model()
        put_run(folder, ADA, hits=60)
        attest_here(folder, world.repo, desk(ADA))
        upload(world)
        verdict = audited(world, adopted(world))[MAIN]
        assert (verdict.status, "HP203" in verdict.detail) == ("UNATTESTED", True)

    def test_what_cannot_be_read_stays_unreadable(self, world: World) -> None:
        upload(world)
        baseline = adopted(world)
        world.faults(world.at("GET", "tree/", status=500, times=None))
        assert audited(world, baseline)[MAIN].status == "UNREADABLE"

    def test_a_strangers_evidence_is_no_reason_against_it(self, world: World) -> None:
        world.model()
        plan = world.plan(who=person("mallory"))
        assert world.push(plan).decision.verdict == "passed"
        assert audited(world, NONE)[MAIN].status == "UNATTESTED"
        assert audited(world, adopted(world))[MAIN].status == "BASELINE"


def test_no_gate_reads_it(world: World) -> None:
    """The gate's verdict has no place for a baseline: publishing adopted bytes is refused."""
    upload(world)
    adopted(world)
    done = world.push(world.judged(now=NOW))
    assert done.decision.verdict != "passed"
    assert "HP301" in {finding.rule for finding in done.decision.findings}


class TestWhoSigns:
    def test_a_stranger_adopts_nothing(self, world: World) -> None:
        upload(world)
        found = survey((world.repo,), world.client(), world.notes)
        trust = gate(ADA)[1]
        with pytest.raises(VerificationError, match="does not sign in role state"):
            adopt(NONE, found, person("mallory").signer, trust, NOW, UNTIL)

    def test_a_team_signs_in_turn(self, world: World) -> None:
        upload(world)
        bob = person("bob")
        trust = together(ADA, bob, thresholds={"state": 2})
        found = survey((world.repo,), world.client(), world.notes)
        one = adopt(NONE, found, ADA.signer, trust, NOW, UNTIL)
        assert one is not None
        assert (one.missing, set(one.people)) == (1, {"ada"})
        again = cosign(one.document, ADA.signer, trust, where="it")
        assert again.missing == 1  # the same person twice is one person
        both = cosign(one.document, bob.signer, trust, where="it")
        assert (both.missing, set(both.people)) == (0, {"ada", "bob"})
        policy = gate(ADA)[0]
        assert audited(world, verify_baseline(both.document, trust, policy))[MAIN].status == (
            "BASELINE"
        )
        with pytest.raises(VerificationError):
            verify_baseline(one.document, trust, policy)

    def test_a_list_that_was_changed_is_not_signed(self, world: World) -> None:
        upload(world)
        bob = person("bob")
        trust = together(ADA, bob, thresholds={"state": 2})
        found = survey((world.repo,), world.client(), world.notes)
        one = adopt(NONE, found, ADA.signer, trust, NOW, UNTIL)
        assert one is not None
        with pytest.raises(VerificationError, match="does not hold"):
            cosign(one.document.replace(b'"sig":"M', b'"sig":"N'), bob.signer, trust, where="it")


class TestWhatCannotBeRead:
    def test_the_others_are_adopted_and_it_is_said(self, world: World) -> None:
        upload(world)
        gone = world.repo._replace(name="no-such-model")
        found = survey((gone, world.repo), world.client(), world.notes)
        assert [repo for repo, _ in found.found] == [world.repo]
        assert [repo for repo, _ in found.unread] == [gone]
        assert isinstance(worst_of(found), ServiceError)

    def test_a_login_that_may_not_read_comes_first(self, world: World) -> None:
        upload(world)
        gone = world.repo._replace(name="no-such-model")
        world.faults(world.at("GET", "refs", status=403, times=None))
        found = survey((gone, world.repo), world.client(), world.notes)
        assert isinstance(worst_of(found), AccessError)
        assert found.found == ()

    def test_where_all_was_read_there_is_nothing_to_say(self, world: World) -> None:
        upload(world)
        assert worst_of(survey((world.repo,), world.client(), world.notes)) is None


def test_a_namespace_is_all_its_models_private_ones_included(world: World) -> None:
    upload(world)
    hidden = world.repo._replace(name=f"{world.repo.name}-hidden")
    world.api.create_repo(hidden.text, private=True)
    world.api.create_repo(f"alice/{world.repo.name}")
    listed = world.client().models("acme", world.hub.endpoint)
    assert {world.repo, hidden} <= set(listed)
    assert {repo.namespace for repo in listed} == {"acme"}
    assert list(listed) == sorted(listed)
    assert hidden not in world.client("hf_bob").models("acme", world.hub.endpoint)


def test_an_entry_names_refs_for_people_and_binds_none(world: World) -> None:
    upload(world)
    oid = world.main().oid
    entry = Adopted(world.repo.purl, NOW, UNTIL, (Revision(oid, ("refs/heads/nowhere",)),))
    assert audited(world, Baseline(1, (entry,)))[MAIN].status == "BASELINE"
