# SPDX-License-Identifier: Apache-2.0
"""What a flip would publish, and what is judged of it: everything, once, before it."""

from __future__ import annotations

import hashlib
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from hubpolicy.core.judge import judge
from hubpolicy.domain.finding import Severity
from hubpolicy.domain.manifest import EvidenceFile
from hubpolicy.errors import ConfigError, ServiceError
from hubpolicy.flows.publishing import Known, Published, publish, review
from hubpolicy.flows.pushing import push
from hubpolicy.flows.verifying import Law
from tests.flows.publishing_world import LATER, NOW, WEIGHTS, gate
from tests.hook.gate_world import person

if TYPE_CHECKING:
    from hubpolicy.flows.publishing import Review
    from tests.flows.publishing_world import World

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")

DRAFT = b"\0draft" * 100
OTHER_CARD = b"---\nlicense: mit\n---\n# Other\n"


def law(*, now: str = NOW, **changes: Any) -> Law:
    policy, trust = gate(person())
    return Law(policy._replace(**changes), trust, now)


def reviewed(world: World, at: Law | None = None) -> Review:
    client = world.client()
    return review(world.repo, client, at or law(), client.refs(world.repo), world.notes)


def errors(found: Review) -> list[tuple[str, str]]:
    return sorted((f.rule, f.message) for f in found.findings if f.severity is Severity.ERROR)


def staged(world: World) -> str:
    world.model()
    done = world.push(world.plan(private=True))
    assert done.decision.verdict == "passed"
    return done.oid


def published(world: World, **options: Any) -> Published:
    return publish(world.repo, world.client(), law(), world.notes, **options)


def test_a_staged_release_may_become_public_and_does(world: World) -> None:
    oid = staged(world)
    assert reviewed(world).passed
    before = world.asked()
    assert published(world, writing=False) == published(world, writing=False)
    assert {a.method for a in world.asked()} == {"GET"}
    done = published(world)
    assert (done.decision.verdict, done.public, done.oid) == ("passed", True, oid)
    assert world.state() == (False, oid)
    again = published(world)
    assert (again.decision.verdict, again.public, again.note) == (
        "passed",
        True,
        "was public before; nothing was changed",
    )
    assert before


def test_an_older_release_in_the_history_is_covered_by_its_own_evidence(world: World) -> None:
    staged(world)
    world.model(model_safetensors=b"\0second weights")
    assert world.push(world.plan(now=LATER, private=True)).decision.verdict == "passed"
    assert reviewed(world, law(now=LATER)).passed
    done = publish(world.repo, world.client(), law(now=LATER), world.notes)
    assert done.public


@pytest.mark.parametrize("history", ["all", "tips"])
def test_a_draft_in_the_history_is_published_only_where_the_policy_says_so(
    world: World, history: str
) -> None:
    world.api.create_repo(world.repo.text, private=True)
    world.api.upload_file(
        repo_id=world.repo.text, path_in_repo="draft.safetensors", path_or_fileobj=DRAFT
    )
    staged(world)
    found = reviewed(world, law(history=history))
    (finding,) = (f for f in found.findings if f.rule == "HP504")
    assert "draft.safetensors at" in finding.message
    assert found.passed is (history == "tips")
    done = publish(world.repo, world.client(), law(history=history), world.notes)
    assert done.public is (history == "tips")
    assert "HP504" in {f.rule for f in done.decision.findings}


@pytest.mark.parametrize("history", ["all", "tips"])
@pytest.mark.parametrize("where", ["branch", "tag", "pull request"])
def test_a_draft_at_a_ref_is_never_published(world: World, where: str, history: str) -> None:
    staged(world)
    api, name = world.api, world.repo.text
    add = {"repo_id": name, "path_in_repo": "draft.safetensors", "path_or_fileobj": DRAFT}
    if where == "pull request":
        api.upload_file(**add, create_pr=True)
    else:
        api.create_branch(name, branch="draft")
        api.upload_file(**add, revision="draft")
    if where == "tag":
        api.create_tag(name, tag="v0", revision="draft")
        api.delete_branch(name, branch="draft")
    done = publish(world.repo, world.client(), law(history=history), world.notes)
    assert (done.decision.findings[-1].rule, done.public) == ("HP504", False)
    assert world.state()[0]


