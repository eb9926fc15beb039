# SPDX-License-Identifier: Apache-2.0
"""Every refusal and every break in every step: one clear error, nothing lost, nothing taken down."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import huggingface_hub.utils._http
import pytest

from hubpolicy.errors import AccessError, ServiceError
from tests.flows.publishing_world import LATER, WEIGHTS

if TYPE_CHECKING:
    from tests.flows.publishing_world import World

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")

STEPS = {
    "list": ("GET", "tree/"),
    "announce": ("POST", "preupload/"),
    "batch": ("POST", "info/lfs/objects/batch"),
    "commit": ("POST", "commit/"),
    "refs": ("GET", "refs"),
}
EVERY = ("look", "create", *STEPS, "store")
REFUSALS = (401, 403, 404, 409, 412, 413, 500)
# Every refusal where it hurts most; of a login and of a broken hub everywhere.
CASES = [(step, status) for step in ("look", "commit") for status in REFUSALS]
CASES += [
    (step, status) for step in EVERY if step not in {"look", "commit"} for status in (403, 500)
]
WORDS = {
    401: "does not know this login",
    403: "does not allow this",
    404: "knows no such",
    409: "changed meanwhile",
    412: "somebody else committed",
    413: "too large",
    429: "slow down",
    500: "failed",
}


@pytest.fixture(autouse=True)
def _nobody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client's own patience with transfers, without the waiting."""
    clock = SimpleNamespace(sleep=lambda _: None, time=time.time, monotonic=time.monotonic)
    monkeypatch.setattr(huggingface_hub.utils._http, "time", clock)


def fault(world: World, step: str, **what: Any) -> dict[str, Any]:
    if step == "look":
        return {"method": "GET", "path_regex": f"/api/models/{world.repo.text}$", **what}
    if step == "create":
        return {"method": "POST", "path_regex": "/api/repos/create", **what}
    if step == "store":
        return {"method": "PUT", "path_regex": "(?<!settings)$", **what}
    method, below = STEPS[step]
    return world.at(method, below, **what)


def fails(world: World, plan: Any, status: int, secret: str = "hf_alice") -> ServiceError:
    kind = AccessError if status in {401, 403} else ServiceError
    with pytest.raises(kind) as caught:
        world.push(plan)
    assert f"HTTP {status}" in caught.value.message
    assert WORDS[status] in caught.value.message
    assert secret not in caught.value.message
    return caught.value


@pytest.mark.parametrize(("step", "status"), CASES)
def test_a_refusal_leaves_a_new_repository_private_and_the_next_push_succeeds(
    world: World, step: str, status: int
) -> None:
    world.model()
    plan = world.plan()
    world.faults(fault(world, step, status=status, times=None))
    fails(world, plan, status)
    world.faults()
    before = world.client().repo(world.repo)
    assert before.private or not before.exists
    done = world.push(plan)
    assert (done.decision.verdict, done.public) == ("passed", True)


@pytest.mark.parametrize(("step", "status"), [case for case in CASES if case[0] != "create"])
def test_a_refusal_never_takes_a_live_model_down(world: World, step: str, status: int) -> None:
    first = world.publish()
    (world.folder / WEIGHTS).write_bytes(b"\0second weights")
    plan = world.plan(now=LATER)
    world.faults(fault(world, step, status=status, times=None))
    error = fails(world, plan, status)
    private, head = world.state()
    assert not private
    if step != "refs":
        assert head == first.oid
    if step != "look":
        assert "was public before this push" in error.message
    done = world.push(plan)
    assert (done.decision.verdict, done.public) == ("passed", True)


@pytest.mark.parametrize("status", [401, 403, 404, 409, 500])
def test_visibility_that_may_not_be_changed_leaves_it_private(world: World, status: int) -> None:
    world.model()
    plan = world.plan()
    world.faults(world.at("PUT", "settings", status=status, times=None))
    error = fails(world, plan, status)
    assert "making" in error.message
    assert "was created, private" in error.message
    assert world.state()[0]
    assert world.push(plan).public


def test_refs_that_cannot_be_read_again_leave_it_public_and_say_so(world: World) -> None:
    world.model()
    plan = world.plan()
    world.faults(world.at("GET", "refs", status=500, after=2, times=None))
    error = fails(world, plan, 500)
    assert "was made public at" in error.message
    assert "not confirmed" in error.message
    assert not world.state()[0]
    assert world.push(plan).decision.verdict == "passed"


@pytest.mark.parametrize("step", ["look", *STEPS, "store"])
def test_who_is_asked_to_slow_down_waits_as_long_as_asked(world: World, step: str) -> None:
    world.model()
    plan = world.plan()
    slow = {"status": 429, "headers": {"Retry-After": "7"}}
    world.faults(fault(world, step, times=2, **slow))
    done = world.push(plan)
    assert (done.decision.verdict, done.public) == ("passed", True)
    if step not in {"batch", "store"}:  # transfers wait with the client's own patience
        assert world.waited == [7.0, 7.0]


