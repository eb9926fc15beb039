# SPDX-License-Identifier: Apache-2.0
"""Bodies that are large, many, cut off or slow: what they cost, and what the log says then."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from hubpolicy.errors import ServiceError
from hubpolicy.gateway.intake import Slots
from tests.gateway.world import GatewayProcess, issue
from tests.hub.world import ask

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.e2e.author import Author

MANY = 300 * 1024 * 1024


@contextlib.contextmanager
def begun(
    gateway: GatewayProcess, path: str, token: str = "", size: int = MANY, method: str = "POST"
) -> Iterator[socket.socket]:
    """A request whose body was announced, and has not come."""
    parts = urlsplit(gateway.endpoint)
    with socket.create_connection((parts.hostname, parts.port), timeout=5) as connection:
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


def until(holds: Callable[[], bool]) -> None:
    """Wait until it is so; never longer than some seconds."""
    end = time.monotonic() + 5
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)
