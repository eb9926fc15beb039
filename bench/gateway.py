# SPDX-License-Identifier: Apache-2.0
"""What the write gateway costs: uploads and small requests through it over the same ones direct.

32 clients at once, a local hub, one gateway, all on this machine. Rounds of both ways alternate,
and a ratio is the median over the rounds of (through / direct) of the same round, so that a busy
moment hits both; a first round warms caches, and is not counted.

The hub keeps its files where temporary ones go. Its disk is not what is measured: ``--hub-in``
names another place, as one in memory, where the gateway's own log does not go.

* ``storage``: the hub hands out addresses of storage; bytes do not pass the gateway;
* ``relayed``: the same upload with --relay-storage: every byte passes;
  of both, files of 64 MiB are held to the target (files of models are large), and files of 16 MiB
  show what the judged requests around each file cost; each way's files are deleted after a round;
* ``small``: one small read after another, at a pace that neither way is saturated by;
* ``memory``: the gateway's peak before and after one file of a gigabyte passed through it;
* ``git``: the same around one ``git push`` of a pack of so many MiB, beside the same push direct.

On a machine that does other things requests wait for a core, and on one with two cores clients, hub
and gateway share them: what the gateway itself takes of one, which does not depend on that, stands
below each line.

    python -m bench.gateway
    python -m bench.gateway --hub-in /dev/shm
    python -m bench.gateway --rounds 2 --mib 2 --small-mib 0 --memory-mib 64
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import functools
import hashlib
import json
import os
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import aiohttp

from hubpolicy.demo.hub.process import HubProcess
from tests.e2e.author import TOKEN, Author
from tests.gateway.world import GatewayProcess, issue, resident
from tests.hub.world import TOKENS, Git

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

CLIENTS = 32
MIB = 1024 * 1024
PACE = 0.4
"""Seconds between two small requests of one client: 80 a second in all."""

TARGETS = {"storage": 0.98, "relayed": 0.8}
_LFS = {"Content-Type": "application/vnd.git-lfs+json"}


class Way(NamedTuple):
    """Where requests go, and with which token."""

    name: str
    endpoint: str
    token: str

    @property
    def login(self) -> dict[str, str]:
        """The header."""
        return {"Authorization": f"Bearer {self.token}"}


async def pieces(content: bytes, times: int) -> AsyncIterator[bytes]:
    """A body of any size that takes the memory of one piece."""
    for _ in range(times):
        yield content


async def send(
    session: aiohttp.ClientSession, way: Way, repo: str, content: bytes, times: int,
    *, commits: bool = True,
) -> None:  # fmt: skip
    """One file as the official client sends it: its digest, batch, PUT, verify, commit."""
    digest = hashlib.sha256()
    for _ in range(times):
        digest.update(content)
    oid, size = digest.hexdigest(), len(content) * times
    page = f"{way.endpoint}/datasets/{repo}.git/info/lfs/objects"
    asked = {"operation": "upload", "objects": [{"oid": oid, "size": size}]}
    async with session.post(f"{page}/batch", json=asked, headers=way.login | _LFS) as answer:
        answer.raise_for_status()
        actions = json.loads(await answer.read())["objects"][0]["actions"]
    headers = {"Content-Length": str(size)}
    async with session.put(
        actions["upload"]["href"], data=pieces(content, times), headers=headers
    ) as answer:
        answer.raise_for_status()
    done = {"oid": oid, "size": size}
    async with session.post(actions["verify"]["href"], json=done, headers=way.login) as answer:
        answer.raise_for_status()
    if not commits:  # what is larger than any inert file needs evidence
        return
    lines = (
        {"key": "header", "value": {"summary": "bench", "description": ""}},
        {"key": "lfsFile", "value": {"path": "tokenizer.json", "algo": "sha256", **done}},
    )
    body = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
    kind = {"Content-Type": "application/x-ndjson"}
    url = f"{way.endpoint}/api/datasets/{repo}/commit/main"
    async with session.post(url, data=body, headers=way.login | kind) as answer:
        answer.raise_for_status()


async def create(session: aiohttp.ClientSession, way: Way, name: str) -> str:
    """An empty data set: nothing in it needs evidence, so that only the carrying is measured."""
    asked = {"name": name, "organization": "acme", "type": "dataset", "private": True}
    async with session.post(
        f"{way.endpoint}/api/repos/create", json=asked, headers=way.login
    ) as answer:
        answer.raise_for_status()
    return f"acme/{name}"


async def uploads(way: Way, mib: int) -> float:
    """MiB a second of all clients together, each with a file and a repository of its own."""
    async with _session() as session:
        names = [f"d{random.getrandbits(48):012x}" for _ in range(CLIENTS)]
        repos = [await create(session, way, name) for name in names]
        contents = [os.urandom(MIB) for _ in range(CLIENTS)]
        started = time.perf_counter()
        await asyncio.gather(
            *(send(session, way, r, c, mib) for r, c in zip(repos, contents, strict=True))
        )
        return CLIENTS * mib / (time.perf_counter() - started)


async def small(way: Way, each: int) -> float:
    """Median milliseconds of one small read."""
    taken: list[float] = []
    async with _session() as session:
        repo = await create(session, way, f"s{random.getrandbits(48):012x}")
        url = f"{way.endpoint}/api/datasets/{repo}/refs"

        async def client() -> None:
            await asyncio.sleep(random.random() * PACE)
            for _ in range(each):
                started = time.perf_counter()
                async with session.get(url, headers=way.login) as answer:
                    answer.raise_for_status()
                    await answer.read()
                taken.append(time.perf_counter() - started)
                await asyncio.sleep(PACE * (0.5 + random.random()))

        await asyncio.gather(*(client() for _ in range(CLIENTS)))
    return statistics.median(taken) * 1000


async def one_large(way: Way, mib: int) -> None:
    """One file through the gateway."""
    async with _session() as session:
        repo = await create(session, way, f"l{random.getrandbits(48):012x}")
        await send(session, way, repo, os.urandom(MIB), mib, commits=False)


def pushed(root: Path, way: Way, mib: int) -> float:
    """Seconds of one ``git push`` of so many MiB that do not compress, in files of 8 MiB."""
    home = root / f"git-{way.name}"
    home.mkdir()
    git = Git(home)
    repo = asyncio.run(_created(way, f"g{random.getrandbits(48):012x}"))
    url = way.endpoint.replace("://", f"://bench:{way.token}@") + f"/datasets/{repo}"
    git("clone", "-q", url, "work", cwd=home)
    work = home / "work"
    for number in range(mib // 8):
        (work / f"rows-{number}.csv").write_bytes(os.urandom(8 * MIB))
    git("config", "core.compression", "0", cwd=work)  # what is measured is not git's packing
    git("config", "core.bigFileThreshold", "1m", cwd=work)
    git("add", ".", cwd=work)
    git("commit", "-qm", "rows", cwd=work)
    started = time.perf_counter()
    git("push", "-q", "--no-verify", "origin", "main", cwd=work)
    return time.perf_counter() - started


async def _created(way: Way, name: str) -> str:
    async with _session() as session:
        return await create(session, way, name)


def cpu_seconds(pid: int) -> float:
    """User and system time of a process (proc(5): fields 14 and 15 of its stat)."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0), timeout=aiohttp.ClientTimeout(total=None)
    )


