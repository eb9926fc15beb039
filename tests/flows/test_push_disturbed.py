# SPDX-License-Identifier: Apache-2.0
"""Somebody changes what was judged while it goes, or ends the process: a few of bench/push_faults.

``python -m bench.push_faults`` does each fault at each request, and hundreds of random moments.
"""

from __future__ import annotations

import hashlib
import mmap
import os
import sys
from typing import TYPE_CHECKING, Any

import pytest
from huggingface_hub.utils._lfs import SliceFileObj

from bench import push_faults as bench
from hubpolicy.adapters import hashing, hub_sending
from hubpolicy.adapters.hub import HubClient
from hubpolicy.domain.outgoing import Outgoing
from hubpolicy.errors import ServiceError
from hubpolicy.flows import pushing
from tests.flows.publishing_world import LATER, WEIGHTS

if TYPE_CHECKING:
    from pathlib import Path

    from hubpolicy.flows.push_plan import Plan
    from tests.flows.publishing_world import World

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")


@pytest.fixture(autouse=True)
def _settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """The folders are new; what was just written bears no stamp otherwise."""
    monkeypatch.setattr(hashing, "SETTLED_NS", 0)


def planned(world: World, **options: Any) -> Plan:
    world.model(model_safetensors=os.urandom(bench.LARGE) + b"\0")
    return world.plan(**options)._replace(seals=bench.seals(world))


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


def outgoing(world: World, plan: Plan) -> Outgoing:
    """The weights, as a push hands them to the client."""
    entry = next(e for e in plan.evidence.manifest.entries if e.path == WEIGHTS)  # type: ignore[union-attr]
    path = str(world.folder / WEIGHTS)
    return Outgoing(WEIGHTS, path, entry.sha256, entry.size, plan.seals[WEIGHTS])


def sent(operation: Any, *, parts: int = 1, again: int = 0) -> int:
    """Read it as the client does: in parts, each of which may be sent ``again``."""
    size = operation.upload_info.size
    step, count = -(-size // parts), 0
    with operation.as_file(with_tqdm=True) as file:
        for start in range(0, size, step):
            with SliceFileObj(file, seek_from=start, read_limit=step) as part:
                for _ in range(again):
                    part.read(step // 3)
                    part.seek(0)
                while piece := part.read(1024 * 1024):
                    count += len(piece)
    return count


@pytest.mark.parametrize("shown", [True, False])
def test_while_it_is_sent_a_bar_moves_where_somebody_looks(
    world: World, shown: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for module in ("huggingface_hub.constants", "huggingface_hub.utils.tqdm"):
        monkeypatch.setattr(sys.modules[module], "HF_HUB_DISABLE_PROGRESS_BARS", None)
    client = HubClient(world.repo.endpoint, "hf_alice", bars=shown)
    world.client().repo(world.repo)  # looks something up, and draws nothing
    assert pushing.push(planned(world), world.repo, client, world.notes).public
    assert (f"{WEIGHTS}: 100%" in capsys.readouterr().err) == shown


@pytest.mark.parametrize(("parts", "again"), [(1, 0), (3, 0), (1, 1), (4, 2)])
def test_without_xet_a_large_file_is_compared_as_it_is_read_to_be_sent(
    world: World, parts: int, again: int
) -> None:
    plan = planned(world)
    operation = hub_sending.addition(outgoing(world, plan))
    assert sent(operation, parts=parts, again=again) == operation.upload_info.size
    with (world.folder / WEIGHTS).open("r+b") as file:
        file.seek(5_000_000)
        file.write(b"!")
    with pytest.raises(ServiceError, match="changed while it was being published"):
        sent(operation, parts=parts, again=again)


def test_a_change_that_shows_in_no_time_and_no_name_is_not_sent(world: World) -> None:
    """A store to a page that is dirty already leaves size, inode and both times as they were."""
    world.model(model_safetensors=os.urandom(bench.LARGE) + b"\0")
    with (world.folder / WEIGHTS).open("r+b") as file, mmap.mmap(file.fileno(), 0) as memory:
        memory[-1] ^= 1
        plan = world.plan()._replace(seals=bench.seals(world))
        memory[-1] ^= 2
        assert hashing.stamp_of((world.folder / WEIGHTS).stat()) == plan.seals[WEIGHTS].stamp
        operation = hub_sending.addition(outgoing(world, plan))
        with pytest.raises(ServiceError, match="changed while it was being published"):
            sent(operation)
        with pytest.raises(ServiceError, match=f"{WEIGHTS} changed while it was being published"):
            world.push(plan)
        changed = hashlib.sha256(memory).hexdigest()
    assert not bench.received(world)[changed]


def test_another_folder_for_as_long_as_the_client_reads_is_not_sent(
    world: World, tmp_path: Path
) -> None:
    plan = planned(world)
    file = outgoing(world, plan)
    operation = hub_sending.addition(file)
    world.folder.rename(tmp_path / "away")
    world.folder.mkdir()
    (world.folder / WEIGHTS).write_bytes(os.urandom(file.size))
    with pytest.raises(ServiceError, match="changed while it was being published"):
        sent(operation)


@pytest.mark.parametrize("when", ["before it is sent", "while it is sent"])
def test_a_file_whose_times_changed_is_refused_before_it_is_read(world: World, when: str) -> None:
    plan = planned(world)
    file = outgoing(world, plan)
    operation = hub_sending.addition(file)
    hub_sending.require_sent(file, operation)
    stamp = plan.seals[WEIGHTS].stamp
    assert stamp is not None
    os.utime(world.folder / WEIGHTS, ns=(1, stamp.modified_ns))
    with pytest.raises(ServiceError, match="changed while it was being published"):
        hub_sending.addition(file) if when.startswith("before") else hub_sending.require_sent(
            file, operation
        )


def test_what_the_client_hashes_while_it_sends_is_compared_before_a_commit_names_it(
    world: World,
) -> None:
    """Xet: the client hands back the digest of what it sent."""
    plan = planned(world)
    file = outgoing(world, plan)
    operation = hub_sending.addition(file, hashing=True)
    assert not operation.upload_info.is_hashed
    operation.upload_info.sha256 = bytes.fromhex(file.sha256)
    hub_sending.require_sent(file, operation)
    operation.upload_info.sha256 = bytes(32)
    with pytest.raises(ServiceError, match="no commit names it"):
        hub_sending.require_sent(file, operation)


def test_a_file_that_bears_no_stamp_is_compared_as_it_is_sent(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hashing, "SETTLED_NS", 60_000_000_000)
    plan = planned(world)
    assert plan.seals[WEIGHTS].stamp is None
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
