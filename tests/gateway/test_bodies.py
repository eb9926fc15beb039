# SPDX-License-Identifier: Apache-2.0
"""Bodies that are large, many, cut off or slow: what they cost, and what the log says then."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from huggingface_hub import HfApi

from hubpolicy.errors import ServiceError
from hubpolicy.gateway import intake
from hubpolicy.gateway.intake import Slots
from tests.e2e.author import TOKEN
from tests.gateway.world import GatewayProcess, issue
from tests.hub.world import ask, until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hubpolicy.demo.hub.process import HubProcess
    from tests.e2e.author import Author

MANY = 300 * 1024 * 1024


@contextlib.contextmanager
def begun(
    gateway: GatewayProcess, path: str, token: str = "", size: int = MANY, method: str = "POST"
) -> Iterator[socket.socket]:
    """A request whose body was announced, and has not come."""
    parts = urlsplit(gateway.endpoint)
    with socket.create_connection((parts.hostname, parts.port), timeout=60) as connection:
        lines = [f"{method} {path} HTTP/1.1", "Host: x", f"Content-Length: {size}"]
        kind = "application/x-ndjson" if "/commit/" in path else "application/json"
        lines += [f"Content-Type: {kind}"]
        lines += [f"Authorization: Bearer {token}"] if token else []
        connection.sendall("\r\n".join(lines).encode() + b"\r\n\r\n")
        yield connection


def spooled(gateway: GatewayProcess) -> int:
    """Files without a name that the gateway holds open."""
    folder = f"/proc/{gateway.pid}/fd"
    found = 0
    for name in os.listdir(folder):
        with contextlib.suppress(OSError):
            found += "(deleted)" in os.readlink(f"{folder}/{name}")
    return found


class TestNobodySBodyIsRead:
    @pytest.mark.parametrize(
        "path",
        [
            "/api/models/{repo}/commit/main",
            "/api/models/{repo}/preupload/main",
            "/api/repos/create",
            "/{repo}.git/info/lfs/objects/verify",
            "/.hubpolicy/evidence/models/{repo}",
        ],
    )
    def test_without_a_token(self, gateway: GatewayProcess, repo: str, path: str) -> None:
        method = "PUT" if "hubpolicy" in path else "POST"
        with begun(gateway, path.replace("{repo}", repo), method=method) as connection:
            assert connection.recv(1000).startswith(b"HTTP/1.1 401 ")

    def test_with_a_token_for_another_repository(
        self, gateway: GatewayProcess, ada: Author, repo: str
    ) -> None:
        stranger = issue(ada, f"kim-{repo.replace('/', '-')}", "globex/*")
        path = f"/api/models/{repo}/commit/main"
        with begun(gateway, path, stranger) as connection:
            answer = connection.recv(1000)
        assert answer.startswith(b"HTTP/1.1 403 ")
        assert f"not for {repo}".encode() in answer
        assert f'"did": "denied", "method": "POST", "path": "{path}"' in (
            ada.ok("gateway", "log", "show").out
        )

    def test_a_batch_to_download_is_carried_on_without_our_login(
        self, gateway: GatewayProcess, ada: Author, repo: str
    ) -> None:
        token = issue(ada, f"mia-{repo.replace('/', '-')}", "globex/*")
        url = f"{gateway.endpoint}/{repo}.git/info/lfs/objects/batch"
        kind = {"Content-Type": "application/vnd.git-lfs+json"}
        body = {"operation": "download", "objects": [{"oid": "e" * 64, "size": 3}]}
        asked = ask(url, "POST", body=body, token=token, headers=kind)
        assert "hubpolicy" not in asked.headers.get("x-error-message", "")  # the hub's own answer
        body["operation"] = "upload"
        assert ask(url, "POST", body=body, token=token, headers=kind).status == 403


class TestSlots:
    def test_others_wait_and_are_told_when_it_takes_too_long(self) -> None:
        async def world() -> None:
            slots = Slots(2, 1, wait=0.01)
            async with slots.taken("ann"):
                with pytest.raises(ServiceError, match="too many"):  # a second of her own
                    await slots.taken("ann").__aenter__()
                async with slots.taken("bea"):
                    with pytest.raises(ServiceError, match="too many"):  # a third of all
                        await slots.taken("cyd").__aenter__()
                async with slots.taken("cyd"):
                    pass
            async with slots.taken("ann"), slots.taken("bea"):
                pass

        asyncio.run(world())

    def test_one_person_s_commits_do_not_fill_the_disk(
        self, gateway: GatewayProcess, ada: Author, repo: str
    ) -> None:
        token = issue(ada, f"lea-{repo.replace('/', '-')}", repo)
        with contextlib.ExitStack() as stack:
            for _ in range(7):
                path = f"/api/models/{repo}/commit/main"
                connection = stack.enter_context(begun(gateway, path, token))
                connection.sendall(b"x" * 100_000)
            until(lambda: spooled(gateway) == 4)
            time.sleep(0.2)
            assert ask(f"{gateway.endpoint}/healthz", token=None).status == 200
            assert spooled(gateway) == 4


class TestTime:
    """A body that comes drop by drop holds a slot and a file: it has to come at some pace."""

    @pytest.fixture(autouse=True)
    def _quick(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A second and a half for a minute; what is asked for in a second stays as it is."""
        monkeypatch.setattr(intake, "_SILENCE_SECONDS", 1.5)

    async def arrived(self, drops: int, size: int) -> str:
        """What a server says of a body of so many pieces, 20 a second."""

        async def handle(request: web.Request) -> web.Response:
            try:
                body, count = await intake.read(request, "/api/repos/create", 1 << 20)
            except TimeoutError:
                return web.Response(text="too slow")
            body.close()
            return web.Response(text=str(count))

        app = web.Application()
        app.router.add_post("/", handle)
        async with TestServer(app) as server:
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n")
            writer.write(f"Content-Length: {drops * size}\r\n\r\n".encode())
            with contextlib.suppress(ConnectionError):
                for _ in range(drops):
                    writer.write(b"x" * size)
                    await writer.drain()
                    await asyncio.sleep(0.05)
            answer = await reader.read()
            writer.close()
            return answer.decode().rpartition("\r\n")[2]

    def test_drops_end_it_though_it_is_never_silent(self) -> None:
        assert asyncio.run(self.arrived(60, size=8)) == "too slow"

    def test_a_slow_connection_is_waited_for(self) -> None:
        assert asyncio.run(self.arrived(36, size=16384)) == str(36 * 16384)


