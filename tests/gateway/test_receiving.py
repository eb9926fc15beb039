# SPDX-License-Identifier: Apache-2.0
"""git takes a push by itself: pushers who stop reading, questions that outlive it, and limits."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from hubpolicy.domain.release import RepoId
from hubpolicy.errors import ServiceError
from hubpolicy.gateway import mirror as mirror_module
from hubpolicy.gateway import receiving
from hubpolicy.gateway.intake import Turns
from hubpolicy.gateway.metrics import Metrics
from hubpolicy.gateway.mirror import Mirrors
from hubpolicy.gateway.pushed import MOST_OBJECTS, MOST_UNPACKED, too_much, unpacked
from hubpolicy.gateway.reader import Reader
from hubpolicy.gateway.receiving import Answer, Received, receive
from hubpolicy.gateway.settings import Settings
from tests.git.repos import Repo, init, isolate
from tests.hub.world import until

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence
    from pathlib import Path

    from hubpolicy.gateway.receiving import Ended

REPO = RepoId("acme", "m")
_NONE = "0" * 40


class Desk(NamedTuple):
    """A mirror, and a push for it."""

    mirrors: Mirrors
    place: Path
    body: BinaryIO

    async def receive(
        self,
        ask: Callable[[Received], Awaitable[Answer]],
        write: Callable[[bytes], Awaitable[None]],
    ) -> Ended:
        return await receive(
            self.mirrors.receiving(), self.mirrors.environment(), self.place, self.body, ask, write
        )

    def branches(self) -> str:
        return Repo(self.place).git("for-each-ref")

    def left(self) -> list[str]:
        return [path.name for path in (self.place / "objects").glob("tmp_objdir*")]


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    isolate(monkeypatch, tmp_path / "home")
    upstream = tmp_path / "hub"
    init(upstream / "acme" / "m.git", "--bare")
    address = f"file://{upstream}"
    mirrors = Mirrors(Settings(address, address, "t", "::1", 0, git_folder=str(tmp_path / "git")))
    with tempfile.TemporaryFile() as body:
        body.write(pushed(init(tmp_path / "work"), {"README.md": b"# one\n"}))
        yield Desk(mirrors, mirrors.synced(REPO), body)


def pushed(work: Repo, files: dict[str, bytes]) -> bytes:
    """What git sends to make the first commit of all the branch main."""
    tip = work.commit(files)
    pack = work.raw("pack-objects", "--stdout", "--revs", stdin=f"{tip}\n".encode()).stdout
    line = f"{_NONE} {tip} refs/heads/main\0 report-status side-band-64k".encode()
    return b"%04x%s0000" % (len(line) + 4, line) + pack


async def yes(received: Received) -> Answer:
    return Answer(accepted=bool(received.push.updates), text="yes")


async def nowhere(chunk: bytes) -> None:
    assert chunk


def test_a_push_is_asked_about_once_and_kept_after_a_yes(desk: Desk) -> None:
    said = []

    async def write(chunk: bytes) -> None:
        said.append(chunk)

    ended = asyncio.run(desk.receive(yes, write))
    assert (ended.asked, ended.code) == (True, 0)
    assert b"ok refs/heads/main" in b"".join(said)
    assert desk.branches().endswith("refs/heads/main")
    assert desk.left() == []


def test_a_question_never_outlives_the_descriptors_of_its_push(desk: Desk) -> None:
    """Somebody else's pipes have the same numbers then, and would read this one's answer."""
    asked = asyncio.Event()
    hook = desk.place.parents[2] / "hooks" / "pre-receive"
    hook.write_text(f"#!/bin/sh\necho a remark, which is passed on >&2\n{hook.read_text()}")

    async def slow(received: Received) -> Answer:
        asked.set()
        await asyncio.sleep(0.3)
        return Answer(accepted=bool(received.push.updates), text="for the first alone")

    async def gone(chunk: bytes) -> None:
        assert chunk
        raise ConnectionResetError

    async def world() -> list[bytes]:
        with contextlib.suppress(ConnectionResetError):
            await desk.receive(slow, gone)
        assert asked.is_set()
        pipes = [os.pipe() for _ in range(8)]
        await asyncio.sleep(0.6)
        found = []
        for reading, writing in pipes:
            os.close(writing)
            found.append(os.read(reading, 100))
            os.close(reading)
        return found

    assert set(asyncio.run(world())) == {b""}
    assert desk.left() == []


def test_git_that_never_asks_is_ended_with_all_that_it_started(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And so is one that does not end; what it unpacked is gone, and nothing was kept."""
    monkeypatch.setattr(receiving, "_ASK_SECONDS", 0.5)
    monkeypatch.setattr(receiving, "_END_SECONDS", 0.5)
    hook = desk.place.parents[2] / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\nsleep 300\n")
    started = time.monotonic()
    ended = asyncio.run(desk.receive(yes, nowhere))
    assert time.monotonic() - started < 60
    assert not ended.asked
    assert (desk.branches(), desk.left()) == ("", [])

    def runs() -> bool:
        listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True)
        return str(hook) in listed.stdout

    until(lambda: not runs())  # killed, which a busy machine does when it comes to it