def test_nobody_waits_longer_than_a_minute_or_for_ever(world: World) -> None:
    world.model()
    plan = world.plan()
    headers = {"Retry-After": "86400"}
    world.faults(fault(world, "commit", status=429, times=None, headers=headers))
    fails(world, plan, 429)
    assert world.waited == [60.0, 60.0, 60.0]
    assert world.state()[0]


@pytest.mark.parametrize("asked", ["", "soon", "-1", "1.5", "Wed, 21 Oct 2026 07:28:00 GMT", "٣"])
def test_a_strange_wish_to_wait_is_answered_with_our_own(world: World, asked: str) -> None:
    world.model()
    world.faults(fault(world, "look", status=503, times=2, headers={"Retry-After": asked}))
    assert world.push(world.plan()).public
    assert world.waited == [1.0, 2.0]


@pytest.mark.parametrize("when", ["request", "response"])
@pytest.mark.parametrize("step", EVERY)
def test_a_connection_that_breaks_once_is_no_reason_to_give_up(
    world: World, step: str, when: str
) -> None:
    world.model()
    plan = world.plan()
    world.faults(fault(world, step, action="close", when=when))
    done = world.push(plan)
    assert (done.decision.verdict, done.public, world.state()[0]) == ("passed", True, False)


@pytest.mark.parametrize("when", ["request", "response"])
def test_a_connection_that_keeps_breaking_is_an_error(world: World, when: str) -> None:
    world.model()
    plan = world.plan()
    world.faults(fault(world, "commit", action="close", when=when, times=None))
    if when == "response":
        # The commit landed: what is judged stands there, and that is what counts.
        assert world.push(plan).public
        assert "the answer was lost, the commit was not" in world.notes.said
        assert len(world.client().history(world.repo, "main")) == 2
        return
    with pytest.raises(ServiceError, match="did not answer") as caught:
        world.push(plan)
    assert "hf_alice" not in caught.value.message
    assert world.state()[0]
    assert world.push(plan).public


@pytest.mark.parametrize("times", [1, 2, 3])
def test_a_replica_that_is_behind_is_asked_again(world: World, times: int) -> None:
    first = world.publish()
    (world.folder / WEIGHTS).write_bytes(b"\0second weights")
    plan = world.plan(now=LATER)
    stale = {"action": "stale_read", "times": times}
    world.faults(world.at("GET", "refs", **stale), world.at("GET", "tree/", after=1, **stale))
    done = world.push(plan)
    assert (done.decision.verdict, done.public) == ("passed", True)
    assert done.oid != first.oid
    assert len(world.waited) == 2 * times


def test_a_replica_that_stays_behind_takes_nothing_down(world: World) -> None:
    world.publish()
    (world.folder / WEIGHTS).write_bytes(b"\0second weights")
    plan = world.plan(now=LATER)
    world.faults(world.at("GET", "refs", action="stale_read", times=None))
    with pytest.raises(ServiceError, match="still shows") as caught:
        world.push(plan)
    assert "push again later" in caught.value.hint
    private, head = world.state()
    assert not private
    done = world.push(plan)
    assert (done.oid, done.uploaded) == (head, 0)


def test_a_replica_that_stays_behind_keeps_a_new_repository_private(world: World) -> None:
    world.model()
    plan = world.plan()
    world.faults(world.at("GET", "refs", action="stale_read", times=None))
    with pytest.raises(ServiceError, match="still shows"):
        world.push(plan)
    assert world.state()[0]
    assert world.push(plan).public


@pytest.mark.parametrize(
    ("token", "kind"), [(None, AccessError), ("hf_nobody", AccessError), ("hf_carol", AccessError)]
)
def test_a_login_that_may_not_write_is_said_so_and_not_printed(
    world: World, token: str | None, kind: type[Exception]
) -> None:
    world.model()
    with pytest.raises(kind) as caught:
        world.push(world.plan(), token=token)
    assert "hf_" not in str(caught.value)
    assert not world.client().repo(world.repo).exists


def test_a_hub_that_repeats_the_token_does_not_get_it_printed(world: World) -> None:
    world.model()
    body = '{"error": "bad token hf_alice"}'
    headers = {"X-Error-Message": "bad token hf_alice", "Content-Type": "application/json"}
    world.faults(fault(world, "commit", status=413, body=body, headers=headers, times=None))
    with pytest.raises(ServiceError) as caught:
        world.push(world.plan())
    assert "bad token [token]" in caught.value.message
    assert "hf_alice" not in caught.value.message