@pytest.mark.parametrize("path", ["/api/models/{repo}/commit/main", "/api/repos/create"])
def test_a_body_that_is_cut_off_leaves_neither_a_file_nor_a_traceback(
    gateway: GatewayProcess, token: str, repo: str, path: str
) -> None:
    """That no traceback is written is looked at when the gateway ends (``GatewayProcess``)."""
    name = path.replace("{repo}", repo)
    for linger in (b"\1\0\0\0\1\0\0\0", b"\1\0\0\0\0\0\0\0"):  # an end, and a reset
        with begun(gateway, name, token) as connection:
            connection.sendall(b"x" * 100_000)
            until(lambda: spooled(gateway) == ("/commit/" in name))
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        until(lambda: spooled(gateway) == 0)


def test_what_the_hub_did_is_in_the_log_though_nobody_waits_for_the_answer(
    gateway: GatewayProcess, hub: HubProcess, ada: Author, token: str, repo: str
) -> None:
    api = HfApi(endpoint=hub.endpoint, token=TOKEN)
    api.create_repo(repo, private=True)
    hub.faults({"method": "POST", "path_regex": f"{repo}/discussions$", "action": "delay",
                "seconds": 60, "times": 1})  # fmt: skip
    path, body = f"/api/models/{repo}/discussions", b'{"title":"t","description":"d"}'
    with begun(gateway, path, token, len(body)) as connection:
        connection.sendall(body)
        until(lambda: f"POST {path}" in hub.delayed())
    assert dids(ada, repo) == ["allowed"]
    hub.configure({})
    until(lambda: len(dids(ada, repo)) == 2)
    assert [each.title for each in api.get_repo_discussions(repo)] == ["t"]
    assert told(ada, repo)[-1]["did"] == "answered"
    assert told(ada, repo)[-1]["status"] == 200


def test_a_hub_that_breaks_off_leaves_an_entry_that_says_so(
    gateway: GatewayProcess, hub: HubProcess, ada: Author, token: str, repo: str
) -> None:
    HfApi(endpoint=hub.endpoint, token=TOKEN).create_repo(repo, private=True)
    hub.faults({"method": "POST", "path_regex": f"{repo}/discussions$", "action": "close",
                "times": 1})  # fmt: skip
    url = f"{gateway.endpoint}/api/models/{repo}/discussions"
    done = ask(url, "POST", body={"title": "t"}, token=token,
               headers={"Content-Type": "application/json"})  # fmt: skip
    assert done.status == 502
    assert dids(ada, repo) == ["allowed", "unanswered"]


def told(ada: Author, repo: str) -> list[dict[str, Any]]:
    """The log's entries about a repository."""
    shown = ada.ok("gateway", "log", "show").out
    return [json.loads(line) for line in shown.splitlines() if f'"{repo}"' in line]


def dids(ada: Author, repo: str) -> list[str]:
    return [entry["did"] for entry in told(ada, repo)]