def test_a_small_pack_of_a_large_file_costs_little_memory(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hundred thousand bytes of zeros, packed; in git's memory they were a hundred million."""
    size = 128 * 1024 * 1024
    desk.body.seek(0)
    sent = pushed(init(tmp_path / "large"), {"z.txt": bytes(size)})
    assert len(sent) < size // 500
    desk.body.write(sent)
    sizes: list[int] = []

    async def look(received: Received) -> Answer:
        sizes.extend(unpacked(received.quarantine))
        return Answer(accepted=True, text="")

    monkeypatch.setattr(receiving, "_LIMITED", 'ulimit -v 120000; exec git "$@"')
    ended = asyncio.run(desk.receive(look, nowhere))
    assert (ended.asked, ended.code) == (True, 0), ended.said
    assert len(sizes) == 3  # a commit, a tree, a file
    assert max(sizes) == size
    assert "refs/heads/main" in desk.branches()


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such limit")
def test_who_takes_a_push_has_a_limit_of_memory(desk: Desk) -> None:
    hook = desk.place.parents[2] / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\nulimit -v >&2\nexit 1\n")
    said = []

    async def write(chunk: bytes) -> None:
        said.append(chunk)

    assert not asyncio.run(desk.receive(yes, write)).asked
    assert b"2097152" in b"".join(said)


@pytest.mark.parametrize(
    ("sizes", "allowed"),
    [
        ((), True),
        ((MOST_UNPACKED,), True),
        ((MOST_UNPACKED, 1), False),
        ((1 << 40,), False),
        ((0,) * MOST_OBJECTS, True),
        ((0,) * (MOST_OBJECTS + 1), False),
    ],
)
def test_what_a_push_unpacks_to_has_a_limit(sizes: Sequence[int], allowed: bool) -> None:
    refused = too_much(REPO, sizes)
    assert (refused is None) == allowed
    if refused is not None:
        assert (refused.rule, str(MOST_UNPACKED) in refused.reason) == ("HP510", True)


def test_of_many_packs_git_makes_one(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    assert asyncio.run(desk.receive(yes, nowhere)).code == 0
    mirror = Repo(desk.place)
    for content in (b"1", b"2", b"3"):
        oid = mirror.blob(content)
        mirror.raw("pack-objects", "-q", "objects/pack/pack", stdin=f"{oid}\n".encode())
    packs = desk.place / "objects" / "pack"
    assert len(list(packs.glob("*.pack"))) == 4
    desk.mirrors.synced(REPO)
    assert len(list(packs.glob("*.pack"))) == 4
    monkeypatch.setattr(mirror_module, "_MOST_PACKS", 3)
    desk.mirrors.synced(REPO)
    assert len(list(packs.glob("*.pack"))) < 4
    mirror.git("fsck", "--strict")


def test_what_a_killed_git_left_is_gone_after_the_next_start(desk: Desk) -> None:
    left = ("objects/tmp_objdir-incoming-x/pack/p", "objects/pack/tmp_pack_x", "packed-refs.lock",
            "refs/heads/main.lock")  # fmt: skip
    for name in left:
        (desk.place / name).parent.mkdir(parents=True, exist_ok=True)
        (desk.place / name).touch()
    (desk.place.parent / ".new-x").mkdir()
    desk.mirrors.sweep()
    assert not any((desk.place / name).exists() for name in left)
    assert [path.name for path in desk.place.parent.iterdir()] == ["m.git"]
    assert asyncio.run(desk.receive(yes, nowhere)).code == 0


@pytest.mark.parametrize("drips", [False, True], ids=["never reads", "reads a little"])
def test_who_does_not_read_holds_nobody_up(drips: bool) -> None:
    took: list[float] = []

    async def world() -> None:
        ended = asyncio.Event()

        async def answer(request: web.Request) -> web.StreamResponse:
            reader = Reader(request, Metrics(), "text/plain", {}, patience=0.4)
            await reader.begin()
            started = time.monotonic()
            for _ in range(60):
                await reader.write(b"x" * 1024 * 1024)
            await reader.end()
            took.append(time.monotonic() - started)
            ended.set()
            return reader.response

        app = web.Application()
        app.router.add_get("/", answer)
        async with TestServer(app) as server:
            reading, writing = await asyncio.open_connection("127.0.0.1", server.port, limit=1024)
            writing.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                while drips and not ended.is_set():
                    await reading.readexactly(256 * 1024)
                    await asyncio.sleep(0.1)
            await ended.wait()
            writing.close()

    asyncio.run(asyncio.wait_for(world(), 40))
    assert took[0] > 0.1


def test_nobody_waits_for_a_repository_for_ever() -> None:
    async def world() -> str:
        turns = Turns(wait=0.05)
        async with turns.taken(["acme/m"]), turns.taken(["acme/other"]), turns.taken([]):
            with pytest.raises(ServiceError) as caught:
                async with turns.taken(["acme/n", "acme/m"]):
                    pytest.fail("two at once")
        async with turns.taken(["acme/n", "acme/m"]):
            return caught.value.message

    assert "another change of acme/m or acme/n" in asyncio.run(world())