def compare(
    direct: Way, through: Way, rounds: int, measure: Callable[[Way], Awaitable[float]],
    hub: Path,
) -> tuple[list[float], list[float]]:  # fmt: skip
    """Both ways by turns, in a random order; what came to the hub's folder is deleted each time."""
    figures: dict[str, list[float]] = {direct.name: [], through.name: []}
    for number in range(rounds + 1):
        for way in random.sample((direct, through), 2):
            taken = asyncio.run(_awaited(measure(way)))
            if number:  # the first round warms caches
                figures[way.name].append(taken)
            emptied(hub)
    return figures[direct.name], figures[through.name]


async def _awaited(value: Awaitable[float]) -> float:
    return await value


def emptied(root: Path) -> None:
    """Delete a hub's large files: nobody asks for them again, and each round brings GiBs."""
    for file in (root / "lfs").glob("??/??/*"):
        file.unlink()


def row(
    name: str, direct: list[float], through: list[float], mib: int = 0, *, judged: bool = True
) -> bool:
    """Print one line of the table; True if the target is met, or none is to be."""
    if name == "small":
        added = statistics.median(t - d for d, t in zip(direct, through, strict=True))
        met = added < 5.0
        shown = f"{added:+.2f} ms added", "< 5 ms"
        unit = "ms"
    else:
        ratio = statistics.median(t / d for d, t in zip(direct, through, strict=True))
        met = not judged or ratio >= TARGETS[name]
        shown = f"{ratio:.3f} x", f">= {TARGETS[name]} x" if judged else ""
        unit, name = "MiB/s", f"{name} {mib}"
    left, right = statistics.median(direct), statistics.median(through)
    verdict = ("met" if met else "NOT MET") if judged else ""
    print(f"{name:<12}{left:>9.1f} {unit:<6}{right:>9.1f} {unit:<6}{shown[0]:>16}  "
          f"{shown[1]:<10}{verdict}", flush=True)  # fmt: skip
    return met


