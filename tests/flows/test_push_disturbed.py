# SPDX-License-Identifier: Apache-2.0
"""Somebody changes what was judged while it goes, or ends the process: a few of bench/push_faults.

``python -m bench.push_faults`` does each fault at each request, and hundreds of random moments.
"""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING, Any

import pytest

from bench import push_faults as bench
from hubpolicy.adapters import hashing, hub_sending
from hubpolicy.errors import ServiceError
from hubpolicy.flows import pushing
from hubpolicy.ports import Outgoing
from tests.flows.publishing_world import LATER, WEIGHTS

if TYPE_CHECKING:
    from pathlib import Path

    from hubpolicy.flows.pushing import Plan
    from tests.flows.publishing_world import World

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")


@pytest.fixture(autouse=True)
def _settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """The folders are new; what was just written is hashed once more otherwise."""
    monkeypatch.setattr(hashing, "SETTLED_NS", 0)


def planned(world: World, **options: Any) -> Plan:
    world.model(model_safetensors=os.urandom(bench.LARGE) + b"\0")
    return world.plan(**options)._replace(stamps=bench.stamps(world))


@pytest.mark.parametrize("public", [False, True], ids=["new", "public"])
@pytest.mark.parametrize("kind", bench.TAMPERINGS)
def test_what_changed_after_the_verdict_is_not_published(
    world: World, kind: str, public: bool
) -> None:
    first = bench.digests(world.publish_plan()) if public else set()
    plan = planned(world, **({"now": LATER} if public else {}))
    client = world.client()
    real = client.upload

    def late(*args: Any, **options: Any) -> Any:
        bench.TAMPERINGS[kind](world)
        return real(*args, **options)

    client.upload = late  # type: ignore[method-assign]
    ending = bench.ended(lambda: pushing.push(plan, world.repo, client, world.notes))
    # What is not sent may change: the card of the first release stands there already.
    harmless = kind == "weights added" or (public and kind == "card changed")
    assert ending == ("passed" if harmless else "ServiceError")
    judged = first | bench.digests(plan)
    assert bench.unjudged(world, judged, theirs=frozenset(["NEWS.md"])) == 0
    assert "added.safetensors" not in world.tree()


@pytest.mark.parametrize("when", ["before it is sent", "while it is sent"])
def test_a_large_file_is_hashed_once_and_must_stay_the_file_that_it_was(
    world: World, tmp_path: Path, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = planned(world)
    opened: list[str] = []
    monkeypatch.setattr("huggingface_hub.lfs.sha_fileobj", lambda file: opened.append(file.name))
    digest = next(e for e in plan.evidence.manifest.entries if e.path == WEIGHTS)  # type: ignore[union-attr]
    path = str(world.folder / WEIGHTS)
    file = Outgoing(WEIGHTS, path, digest.sha256, digest.size, plan.stamps[WEIGHTS])
    operation = hub_sending.addition(file)
    assert operation.upload_info.sha256.hex() == digest.sha256
    hub_sending.require_sent(file, operation)
    assert opened == []
    os.utime(path, ns=(1, plan.stamps[WEIGHTS].modified_ns))
    with pytest.raises(ServiceError, match="changed while it was being published"):
        hub_sending.addition(file) if when.startswith("before") else hub_sending.require_sent(
            file, operation
        )


def test_what_the_client_hashes_while_it_sends_is_compared_before_a_commit_names_it(
    world: World,
) -> None:
    """Xet: the client hands back the digest of what it sent."""
    plan = planned(world)
    digest = next(e for e in plan.evidence.manifest.entries if e.path == WEIGHTS)  # type: ignore[union-attr]
    path = str(world.folder / WEIGHTS)
    file = Outgoing(WEIGHTS, path, digest.sha256, digest.size, plan.stamps[WEIGHTS])
    operation = hub_sending.addition(file, hashing=True)
    assert not operation.upload_info.is_hashed
    operation.upload_info.sha256 = bytes.fromhex(digest.sha256)
    hub_sending.require_sent(file, operation)
    operation.upload_info.sha256 = bytes(32)
    with pytest.raises(ServiceError, match="no commit names it"):
        hub_sending.require_sent(file, operation)


def test_a_file_that_was_just_written_is_hashed_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hashing, "SETTLED_NS", 60_000_000_000)
    plan = planned(world)
    assert plan.stamps == {}
    path = world.folder / WEIGHTS
    seen = path.stat()
    with path.open("r+b") as file:
        file.write(b"!")
    os.utime(path, ns=(seen.st_atime_ns, seen.st_mtime_ns))
    with pytest.raises(ServiceError, match=f"{WEIGHTS} changed"):
        world.push(plan)
    assert not bench.received(world)[hashlib.sha256(path.read_bytes()).hexdigest()]


@pytest.mark.parametrize("share", [0.2, 0.5, 0.8])
def test_killed_in_the_middle_the_same_push_goes_on(world: World, share: float) -> None:
    plan = planned(world)
    mark = len(world.hub.requests())
    bench.killed(world, plan, share * 0.5)
    assert bench.unjudged(world, bench.digests(plan)) == 0
    assert bench.rerun(world, plan, mark) == ("passed", 0)


def test_requests_that_arrive_twice_make_one_commit_and_one_release(world: World) -> None:
    world.model()
    plan = world.plan()
    world.faults({"path_regex": world.repo.text, "action": "twice", "times": None})
    done = world.push(plan)
    assert (done.decision.verdict, done.public) == ("passed", True)
    assert len(world.client().history(world.repo, "main")) == 2
    assert bench.unjudged(world, bench.digests(plan)) == 0