def test_a_branch_with_judged_weights_and_another_card_does_not_pass_as_one(world: World) -> None:
    staged(world)
    world.api.create_branch(world.repo.text, branch="dev")
    world.api.upload_file(
        repo_id=world.repo.text,
        path_in_repo="README.md",
        path_or_fileobj=OTHER_CARD,
        revision="dev",
    )
    found = reviewed(world)
    assert not found.passed
    assert all(text.startswith("refs/heads/dev at ") for _, text in errors(found))
    assert "HP308" in dict(errors(found))


def test_a_pull_request_with_judged_weights_and_another_card_is_talk(world: World) -> None:
    """Its commit can be reached for ever; what it proposes is judged when it is merged."""
    staged(world)
    world.api.upload_file(
        repo_id=world.repo.text,
        path_in_repo="README.md",
        path_or_fileobj=OTHER_CARD,
        create_pr=True,
    )
    assert reviewed(world).passed


def test_refs_without_weights_are_no_releases(world: World) -> None:
    staged(world)
    first = world.client().history(world.repo, "main")[-1]
    world.api.create_branch(world.repo.text, branch="empty", revision=first)
    found = reviewed(world)
    assert found.passed
    assert [verdict.ref for verdict in found.refs] == ["refs/heads/main"]


def test_an_empty_repository_is_nothing_to_publish(world: World) -> None:
    world.api.create_repo(world.repo.text, private=True)
    found = published(world)
    assert (found.decision.verdict, found.public) == ("inconclusive", False)
    with pytest.raises(ServiceError, match="there is no acme/none"):
        publish(world.repo._replace(name="none"), world.client(), law(), world.notes)


def test_what_was_revoked_stays_private_wherever_it_is(world: World) -> None:
    staged(world)
    old = world.tree()[WEIGHTS]
    world.model(model_safetensors=b"\0second weights")
    world.push(world.plan(now=LATER, private=True))
    at = law(now=LATER, history="tips")
    state = at.trust.state._replace(revoked_files=frozenset((old,)))
    found = reviewed(world, at._replace(trust=at.trust._replace(state=state)))
    assert "HP703" in dict(errors(found))
    # Whoever withdrew them knows that they were judged: nobody says that they never were.
    state = at.trust.state._replace(revoked_files=frozenset((old, world.tree()[WEIGHTS])))
    found = reviewed(world, law(now=LATER)._replace(trust=at.trust._replace(state=state)))
    assert {finding.rule for finding in found.findings} == {"HP703"}


@pytest.mark.parametrize("where", ["history", "branch", "pull request"])
def test_what_was_revoked_is_found_where_git_keeps_it_by_another_digest(
    world: World, where: str
) -> None:
    """Small files have no sha256 in a listing."""
    small = b"weights that were taken back\n"
    api, name = world.api, world.repo.text
    api.create_repo(name, private=True)
    if where == "history":
        api.upload_file(repo_id=name, path_in_repo=".gitattributes", path_or_fileobj=b"\n")
        api.upload_file(repo_id=name, path_in_repo="old.safetensors", path_or_fileobj=small)
    staged(world)
    if where == "branch":
        api.create_branch(name, branch="b", revision=world.client().history(world.repo, "main")[-1])
        api.upload_file(repo_id=name, path_in_repo="b.txt", path_or_fileobj=small, revision="b")
    if where == "pull request":
        api.upload_file(repo_id=name, path_in_repo="a.txt", path_or_fileobj=small, create_pr=True)
    at = law(history="tips")
    assert reviewed(world, at).passed
    for content, rules in ((small, {"HP703"}), (b"something else", set())):
        digest = hashlib.sha256(content).hexdigest()
        state = at.trust.state._replace(revoked_files=frozenset([digest]))
        found = reviewed(world, at._replace(trust=at.trust._replace(state=state)))
        assert {rule for rule, _ in errors(found)} == rules


def test_of_the_history_each_small_content_is_read_once_and_only_if_anything_was_revoked(
    world: World,
) -> None:
    api, name = world.api, world.repo.text
    api.create_repo(name, private=True)
    for number in range(3):
        api.upload_file(
            repo_id=name, path_in_repo=f"note{number}.txt", path_or_fileobj=b"the same\n"
        )
    staged(world)
    world.asked()

    def read(at: Law) -> list[str]:
        assert reviewed(world, at).passed
        return [a.path for a in world.asked() if "/resolve/" in a.path and "note" in a.path]

    at = law()
    assert read(at) == []
    state = at.trust.state._replace(revoked_files=frozenset(["ab" * 32]))
    assert len(read(at._replace(trust=at.trust._replace(state=state)))) == 1