def main() -> int:
    """Print the table; exit 1 if a target is not met."""
    options = _options()
    for name, value in (("http_proxy", ""), ("https_proxy", ""), ("no_proxy", "127.0.0.1")):
        os.environ.setdefault(name, value)
    with contextlib.ExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        (root / "ada").mkdir()
        kept = options.hub_in or tempfile.gettempdir()
        files = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=kept)))
        hub = stack.enter_context(HubProcess(files / "hub", TOKENS))
        ada = Author(root / "ada", hub.endpoint)
        ada.init()
        token = issue(ada, "bench", "acme/*")
        plain = stack.enter_context(GatewayProcess(ada, hub.endpoint))
        relay = stack.enter_context(
            GatewayProcess(ada, hub.endpoint, "--relay-storage", copied=True)
        )
        direct = Way("direct", hub.endpoint, TOKEN)
        through = Way("through", plain.endpoint, token)
        relayed = through._replace(endpoint=relay.endpoint)
        print(f"{CLIENTS} clients, {options.rounds} rounds, {os.cpu_count()} cores, "
              f"the hub's files in {kept}\n")  # fmt: skip
        print(f"{'MiB a file':<12}{'direct':>9} {'':<6}{'through':>9} {'':<6}{'':>16}  target")
        met = []
        for name, way, gateway in (("storage", through, plain), ("relayed", relayed, relay)):
            for mib in filter(None, (options.mib, options.small_mib)):
                if options.only in {"", name}:
                    used = cpu_seconds(gateway.pid)
                    measure = functools.partial(uploads, mib=mib)
                    figures = compare(direct, way, options.rounds, measure, hub.root)
                    met.append(row(name, *figures, mib, judged=mib == options.mib))
                    gib = (options.rounds + 1) * CLIENTS * mib / 1024
                    used = (cpu_seconds(gateway.pid) - used) / gib
                    print(f"            {used:.2f} s of a core in the gateway for each GiB")
        if options.only in {"", "small"}:
            used = cpu_seconds(plain.pid)
            measure = functools.partial(small, each=options.requests)
            figures = compare(direct, through, options.rounds, measure, hub.root)
            met.append(row("small", *figures))
            asked = (options.rounds + 1) * CLIENTS * options.requests
            used = (cpu_seconds(plain.pid) - used) / asked
            print(f"            {used * 1000:.2f} ms of a core in the gateway for each of them")
        if options.only in {"", "memory"}:
            before = resident(relay.pid)
            asyncio.run(one_large(relayed, options.memory_mib))
            met.append(_flat(f"one file of {options.memory_mib} MiB", before, relay.pid))
        if options.only in {"", "git"}:
            before = resident(plain.pid)
            seconds = [pushed(root, way, options.git_mib) for way in (direct, through)]
            met.append(_flat(f"one pack of {options.git_mib} MiB", before, plain.pid))
            first, second = seconds
            print(
                f"            {first:.1f} s direct, {second:.1f} s through, where it is sent twice"
            )
    return 0 if all(met) else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--mib", type=int, default=64, help="size of each client's file")
    parser.add_argument("--small-mib", type=int, default=16, help="and of a second line; 0: none")
    parser.add_argument("--requests", type=int, default=12, help="small ones of each client")
    parser.add_argument(
        "--only", default="", choices=["storage", "relayed", "small", "memory", "git"]
    )
    parser.add_argument("--hub-in", metavar="FOLDER", help="where the hub keeps its files")
    parser.add_argument("--memory-mib", type=int, default=1024)
    parser.add_argument("--git-mib", type=int, default=256)
    return parser.parse_args()


def _flat(what: str, before: int, pid: int) -> bool:
    """Print how the gateway's peak has grown; True if that is within bounds."""
    grown = (resident(pid) - before) / MIB
    said = "met" if grown < 64 else "NOT MET"
    print(f"memory      peak {before / MIB:.0f} MiB before, {grown:+.1f} MiB after {what}   "
          f"< +64 MiB  {said}", flush=True)  # fmt: skip
    return grown < 64


if __name__ == "__main__":
    sys.exit(main())