def test_who_moves_a_branch_while_it_is_judged_is_seen(world: World) -> None:
    staged(world)
    client = world.client()
    real = client.history

    def busy(*args: Any) -> Any:
        world.api.create_tag(world.repo.text, tag=f"t{len(world.asked())}x")
        return real(*args)

    client.history = busy  # type: ignore[method-assign, assignment]
    done = publish(world.repo, client, law(), world.notes)
    assert (done.decision.findings[-1].rule, done.public) == ("HP503", False)
    assert "nothing was changed" in done.decision.findings[-1].message
    assert world.state()[0]


@pytest.mark.parametrize("known", [True, False])
def test_a_commit_that_was_compared_already_is_not_read_again(world: World, known: bool) -> None:
    oid = staged(world)
    plan = world.judged()
    assert judge(plan.evidence).verdict == "passed"
    manifest = plan.evidence.manifest
    assert manifest is not None
    client = world.client()
    refs = client.refs(world.repo)
    world.asked()
    found = review(
        world.repo, client, law(), refs, world.notes, Known({oid: manifest} if known else {})
    )
    assert found.passed
    read = [a.path for a in world.asked() if "/resolve/" in a.path]
    assert (read == []) is known


def test_of_two_who_push_at_once_one_wins_and_the_other_says_so(world: World) -> None:
    world.publish()
    plans = []
    for weights in (b"\0one", b"\0two"):
        world.model(model_safetensors=weights * 100)
        plan = world.plan(now=LATER)
        plans.append(plan)
    contents = [b"\0one" * 100, b"\0two" * 100]
    looked = threading.Barrier(2)  # neither has sent anything when the other one begins to

    def go(at: int) -> str:
        client = world.client()
        real = client.upload

        def upload(*arguments: Any, **options: Any) -> Any:
            looked.wait(60)
            return real(*arguments, **options)

        client.upload = upload  # type: ignore[method-assign]
        manifest = plans[at].evidence.manifest
        assert manifest is not None
        made = (EvidenceFile(WEIGHTS, contents[at]),)
        try:
            done = push(plans[at]._replace(made=made), world.repo, client, world.notes)
        except ServiceError as error:
            return error.message
        return done.decision.verdict

    with ThreadPoolExecutor(2) as both:
        ends = sorted(both.map(go, (0, 1)))
    (lost,) = (end for end in ends if end != "passed")
    assert "somebody else committed meanwhile" in lost
    assert not world.state()[0]
    heads = {world.tree()[WEIGHTS]}
    assert heads <= {hashlib.sha256(content).hexdigest() for content in contents}


class TestAfterALongUpload:
    """What becomes public is judged by what is trusted then, not by what was when it began."""

    def test_what_was_withdrawn_meanwhile_stays_private(self, world: World) -> None:
        world.model()
        plan = world.plan()
        held = law(now=LATER)
        digest = hashlib.sha256((world.folder / WEIGHTS).read_bytes()).hexdigest()
        state = held.trust.state._replace(revoked_files=frozenset([digest]))
        later = held._replace(trust=held.trust._replace(state=state))
        done = world.push(plan._replace(law=lambda: later))
        assert (done.decision.verdict, done.public) == ("failed", False)
        assert "HP703" in {finding.rule for finding in done.decision.findings}
        assert world.state() == (True, done.oid)

    def test_a_key_that_was_withdrawn_meanwhile_vouches_for_nothing(self, world: World) -> None:
        world.model()
        plan = world.plan()
        held = law(now=LATER)
        keys = frozenset(key.keyid for key in held.trust.root.keys)
        state = held.trust.state._replace(revoked_keys=keys)
        later = held._replace(trust=held.trust._replace(state=state))
        done = world.push(plan._replace(law=lambda: later))
        assert (done.decision.verdict, done.public) == ("failed", False)
        assert world.state()[0]

    def test_a_trust_that_ended_meanwhile_publishes_nothing(self, world: World) -> None:
        world.model()
        plan = world.plan()._replace(law=lambda: law(now="2999-01-01T00:00:00Z"))
        with pytest.raises(ConfigError, match="the policy expired on") as caught:
            world.push(plan)
        assert "was created, private" in caught.value.message
        assert world.state()[0]

    def test_what_still_passes_becomes_public(self, world: World) -> None:
        world.model()
        seen: list[bool] = []

        def later() -> Law:
            seen.append("model.safetensors" in world.tree())
            return law(now=LATER)

        done = world.push(world.plan()._replace(law=later))
        assert (done.decision.verdict, done.public, seen) == ("passed", True, [True])
